using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Snapshot;

/// <summary>Snapshots whose frame and checksum are right, and whose content is not what control calls leave.</summary>
public sealed class ContentRulesTests
{
    private const int WindowBytes = 32; // at: number 0, use 2, permissions 3, bank 4, target 8, size 16, vaddr 24
    private const int GroupSecond = 32; // the first group has a head of 16 bytes, two LIODNs, a bank, and padding to 8

    private static readonly byte[] Good = SnapshotMachine.Saved();

    /// <summary>What, the chunk, where in it, its new value (a byte, ushort, uint or ulong), and what the message says.</summary>
    private static readonly (string What, string Chunk, int Offset, object Value, string Message)[] Cases =
    [
        ("flags unknown", "CONT", 0, 15u, "flags"),
        ("windows without a geometry", "CONT", 0, 5u, "the geometry is set first"),
        ("no geometry, and another than the platform's", "CONT", 0, 1u, "until they are set"),
        ("no windows set, and another count than the platform's", "CONT", 0, 3u, "until they are set"),
        ("a count of 0", "CONT", 4, 0u, "windows: a power of two"),
        ("a count of 3", "CONT", 4, 3u, "windows: a power of two"),
        ("a count of 32 where 16 are most", "CONT", 4, 32u, "windows: a power of two"),
        ("a count of 4, and windows beyond it", "CONT", 4, 4u, "no more than the container's 4"),
        ("an aperture that runs backward", "CONT", 16, 0ul, "aperture"),
        ("an aperture that is no power of two", "CONT", 16, Start + Count * Window, "aperture"),
        ("an aperture off its alignment", "CONT", 8, Start + Window, "aperture"),
        ("windows below 4 KiB", "CONT", 16, Start + 0x3FFF, "a window is at least 4 KiB"),
        ("a stash target that is none", "CONT", 28, 1u, "stash"),
        ("generation 0", "CONT", 32, 0ul, "generation"),
        ("a window beyond the count", "WNDW", 6 * WindowBytes, (ushort)8, "window 8"),
        ("a window beyond every count", "WNDW", 6 * WindowBytes, ushort.MaxValue, "window 65535"),
        ("a window twice", "WNDW", WindowBytes, (ushort)0, "window 0"),
        ("windows out of order", "WNDW", 0, (ushort)2, "window 1: below 8, and windows are in order"),
        ("an empty window", "WNDW", 2, (byte)0, "window 0: memory, or an MSI bank"),
        ("a window for nothing known", "WNDW", 2, (byte)3, "window 0: memory, or an MSI bank"),
        ("a window for all we know", "WNDW", 2, byte.MaxValue, "window 0: memory, or an MSI bank"),
        ("memory with a bank", "WNDW", 4, 1u, "window 0: memory, or an MSI bank"),
        ("memory taken for a bank", "WNDW", 2, (byte)2, "an MSI window maps its bank's page"),
        ("no permissions", "WNDW", 3, (byte)0, "permissions"),
        ("permissions unknown", "WNDW", 3, (byte)4, "permissions"),
        ("all permissions there are", "WNDW", 3, byte.MaxValue, "permissions"),
        ("a target off 4 KiB", "WNDW", 8, 0x1800ul, "window 0: target"),
        ("a target with a tag", "WNDW", 8, 1ul, "window 0: target"),
        ("a size of 0", "WNDW", 16, 0ul, "window 0: size"),
        ("a size beyond the window", "WNDW", 16, 2 * Window, "window 0: size"),
        ("a size that is no power of two", "WNDW", 16, 0x3000ul, "window 0: size"),
        ("a size below a page", "WNDW", 16, 0x800ul, "window 0: size"),
        ("a size of everything", "WNDW", 16, ulong.MaxValue, "window 0: size"),
        ("a vaddr off a page", "WNDW", 24, 0x40_0800ul, "window 0: vaddr"),
        ("a vaddr that wraps", "WNDW", 24, 0xFFFF_FFFF_FFFF_F000, "window 0: vaddr"),
        ("a bank that is none", "WNDW", 4 * WindowBytes + 4, 3u, "below the bank count, 3"),
        ("a bank below zero", "WNDW", 4 * WindowBytes + 4, uint.MaxValue, "memory, or an MSI bank"),
        ("a bank with another's page", "WNDW", 4 * WindowBytes + 4, 1u, "maps its bank's page"),
        ("a bank with a page of its own", "WNDW", 4 * WindowBytes + 8, 0x1000ul, "maps its bank's page"),
        ("a bank with two pages", "WNDW", 4 * WindowBytes + 16, 0x2000ul, "maps its bank's page"),
        ("a bank with memory behind it", "WNDW", 4 * WindowBytes + 24, 0x1000ul, "maps its bank's page"),
        ("more LIODNs than there is room for", "GRPS", 4, 1000u, "end in the chunk"),
        ("2^32 LIODNs", "GRPS", 4, uint.MaxValue, "end in the chunk"),
        ("2^32 banks", "GRPS", 8, uint.MaxValue, "end in the chunk"),
        ("no LIODN", "GRPS", 4, 0u, "a LIODN to be attached by"),
        ("a LIODN the platform has not", "GRPS", 16, 0x500u, "below the platform's count"),
        ("a LIODN below zero", "GRPS", 16, uint.MaxValue, "below the platform's count"),
        ("a LIODN twice in a group", "GRPS", 16, 0x42u, "one group's only"),
        ("a LIODN in two groups", "GRPS", 16, 0x10u, "one group's only"),
        ("a group's bank that is none", "GRPS", 24, 3u, "there is no MSI bank 3"),
        ("a group's bank below zero", "GRPS", 24, uint.MaxValue, "there is no MSI bank -1"),
        ("a group twice", "GRPS", GroupSecond, 7u, "group 7: there once"),
        ("reserved bytes of a group", "GRPS", 12, 1u, "reserved"),
        ("padding of a group", "GRPS", 28, 1u, "reserved"),
        ("a fault that is none", "FLTS", 0, 0u, "fault 0"),
        ("a fault of no known kind", "FLTS", 0, 7u, "fault 0"),
        ("a fault of a kind below zero", "FLTS", 0, uint.MaxValue, "fault 0"),
        ("a fault of no known direction", "FLTS", 44, 2u, "fault 1"),
        ("a fault of another's LIODN", "FLTS", 8, 0x99u, "fault 0"),
        ("a fault of no LIODN", "FLTS", 8, uint.MaxValue, "fault 0"),
        ("reserved bytes of a fault", "FLTS", 12, 1u, "reserved"),
        ("a platform with 3 windows", "PLAT", 0, 3u, "MaxWindows"),
        ("a platform with 2^31 windows", "PLAT", 0, 1u << 31, "MaxWindows"),
        ("a platform with 64 address bits", "PLAT", 4, 64u, "PhysicalAddressBits"),
        ("a platform with pages of 1 KiB", "PLAT", 8, 1024u, "PageSize"),
        ("a platform with 2^32 LIODNs", "PLAT", 12, uint.MaxValue, "LiodnCount"),
        ("a platform with another number of banks", "PLAT", 20, 4u, "as long as 4 MSI banks and 1 stash targets take"),
        ("a platform with 2^32 banks", "PLAT", 20, uint.MaxValue, "as long as"),
        ("a platform with 2^32 stash targets", "PLAT", 24, uint.MaxValue, "as long as"),
        ("reserved bytes of the platform", "PLAT", 28, 1u, "reserved"),
        ("a bank's page off 4 KiB", "PLAT", 32, 1ul, "MsiBanks"),
        ("a stash target with half a cpu", "PLAT", 60, 2u, "stash target"),
        ("a stash target with a cpu it has not", "PLAT", 64, 1u, "stash target"),
    ];

    public static TheoryData<string> Names => [.. Cases.Select(one => one.What)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_state_that_control_calls_do_not_leave_is_EINVAL_and_changes_nothing(string what)
    {
        (_, string chunk, int offset, object value, string message) = Cases.Single(one => one.What == what);
        using var machine = new SnapshotMachine();
        byte[] bad = Changed(chunk, offset, value);

        PamuException refused = Assert.Throws<PamuException>(() => machine.Container.Restore(bad));

        Assert.Equal(Errno.EINVAL, refused.Errno);
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
        machine.AssertUntouched(Good);
    }

    [Theory]
    [InlineData("PLAT", 24)]
    [InlineData("PLAT", 31)]
    [InlineData("PLAT", 40)]
    [InlineData("CONT", 32)]
    [InlineData("CONT", 48)]
    [InlineData("WNDW", 40)]
    [InlineData("WNDW", 17 * WindowBytes)]
    [InlineData("GRPS", 8)]
    [InlineData("GRPS", 24)]
    [InlineData("FLTS", 48)]
    public void A_chunk_of_a_wrong_length_is_EINVAL(string id, int length)
    {
        using var machine = new SnapshotMachine();
        byte[] bad = SnapshotBytes.With(Good, id, chunk =>
        {
            byte[] payload = chunk.Payload;
            Array.Resize(ref payload, length);
            return chunk with { Payload = payload };
        });
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => machine.Container.Restore(bad)));
    }

    /// <summary>MAP_DMA refuses it too: the last page of the memory would lie outside of the aperture.</summary>
    [Fact]
    public void An_aperture_below_a_page_with_memory_in_it_is_EINVAL()
    {
        const ulong aperture = 0x8000;
        using var machine = new SnapshotMachine(new PamuPlatform { PageSize = 2 * (int)aperture });
        machine.Container.SetIommu(machine.Engine.Platform.PamuExtension);
        machine.Container.SetGeometry(0, aperture - 1);
        machine.Container.SetWindows(1);
        byte[] empty = machine.Container.Save();
        var window = new byte[WindowBytes];
        (window[2], window[3]) = (1, 3); // memory, to be read and written
        BitConverter.TryWriteBytes(window.AsSpan(16), aperture);

        using var other = new SnapshotMachine(machine.Engine.Platform);
        byte[] bad = SnapshotBytes.With(empty, "WNDW", chunk => chunk with { Payload = window });
        PamuException refused = Assert.Throws<PamuException>(() => other.Container.Restore(bad));

        Assert.Equal(Errno.EINVAL, refused.Errno);
        Assert.Contains("an aperture below a page", refused.Message, StringComparison.Ordinal);
        other.AssertUntouched(empty);
    }

    [Fact]
    public void The_first_generation_is_of_a_container_that_devices_have_seen_no_change_of()
    {
        using var machine = new SnapshotMachine();
        byte[] bad = SnapshotBytes.WithPayload(Good, "CONT", 32, 1ul);
        PamuException refused = Assert.Throws<PamuException>(() => machine.Container.Restore(bad));
        Assert.Equal((Errno.EINVAL, "generation"), (refused.Errno, refused.Parameter));
        machine.AssertUntouched(Good);
    }

    [Theory]
    [InlineData(2ul)]
    [InlineData(1ul << 40)]
    [InlineData(ulong.MaxValue >> 1)]
    public void The_generation_goes_on_from_where_it_was(ulong generation)
    {
        using var machine = new SnapshotMachine();
        machine.Container.Restore(SnapshotBytes.WithPayload(Good, "CONT", 32, generation));
        Assert.Equal(generation, machine.Container.Generation);
        machine.Container.UnmapDma(At(0), Window);
        Assert.Equal(generation + 1, machine.Container.Generation);
        using ReaderSection section = machine.Reader.Enter(machine.Container);
        Assert.Equal(generation + 1, section.Table.Generation);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1ul << 63)]
    public void A_generation_that_could_not_go_on_is_EINVAL(ulong generation)
    {
        using var machine = new SnapshotMachine();
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => machine.Container.Restore(SnapshotBytes.WithPayload(Good, "CONT", 32, generation))));
    }

    private static byte[] Changed(string chunk, int offset, object value) => value switch
    {
        byte one => SnapshotBytes.WithPayload(Good, chunk, offset, one),
        ushort two => SnapshotBytes.WithPayload(Good, chunk, offset, two),
        uint four => SnapshotBytes.WithPayload(Good, chunk, offset, four),
        ulong eight => SnapshotBytes.WithPayload(Good, chunk, offset, eight),
        _ => throw new ArgumentOutOfRangeException(nameof(value), value, "byte, ushort, uint or ulong"),
    };
}
