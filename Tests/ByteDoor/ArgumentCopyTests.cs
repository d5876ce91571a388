using System.Runtime.Versioning;
using PamuFastPath.Interop;
using PamuFastPath.Tests.Control;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.ByteDoor;

/// <summary>How a byte door treats argument memory.</summary>
public sealed class ArgumentCopyTests
{
    private const int Extra = 16;

    /// <summary>One request of each struct, and the field it writes back.</summary>
    private static readonly Dictionary<string, Example> Examples = new()
    {
        ["GET_INFO"] = new(PamuRequests.IommuGetInfo, Bytes(16u, 0u, 0ul), 4, 12),
        ["MAP_DMA"] = new(PamuRequests.IommuMapDma, Bytes(32u, 3u, 0x80_0000ul, At(3), Window)),
        ["UNMAP_DMA"] = new(PamuRequests.IommuUnmapDma, Bytes(24u, 0u, At(0), Window), 16, 8),
        ["GET_ATTR GEOMETRY"] = new(PamuRequests.PamuGetAttr, Bytes(32u, 0u, 0u, 0u, 1ul, 2ul), 16, 16),
        ["GET_ATTR WINDOWS"] = new(PamuRequests.PamuGetAttr, Bytes(32u, 0u, 1u, 0u, 1ul, 2ul), 16, 4),
        ["GET_ATTR PAMU_STASH"] = new(PamuRequests.PamuGetAttr, Bytes(32u, 0u, 2u, 0u, 1ul, 2ul), 16, 8),
        ["SET_ATTR PAMU_STASH"] = new(PamuRequests.PamuSetAttr, Bytes(32u, 0u, 2u, 0u, 0u, 3u, 0ul)),
        ["MAP_MSI_BANK"] = new(PamuRequests.PamuMapMsiBank, Bytes(24u, 2u, 1u, 0u, At(5))),
        ["UNMAP_MSI_BANK"] = new(PamuRequests.PamuUnmapMsiBank, Bytes(16u, 0u, At(4))),
    };

    public static TheoryData<string> Names => [.. Examples.Keys];

    private sealed record Example(uint Request, byte[] Argument, int BackOffset = 0, int BackLength = 0);

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_byte_of_the_argument_is_read_once_and_none_beyond_argsz(string name)
    {
        (uint request, byte[] argument, int backOffset, int backLength) = Examples[name];
        using var machine = new Machine();
        byte[] bytes = [.. argument, .. new byte[Extra]];
        var memory = new WatchedArgument(bytes, changes: false);

        Assert.Equal(0, Mapped(machine).Ioctl(request, WatchedArgument.Address, memory));

        Assert.All(memory.Reads[..argument.Length], count => Assert.Equal(1, count));
        Assert.All(memory.Reads[argument.Length..], count => Assert.Equal(0, count));
        Assert.All(memory.Writes, write => Assert.Equal((backOffset, backLength), write));
        Assert.Equal(backLength > 0, memory.Writes.Count > 0);
        byte[] other = [.. bytes];
        argument.AsSpan(backOffset, backLength).CopyTo(other.AsSpan(backOffset));
        Assert.Equal(argument, other[..argument.Length]);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Memory_that_changes_after_it_was_read_has_no_effect(string name)
    {
        (uint request, byte[] argument, int backOffset, int backLength) = Examples[name];
        using var quiet = new Machine();
        using var hostile = new Machine();
        PamuContainer expected = Mapped(quiet);
        PamuContainer actual = Mapped(hostile);
        byte[] still = [.. argument];
        byte[] moving = [.. argument];

        Assert.Equal(0, expected.Ioctl(request, still));
        Assert.Equal(0, actual.Ioctl(request, WatchedArgument.Address, new WatchedArgument(moving, changes: true)));

        Assert.Equal(expected.GetWindows(), actual.GetWindows());
        Assert.Equal(expected.Stash, actual.Stash);
        Assert.Equal(still.AsSpan(backOffset, backLength), moving.AsSpan(backOffset, backLength));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void An_argsz_that_is_too_small_is_EINVAL_and_only_argsz_is_read(string name)
    {
        (uint request, byte[] argument, _, _) = Examples[name];
        using var machine = new Machine();
        PamuContainer container = Mapped(machine);
        IReadOnlyList<PamuWindow> before = container.GetWindows();
        byte[] bytes = [.. argument];
        BitConverter.GetBytes(argument.Length - 1).CopyTo(bytes, 0);
        var memory = new WatchedArgument(bytes, changes: false);

        Assert.Equal(-(long)Errno.EINVAL, container.Ioctl(request, WatchedArgument.Address, memory));

        Assert.Equal([1, 1, 1, 1], memory.Reads[..4]);
        Assert.All(memory.Reads[4..], count => Assert.Equal(0, count));
        Assert.Empty(memory.Writes);
        Assert.Equal(before, container.GetWindows());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Truncated_memory_is_EFAULT_and_changes_nothing(string name)
    {
        (uint request, byte[] argument, _, _) = Examples[name];
        using var machine = new Machine();
        PamuContainer container = Mapped(machine);
        IReadOnlyList<PamuWindow> before = container.GetWindows();
        for (int length = 0; length < argument.Length; length++)
        {
            byte[] bytes = argument[..length];

            Assert.Equal(-(long)Errno.EFAULT, container.Ioctl(request, bytes));

            Assert.Equal(argument[..length], bytes);
        }

        Assert.Equal(before, container.GetWindows());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_field_that_cannot_be_written_back_is_EFAULT_and_changes_nothing(string name)
    {
        (uint request, byte[] argument, _, int backLength) = Examples[name];
        using var machine = new Machine();
        PamuContainer container = Mapped(machine);
        IReadOnlyList<PamuWindow> before = container.GetWindows();
        ulong generation = container.Generation;

        long result = container.Ioctl(request, 0, new ReadOnlyArgument(argument));

        Assert.Equal(backLength > 0 ? -(long)Errno.EFAULT : 0, result);
        if (backLength > 0)
        {
            Assert.Equal(before, container.GetWindows());
            Assert.Equal(generation, container.Generation);
        }
    }

    [Fact]
    public void An_argsz_larger_than_the_struct_is_fine_and_the_rest_is_not_read()
    {
        using var machine = new Machine();
        PamuContainer container = Mapped(machine);
        byte[] bytes = Bytes(uint.MaxValue, 3u, 0x80_0000ul, At(3), Window);
        var memory = new WatchedArgument(bytes, changes: false);

        Assert.Equal(0, container.Ioctl(PamuRequests.IommuMapDma, WatchedArgument.Address, memory));

        Assert.Equal(0, memory.Reads[^1]);
    }

    [Fact]
    [SupportedOSPlatform("linux")]
    public void An_access_that_ends_half_way_has_failed()
    {
        using var memory = new GuardedMemory();
        var process = new ProcessMemory();

        Assert.True(process.TryWrite(memory.AddressOfLast(4), [1, 2, 3, 4]));
        Assert.True(process.TryRead(memory.AddressOfLast(4), new byte[4]));
        Assert.False(process.TryWrite(memory.AddressOfLast(4), [1, 2, 3, 4, 5]));
        Assert.False(process.TryRead(memory.AddressOfLast(4), new byte[5]));
    }

    [Fact]
    [SupportedOSPlatform("linux")]
    public void Raw_pointers_may_point_anywhere()
    {
        using var machine = new Machine();
        using var memory = new GuardedMemory();
        PamuContainer container = Mapped(machine);
        PamuGroup group = machine.Engine.CreateGroup(1, [0x42], [0]);
        byte[] unmap = Bytes(24u, 0u, At(0), Window);
        unmap.CopyTo(memory.Last(24));

        foreach (ulong nowhere in new ulong[] { 0, 1, 0x7FFF, 1UL << 47, 1UL << 63, ulong.MaxValue - 3, ulong.MaxValue })
        {
            Assert.Equal(-(long)Errno.EFAULT, container.IoctlRaw(PamuRequests.IommuUnmapDma, (nuint)nowhere));
            Assert.Equal(-(long)Errno.EFAULT, group.IoctlRaw(PamuRequests.GroupSetContainer, (nuint)nowhere));
        }

        memory.SetWritable(false);
        Assert.Equal(-(long)Errno.EFAULT, container.IoctlRaw(PamuRequests.IommuUnmapDma, memory.AddressOfLast(24)));
        Assert.Equal(-(long)Errno.EFAULT, container.IoctlRaw(PamuRequests.IommuUnmapDma, memory.AddressOfLast(3)));
        Assert.Equal(2, container.GetWindows().Count);
        memory.SetWritable(true);
        Assert.Equal(0, container.IoctlRaw(PamuRequests.IommuUnmapDma, memory.AddressOfLast(24)));
        Assert.Single(container.GetWindows());
    }

    /// <summary>Window 0 maps memory, window 4 an MSI bank.</summary>
    private static PamuContainer Mapped(Machine machine)
    {
        PamuContainer container = machine.Ready();
        container.MapDma(0x40_0000, At(0), Window, DmaPermissions.ReadWrite);
        container.MapMsiBank(0, At(4));
        return container;
    }
}
