using System.Runtime.Versioning;
using PamuFastPath.Interop;
using PamuFastPath.Tests.Control;
using PamuFastPath.Tests.Vfio;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Limits;

/// <summary>Numbers that a guest chooses, at their ends: each is refused, as what it should be, and changes nothing (docs/security.md).</summary>
public sealed class GuestValueTests
{
    /// <summary>Around each limit there is, and where a comparison in another width or with a sign would go wrong.</summary>
    private static readonly uint[] Wild =
        [4, 7, 8, 9, 255, 256, 257, 4095, 4096, 65_535, 65_536, int.MaxValue, 0x8000_0000, 0x8000_0001, 0xFFFF_FFFE, uint.MaxValue];

    /// <summary>Fields by name; none of the wild values is good in any. Window 4 maps bank 0, and nothing maps memory.</summary>
    private static readonly Dictionary<string, (Errno Refused, Func<PamuContainer, PamuGroup, uint, long> Call)> Fields = new()
    {
        ["bank of MAP_MSI_BANK"] = (Errno.ENODEV, static (c, _, value) => MapMsiBank(c, value, At(1))),
        ["flags of MAP_MSI_BANK"] = (Errno.EINVAL, static (c, _, value) => MapMsiBank(c, 0, At(1), flags: value)),
        ["flags of UNMAP_MSI_BANK"] = (Errno.EINVAL, static (c, _, value) => UnmapMsiBank(c, At(4), flags: value)),
        ["flags of MAP_DMA"] = (Errno.EINVAL, static (c, _, value) => MapDma(c, 0, At(1), Window, flags: value)),
        ["flags of UNMAP_DMA"] = (Errno.EINVAL, static (c, group, value) => UnmapDma(c, At(1), Window, out ulong _, flags: value)),
        ["flags of SET_ATTR"] = (Errno.EINVAL, static (c, _, value) => SetWindows(c, 2, flags: value)),
        ["attribute of SET_ATTR"] = // with what would be a geometry
            (Errno.EINVAL, static (c, _, value) => c.Ioctl(PamuRequests.PamuSetAttr, Bytes(32u, 0u, value, 0u, 0ul, 0xFFFF_FFFFul))),
        ["attribute of GET_ATTR"] = (Errno.EINVAL, static (c, _, value) => c.Ioctl(PamuRequests.PamuGetAttr, Bytes(32u, 0u, value, 0u, 0ul, 0ul))),
        ["window count"] = (Errno.EINVAL, static (c, _, value) => SetWindows(c, value)),
        ["cpu of a stash target"] = (Errno.EINVAL, static (c, _, value) => SetStash(c, value, 1)),
        ["cache of a stash target"] = (Errno.EINVAL, static (c, _, value) => SetStash(c, 2, value)),
        ["container of GROUP_SET_CONTAINER"] =
            (Errno.EBADF, static (_, g, value) => g.Ioctl(PamuRequests.GroupSetContainer, BitConverter.GetBytes(value))),
        ["type of SET_IOMMU"] = (Errno.ENODEV, static (c, _, value) => c.Engine.CreateContainer().Ioctl(PamuRequests.SetIommu, BitConverter.GetBytes(value))),
    };

    public static TheoryData<string> Names => [.. Fields.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_number_beyond_what_there_is_is_refused_and_changes_nothing(string field)
    {
        using var machine = new Machine(new PamuPlatform { MaxWindows = 2, StashTargets = [new(1, 2, 0x11), new(3, null, 0x20)], PamuExtension = 1 });
        PamuContainer container = machine.Fresh();
        container.SetGeometry(Start, Start + Window * Count - 1);
        container.SetWindows(2);
        container.MapMsiBank(0, At(4));
        container.SetStash(2, 1);
        PamuGroup group = machine.Engine.CreateGroup(1, [0x42], [0]);
        IReadOnlyList<PamuWindow> windows = container.GetWindows();
        ulong generation = container.Generation;
        (Errno refused, Func<PamuContainer, PamuGroup, uint, long> call) = Fields[field];

        foreach (uint value in Wild)
        {
            Assert.Equal($"{value}: {-(long)refused}", $"{value}: {call(container, group, value)}");
        }

        Assert.Equal(windows, container.GetWindows());
        Assert.Equal((generation, 2, (2u, 1u)), (container.Generation, container.WindowCount, container.Stash));
        Assert.Null(group.Container);
    }

    /// <summary>The union of SET_ATTR is 16 bytes, of which each attribute has its own.</summary>
    [Fact]
    public void What_an_attribute_has_no_use_for_of_the_union_has_no_effect()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Fresh();
        foreach (uint other in Wild)
        {
            Assert.Equal(0, container.Ioctl(PamuRequests.PamuSetAttr, Bytes(32u, 0u, 0u, other, Start, Start + Window * Count - 1)));
            Assert.Equal(0, container.Ioctl(PamuRequests.PamuSetAttr, Bytes(32u, 0u, 1u, other, Count, other, (ulong)other << 32 | other)));
            Assert.Equal(0, container.Ioctl(PamuRequests.PamuSetAttr, Bytes(32u, 0u, 2u, other, 5u, 3u, (ulong)other << 32 | other)));
            Assert.Equal((Start, Start + Window * Count - 1), container.Geometry);
            Assert.Equal(((int)Count, (5u, 3u)), (container.WindowCount, container.Stash));
        }
    }

    /// <summary>The word of a message is the guest's: it says which interrupt, and no more than those that there are.</summary>
    [Fact]
    public void Any_word_at_any_place_of_a_message_page_is_an_interrupt_of_its_bank_or_none()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapMsiBank(2, At(4));
        machine.Engine.CreateGroup(1, [0x42], [2]).Attach(container);
        var sink = new RecordingSink();
        var port = new DmaPort(machine.Reader, 0x42, new GuestMemory(), sink);
        uint[] words = [0, 1, 0x1F, 0x20, 0xFF, 0x100, 0x1FF, 0x200, .. Wild];
        var expected = new List<MsiMessage>();
        for (int offset = 0; offset < 0x1000; offset += 4)
        {
            foreach (uint word in words)
            {
                Assert.Equal(DmaStatus.Message, port.Write(At(4) + (ulong)offset, BitConverter.GetBytes(word)).Status);
                expected.Add(new MsiMessage(0x42, 2, offset, word));
            }
        }

        Assert.Equal(expected, sink.Messages);
        foreach (MsiMessage message in expected)
        {
            foreach (MpicVersion version in Enum.GetValues<MpicVersion>())
            {
                int registers = version == MpicVersion.Mpic43 && message.Offset == MsiDecoder.Msiir1 ? 16 : 8;
                bool isRegister = message.Offset == MsiDecoder.Msiir || registers == 16;
                Assert.Equal(isRegister, MsiDecoder.TryDecode(version, message, out MsiInterrupt interrupt));
                Assert.InRange(interrupt.Register, 0, registers - 1);
                Assert.InRange(interrupt.Bit, 0, 31);
                int first = interrupt.Register < 8 ? 0xE0 : 0x100;
                Assert.Equal(isRegister ? first + 2 * 8 + interrupt.Register % 8 : 0, interrupt.Interrupt);
            }
        }
    }

    /// <summary>What a guest programs into a device's own registers: numbers of vectors and regions, offsets in config space.</summary>
    [Theory]
    [InlineData(int.MinValue)]
    [InlineData(-1)]
    [InlineData(256)]
    [InlineData(65_536)]
    [InlineData(int.MaxValue)]
    [SupportedOSPlatform("linux")]
    public async Task A_vector_region_or_config_offset_that_is_not_there_is_EINVAL(int number)
    {
        using var fake = new FakeDevice();
        using VfioDevice device = fake.Open();
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => device.Region(number)));
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => device.ReadConfig8(number)));
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => device.ReadConfig16(number & ~1)));
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => device.ReadConfig32(number & ~3)));
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => device.WriteConfig8(number, 1)));
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => device.WriteConfig16(number & ~1, 1)));
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => device.WriteConfig32(number & ~3, 1)));
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => device.EnableInterrupts(VfioInterruptKind.Msix, number).Dispose()));
        Assert.DoesNotContain(File.ReadAllBytes(fake.Backing), one => one != 0);

        using VfioInterrupts interrupts = device.EnableInterrupts(VfioInterruptKind.Msi, new MsiMessage[4], new RecordingSink());
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => interrupts.SetMessage(number, default)));
        Assert.Equal(Errno.EINVAL, (await Assert.ThrowsAsync<PamuException>(() => interrupts.WaitAsync(number))).Errno);
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => device.EnableInterrupts(VfioInterruptKind.Msix, new MsiMessage[33], new RecordingSink())));
    }
}
