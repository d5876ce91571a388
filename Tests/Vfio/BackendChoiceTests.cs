using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Vfio;

/// <summary>Which IOMMU is taken of those that a kernel offers.</summary>
public sealed class BackendChoiceTests
{
    [Theory]
    [InlineData(new uint[] { 1, 3, 4, 6, 9 })]
    [InlineData(new uint[] { 3 })]
    public void TYPE1v2_is_taken_where_it_is_offered(uint[] offered)
    {
        using var kernel = new OfferKernel(0, offered);
        using VfioMirror mirror = VfioMirror.Open(kernel, new VfioOptions());

        Assert.IsType<Type1Mirror>(mirror);
        Assert.False(kernel.IsDisposed);
    }

    [Theory]
    [InlineData(7u, new uint[] { 7 })]
    [InlineData(2u, new uint[] { 2 })]
    public void A_PAMU_is_taken_where_it_is_named_and_offered(uint number, uint[] offered)
    {
        using var kernel = new OfferKernel(0, offered);
        using VfioMirror mirror = VfioMirror.Open(kernel, new VfioOptions { PamuExtension = number });

        Assert.IsType<PamuMirror>(mirror);
    }

    [Theory]
    [InlineData(7u, new uint[] { 3, 7 })]
    [InlineData(2u, new uint[] { 2, 3 })]
    [InlineData(7u, new uint[] { 3 })]
    public void TYPE1v2_goes_before_a_PAMU(uint number, uint[] offered)
    {
        using var kernel = new OfferKernel(0, offered);
        using VfioMirror mirror = VfioMirror.Open(kernel, new VfioOptions { PamuExtension = number });

        Assert.IsType<Type1Mirror>(mirror);
    }

    [Theory]
    [InlineData(null, new uint[] { 7 })]
    [InlineData(null, new uint[] { 2 })]
    [InlineData(2u, new uint[] { 7 })]
    [InlineData(7u, new uint[] { 2, 7 })]
    [InlineData(2u, new uint[] { 2, 7 })]
    public void A_number_that_is_not_said_to_be_a_PAMU_or_that_is_SPAPR_is_ENODEV(uint? number, uint[] offered)
    {
        using var kernel = new OfferKernel(0, offered);

        Assert.Equal(Errno.ENODEV, ErrnoOf.Call(() => VfioMirror.Open(kernel, new VfioOptions { PamuExtension = number })));
        Assert.True(kernel.IsDisposed);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Merging_is_the_callers_choice(bool merges)
    {
        using var kernel = new OfferKernel(0, [3]);
        using VfioMirror mirror = VfioMirror.Open(kernel, new VfioOptions { MergeNeighbours = merges });

        Assert.Equal(merges, ((Type1Mirror)mirror).MergeNeighbours);
    }

    [Theory]
    [InlineData(0, new uint[0])]
    [InlineData(0, new uint[] { 1 })]
    [InlineData(1, new uint[] { 1, 3 })]
    [InlineData(-25, new uint[] { 3 })]
    public void Without_an_IOMMU_or_version_we_know_it_is_ENODEV_and_the_kernel_is_closed(long version, uint[] offered)
    {
        using var kernel = new OfferKernel(version, offered);

        PamuException refused = Assert.Throws<PamuException>(() => VfioMirror.Open(kernel, new VfioOptions()));

        Assert.Equal(Errno.ENODEV, refused.Errno);
        Assert.True(kernel.IsDisposed);
    }

    /// <summary>A kernel that says its version and what it offers.</summary>
    private sealed class OfferKernel(long version, uint[] offered) : IVfioKernel
    {
        internal bool IsDisposed { get; private set; }

        public long Ioctl(uint request, ulong value) => request switch
        {
            0x3B64 => version,
            0x3B65 => offered.Contains((uint)value) ? 1 : 0,
            _ => throw new NotSupportedException(),
        };

        public long Ioctl(uint request, Span<byte> argument) => throw new NotSupportedException();

        public Refusal AddGroup(int group) => throw new NotSupportedException();

        public Refusal RemoveGroup(int group) => throw new NotSupportedException();

        public IReadOnlyList<IovaRange> ReservedRanges(int group) => throw new NotSupportedException();

        public void Dispose() => IsDisposed = true;
    }
}
