using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Control;

/// <summary>The errors table of the ABI page, row by row, at the byte door.</summary>
public sealed class ErrorTests
{
    private const ulong Mb = 0x10_0000;

    /// <summary>Refused calls by errno and reason; window 0 maps memory and window 4 a bank in all of them.</summary>
    private static readonly Dictionary<string, Func<PamuContainer, long>> Examples = new()
    {
        ["EFAULT: null argument"] = c => c.Ioctl(PamuRequests.IommuMapDma, 0),
        ["EFAULT: the page source cannot supply"] = c => MapDma(c, 1UL << 36, At(1), Window),
        ["EFAULT: the page source fails on the second window"] = c => MapDma(c, (1UL << 36) - Window, At(1), 2 * Window),
        ["EBUSY: range mapped"] = c => MapDma(c, 0, At(0), Window),
        ["EBUSY: range overlaps a mapping"] = c => MapDma(c, 0, At(0) + 0x1000, 0x1000),
        ["EBUSY: a later window is an MSI window"] = c => MapDma(c, 0, At(3), 2 * Window),
        ["EBUSY: MSI on a DMA window"] = c => MapMsiBank(c, 0, At(0)),
        ["EBUSY: MSI on an MSI window"] = c => MapMsiBank(c, 1, At(4)),
        ["EBUSY: geometry while enabled"] = c => SetGeometry(c, 0, Mb - 1),
        ["EBUSY: window count while enabled"] = c => SetWindows(c, 4),
        ["EBUSY: a bad window count while enabled"] = c => SetWindows(c, 3),
        ["ENODEV: no such bank"] = c => MapMsiBank(c, 3, At(1)),
        ["EINVAL: argsz of MAP_DMA"] = c => MapDma(c, 0, At(1), Window, argsz: 31),
        ["EINVAL: argsz of UNMAP_DMA"] = c => UnmapDma(c, At(0), Window, out _, argsz: 23),
        ["EINVAL: argsz of SET_ATTR"] = c => SetWindows(c, 4, argsz: 31),
        ["EINVAL: argsz of MAP_MSI_BANK"] = c => MapMsiBank(c, 0, At(1), argsz: 23),
        ["EINVAL: argsz of UNMAP_MSI_BANK"] = c => UnmapMsiBank(c, At(4), argsz: 15),
        ["EINVAL: the RFC v2 layout of MAP_MSI_BANK, 16 bytes"] = c => c.Ioctl(PamuRequests.PamuMapMsiBank, Bytes(16u, 0u, At(1))),
        ["EINVAL: MAP_DMA without READ or WRITE"] = c => MapDma(c, 0, At(1), Window, flags: 0),
        ["EINVAL: unknown flag of MAP_DMA"] = c => MapDma(c, 0, At(1), Window, flags: 7),
        ["EINVAL: unknown flag of UNMAP_DMA"] = c => UnmapDma(c, At(0), Window, out _, flags: 1),
        ["EINVAL: unknown flag of SET_ATTR"] = c => SetWindows(c, 4, flags: 1),
        ["EINVAL: unknown flag of GET_ATTR"] = c => c.Ioctl(PamuRequests.PamuGetAttr, Bytes(32u, 1u, 0u, 0u, 0ul, 0ul)),
        ["EINVAL: MAP_MSI_BANK without READ or WRITE"] = c => MapMsiBank(c, 0, At(1), flags: 0),
        ["EINVAL: MAP_MSI_BANK without flags, before the bank is looked at"] = c => MapMsiBank(c, 99, At(1), flags: 0),
        ["EINVAL: unknown flag of MAP_MSI_BANK"] = c => MapMsiBank(c, 0, At(1), flags: 6),
        ["EINVAL: unknown flag of UNMAP_MSI_BANK"] = c => UnmapMsiBank(c, At(4), flags: 2),
        ["EINVAL: unknown attribute to set"] = c => c.Ioctl(PamuRequests.PamuSetAttr, Bytes(32u, 0u, 3u, 0u, 0ul, 0ul)),
        ["EINVAL: unknown attribute to get"] = c => c.Ioctl(PamuRequests.PamuGetAttr, Bytes(32u, 0u, 3u, 0u, 0ul, 0ul)),
        ["EINVAL: unknown stash target"] = c => SetStash(c, 0, 2),
        ["EINVAL: iova + size ends at 2^64"] = c => MapDma(c, 0, ulong.MaxValue - Window + 1, Window),
        ["EINVAL: iova + size wraps, before the overlap is looked at"] = c => MapDma(c, 0, At(0), ulong.MaxValue),
        ["EINVAL: vaddr + size wraps"] = c => MapDma(c, ulong.MaxValue - Window + 2, At(1), Window),
        ["EINVAL: less than a page"] = c => MapDma(c, 0, At(1), 4095),
        ["EINVAL: less than a page, before the overlap is looked at"] = c => MapDma(c, 0, At(0), 4095),
        ["EINVAL: off the window grid"] = c => MapDma(c, 0, At(1) + 0x1000, 0x1000),
        ["EINVAL: below the aperture"] = c => MapDma(c, 0, Start - Window, Window),
        ["EINVAL: past the aperture"] = c => MapDma(c, 0, At(8), Window),
        ["EINVAL: runs out of the aperture"] = c => MapDma(c, 0, At(7), 2 * Window),
        ["EINVAL: MSI below the aperture"] = c => MapMsiBank(c, 0, Start - Window),
        ["EINVAL: MSI past the aperture"] = c => MapMsiBank(c, 0, At(8)),
        ["EINVAL: UNMAP_MSI_BANK of an empty window"] = c => UnmapMsiBank(c, At(1)),
        ["EINVAL: UNMAP_MSI_BANK of a DMA window"] = c => UnmapMsiBank(c, At(0)),
        ["EINVAL: UNMAP_MSI_BANK inside the window"] = c => UnmapMsiBank(c, At(4) + 4),
        ["EINVAL: UNMAP_MSI_BANK outside the aperture"] = c => UnmapMsiBank(c, ulong.MaxValue),
        ["EINVAL: UNMAP_DMA range wraps and hits"] = c => UnmapDma(c, At(0), ulong.MaxValue, out _),
        ["ENOTTY: unknown request"] = c => c.Ioctl(0x3B78, new byte[64]),
    };

    public static TheoryData<string> Names => [.. Examples.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Each_refusal_has_its_errno_and_changes_nothing(string example)
    {
        using var machine = new Machine(new PamuPlatform { PageSource = BelowTwoToThe36 });
        PamuContainer container = machine.Ready();
        container.MapDma(0x40_0000, At(0), Window, DmaPermissions.ReadWrite);
        container.MapMsiBank(0, At(4));
        IReadOnlyList<PamuWindow> windows = container.GetWindows();
        ulong generation = container.Generation;

        long result = Examples[example](container);

        Assert.Equal(-(long)Enum.Parse<Errno>(example[..example.IndexOf(':', StringComparison.Ordinal)]), result);
        Assert.Equal(windows, container.GetWindows());
        Assert.Equal(generation, container.Generation);
        Assert.Equal((Start, Start + Count * Window - 1), container.Geometry);
        Assert.Equal((int)Count, container.WindowCount);
        Assert.Equal((0u, 0u), container.Stash);
    }

    [Theory]
    [InlineData(0, 0xFFE)]
    [InlineData(0, 0x2FFF)]
    [InlineData(0x1000, 0x2FFF)]
    [InlineData(0, 0x7FF)]
    [InlineData(0x1000, 0xFFF)]
    [InlineData(0x2000, 0x1FFF)]
    [InlineData(0, ulong.MaxValue)]
    [InlineData(ulong.MaxValue, 0)]
    public void A_geometry_that_is_no_aligned_power_of_two_of_4_KiB_or_more_is_EINVAL(ulong start, ulong last)
    {
        using var machine = new Machine();

        Assert.Equal(-(long)Errno.EINVAL, SetGeometry(machine.Fresh(), start, last));
    }

    [Theory]
    [InlineData(0, 0xFFF)]
    [InlineData(0xFFFF_FFFF_FFFF_F000, ulong.MaxValue)]
    [InlineData(0, 0x7FFF_FFFF_FFFF_FFFF)]
    [InlineData(0x8000_0000_0000_0000, ulong.MaxValue)]
    public void Any_aligned_power_of_two_up_to_2_to_the_63_is_a_geometry(ulong start, ulong last)
    {
        using var machine = new Machine();
        PamuContainer container = machine.Fresh();

        Assert.Equal(0, SetGeometry(container, start, last));
        Assert.Equal((start, last), container.Geometry);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(3u)]
    [InlineData(32u)]
    [InlineData(512u)]
    [InlineData(uint.MaxValue)]
    public void A_window_count_that_is_no_power_of_two_up_to_the_platforms_maximum_is_EINVAL(uint count)
    {
        using var machine = new Machine(new PamuPlatform { MaxWindows = 16 });
        PamuContainer container = machine.Fresh();
        container.SetGeometry(0, 0xFFFF_FFFF);

        Assert.Equal(-(long)Errno.EINVAL, SetWindows(container, count));
        Assert.Equal(0, SetWindows(container, 16));
    }

    [Fact]
    public void A_window_count_before_the_geometry_is_EINVAL()
    {
        using var machine = new Machine();

        Assert.Equal(-(long)Errno.EINVAL, SetWindows(machine.Fresh(), 8));
    }

    [Fact]
    public void A_mapping_before_the_window_count_is_ENODEV()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Fresh();

        Assert.Equal(-(long)Errno.ENODEV, MapDma(container, 0, 0, Window));
        Assert.Equal(-(long)Errno.ENODEV, MapMsiBank(container, 0, 0));
        Assert.Equal(0, SetGeometry(container, 0, Mb - 1));
        Assert.Equal(-(long)Errno.ENODEV, MapDma(container, 0, 0, Window));
        Assert.Equal(-(long)Errno.ENODEV, MapMsiBank(container, 0, 0));
        Assert.Equal(-(long)Errno.EINVAL, UnmapMsiBank(container, 0));
        Assert.Equal(0, UnmapDma(container, 0, Window, out _));
    }

    [Fact]
    public void The_typed_door_throws_the_same_errno_with_the_argument_and_the_rule()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();

        PamuException refused = Assert.Throws<PamuException>(() => container.MapDma(0, At(0) + 1, Window, DmaPermissions.Read));

        Assert.Equal((Errno.EINVAL, "iova"), (refused.Errno, refused.Parameter));
        Assert.NotEmpty(refused.Rule);
    }

    [Fact]
    public void Everything_is_EBADF_once_the_container_is_closed()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0, At(0), Window, DmaPermissions.Read);
        PamuGroup group = machine.Engine.CreateGroup(1, [0x42], []);
        group.Attach(container);
        container.Dispose();

        Assert.Equal(-(long)Errno.EBADF, container.Ioctl(PamuRequests.GetApiVersion));
        Assert.Equal(-(long)Errno.EBADF, MapDma(container, 0, At(1), Window));
        Assert.Equal(Errno.EBADF, ErrnoOf.Call(() => container.SetWindows(4)));
        Assert.Equal(Errno.EBADF, ErrnoOf.Call(() => group.Attach(container)));
        Assert.Null(group.Container);
        Assert.Equal(FaultKind.OutOfAperture, machine.Fault(container, At(0), DmaAccess.Read));
        Assert.Equal(FaultKind.UnknownLiodn, machine.Reader.Translate(0x42u, At(0), 4, DmaAccess.Read).Fault);
    }

    private static bool BelowTwoToThe36(ulong vaddr, ulong length, out ulong target)
    {
        target = vaddr;
        return vaddr + length <= 1UL << 36;
    }
}
