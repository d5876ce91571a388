using System.Runtime.InteropServices;
using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Vfio;

/// <summary>What VFIO_IOMMU_GET_INFO answers, well formed and not.</summary>
public sealed class Type1OfferTests
{
    private const uint Sizes = 1;
    private const uint Capabilities = 2;

    /// <summary>Answers that cannot be: each is <see cref="Whole"/> with one field changed (offset, width in bytes, value).</summary>
    public static TheoryData<string, int, int, ulong> Malformed => new()
    {
        { "the first capability lies in the fixed part", 16, 4, 8 },
        { "the first capability lies beyond the answer", 16, 4, 96 },
        { "the first capability begins inside and ends beyond", 16, 4, 88 },
        { "an offset of all ones", 16, 4, uint.MaxValue },
        { "a capability follows itself", 28, 4, 24 },
        { "the next one lies inside this one's header", 28, 4, 28 },
        { "the last one points back to the first", 76, 4, 24 },
        { "the next one begins beyond the answer", 28, 4, 1000 },
        { "a next of all ones", 28, 4, uint.MaxValue },
        { "more ranges than there are bytes", 32, 4, 4 },
        { "a count whose bytes wrap around", 32, 4, 0x1000_0001 },
        { "a count of all ones", 32, 4, uint.MaxValue },
        { "a range that ends before it starts", 40, 8, 0xFEE0_0000 },
        { "argsz cuts the chain", 0, 4, 80 },
        { "argsz cuts the fixed part, and there are capabilities", 0, 4, 12 },
        { "argsz 0", 0, 4, 0 },
        { "maps available: not whole", 0, 4, 82 },
    };

    /// <summary>Two usable ranges and a capability nobody knows, then the maps available: 24 + 48 + 12 bytes and some that are not used.</summary>
    private static byte[] Whole()
    {
        byte[] answer = new byte[92];
        Put(answer, 0, 92u);
        Put(answer, 4, Sizes | Capabilities);
        Put(answer, 8, 0x4020_1000ul);
        Put(answer, 16, 24u);
        PutCapability(answer, 24, id: 1, next: 72);
        Put(answer, 32, 2u);
        Put(answer, 40, 0ul);
        Put(answer, 48, 0xFEDF_FFFFul);
        Put(answer, 56, 0xFEF0_0000ul);
        Put(answer, 64, 0x7F_FFFF_FFFFul);
        PutCapability(answer, 72, id: 3, next: 0);
        Put(answer, 80, 65_535u);
        return answer;
    }

    [Fact]
    public void Page_sizes_ranges_and_maps_available_are_read()
    {
        Type1Offer offer = Type1Offer.Parse(Whole())!;

        Assert.Equal(0x4020_1000ul, offer.PageSizes);
        Assert.Equal(0x1000ul, offer.PageSize);
        Assert.Equal([new IovaRange(0, 0xFEDF_FFFF), new IovaRange(0xFEF0_0000, 0x7F_FFFF_FFFF)], offer.Ranges);
        Assert.Equal(65_535u, offer.MapsAvailable);
    }

    [Fact]
    public void What_the_kernel_does_not_say_is_not_known()
    {
        byte[] answer = new byte[24];
        Put(answer, 0, 24u);
        Put(answer, 8, 0x1000ul); // without the flag that says it means something

        Type1Offer offer = Type1Offer.Parse(answer)!;

        Assert.Equal((0ul, 0ul), (offer.PageSizes, offer.PageSize));
        Assert.Null(offer.Ranges);
        Assert.Null(offer.MapsAvailable);
    }

    [Fact]
    public void No_usable_range_is_not_the_same_as_no_word_of_ranges()
    {
        byte[] answer = Whole();
        Put(answer, 32, 0u);

        Assert.Empty(Type1Offer.Parse(answer)!.Ranges!);
    }

    [Fact]
    public void An_unknown_capability_is_stepped_over()
    {
        byte[] answer = Whole();
        PutCapability(answer, 24, id: 2, next: 72);

        Type1Offer offer = Type1Offer.Parse(answer)!;

        Assert.Null(offer.Ranges);
        Assert.Equal(65_535u, offer.MapsAvailable);
    }

    [Theory]
    [MemberData(nameof(Malformed))]
    public void A_malformed_answer_is_no_answer(string what, int offset, int width, ulong value)
    {
        byte[] answer = Whole();
        BitConverter.GetBytes(value).AsSpan(0, width).CopyTo(answer.AsSpan(offset));

        Assert.True(Type1Offer.Parse(answer) == null, what);
    }

    [Fact]
    public void Every_answer_cut_short_is_read_or_not_but_never_past_its_end()
    {
        byte[] whole = Whole();
        for (int bytes = 0; bytes < whole.Length; bytes++)
        {
            // Below 84 bytes a capability, or the fixed part, is not whole; the rest is padding.
            Assert.Equal(bytes >= 84, Type1Offer.Parse(whole.AsSpan(0, bytes)) != null);
        }
    }

    [Fact]
    public void Random_bytes_are_answered()
    {
        var random = new Random(20);
        byte[] whole = Whole();
        int read = 0;
        for (int i = 0; i < 100_000; i++)
        {
            byte[] answer = [.. whole];
            for (int changes = random.Next(1, 4); changes > 0; changes--)
            {
                answer[random.Next(answer.Length)] = (byte)random.Next(256);
            }

            if (Type1Offer.Parse(answer) is { } offer)
            {
                read++;
                Assert.All(offer.Ranges ?? [], static range => Assert.True(range.Start <= range.Last));
            }
        }

        Assert.InRange(read, 1, 99_999); // both kinds came up
    }

    [Fact]
    public void An_answer_that_needs_room_is_asked_for_again_with_it()
    {
        var kernel = new InfoKernel(static asked => asked < 92 ? Short(92) : Whole());

        Assert.False(Type1Offer.Read(kernel, out Type1Offer? offer).IsRefused);

        Assert.Equal([24, 92], kernel.Asked);
        Assert.Equal(2, offer!.Ranges!.Count);
    }

    [Fact]
    public void An_answer_that_grows_in_between_is_asked_for_once_more()
    {
        var kernel = new InfoKernel(static asked => asked < 48 ? Short(48) : asked < 92 ? Short(92) : Whole());

        Assert.False(Type1Offer.Read(kernel, out Type1Offer? offer).IsRefused);

        Assert.Equal([24, 48, 92], kernel.Asked);
        Assert.NotNull(offer!.Ranges);
    }

    [Theory]
    [InlineData(uint.MaxValue)]
    [InlineData(0x10_0001u)]
    public void An_answer_without_bounds_is_refused(uint argsz)
    {
        var kernel = new InfoKernel(_ => Short(argsz));

        Assert.Equal(Errno.EINVAL, Type1Offer.Read(kernel, out Type1Offer? offer).Errno);
        Assert.Null(offer);
    }

    [Fact]
    public void An_answer_that_grows_for_ever_is_refused()
    {
        var kernel = new InfoKernel(static asked => Short((uint)asked + 1));

        Assert.Equal(Errno.EINVAL, Type1Offer.Read(kernel, out _).Errno);
        Assert.InRange(kernel.Asked.Count, 2, 8);
    }

    [Fact]
    public void The_kernels_errno_is_kept()
    {
        var kernel = new InfoKernel(static _ => null);

        Assert.Equal(Errno.ENOTTY, Type1Offer.Read(kernel, out _).Errno);
    }

    private static byte[] Short(uint argsz)
    {
        byte[] answer = new byte[24];
        Put(answer, 0, argsz);
        Put(answer, 4, Sizes | Capabilities);
        Put(answer, 8, 0x1000ul);
        return answer;
    }

    private static void Put<T>(byte[] answer, int offset, T value)
        where T : unmanaged => MemoryMarshal.Write(answer.AsSpan(offset), value);

    private static void PutCapability(byte[] answer, int offset, ushort id, uint next)
    {
        Put(answer, offset, id);
        Put(answer, offset + 2, (ushort)1);
        Put(answer, offset + 4, next);
    }

    /// <summary>A kernel that answers GET_INFO only, as a function of the bytes there is room for; ENOTTY for none.</summary>
    private sealed class InfoKernel(Func<int, byte[]?> answer) : IVfioKernel
    {
        internal List<int> Asked { get; } = [];

        public long Ioctl(uint request, ulong value) => throw new NotSupportedException();

        public long Ioctl(uint request, Span<byte> argument)
        {
            Assert.Equal(0x3B70u, request);
            Assert.Equal((uint)argument.Length, MemoryMarshal.Read<uint>(argument));
            Asked.Add(argument.Length);
            if (answer(argument.Length) is not { } bytes)
            {
                return -25;
            }

            bytes.AsSpan(0, Math.Min(bytes.Length, argument.Length)).CopyTo(argument);
            return 0;
        }

        public Refusal AddGroup(int group) => throw new NotSupportedException();

        public Refusal RemoveGroup(int group) => throw new NotSupportedException();

        public IReadOnlyList<IovaRange> ReservedRanges(int group) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
