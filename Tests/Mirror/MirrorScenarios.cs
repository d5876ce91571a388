using PamuFastPath.Interop;
using PamuFastPath.Tests.Control;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Mirror;

/// <summary>The states that control calls are made in, and the calls: every pair is a case of the mirror tests.</summary>
internal static class MirrorScenarios
{
    /// <summary>How a container gets into a state from a new one.</summary>
    internal static readonly (string Name, Action<MirrorMachine> Reach)[] States =
    [
        ("new", _ => { }),
        ("windows set", Shape),
        ("windows set, group C", machine => { Shape(machine); machine.C.Attach(machine.Container); }),
        ("group A before anything", machine => machine.A.Attach(machine.Container)),
        ("mapped, no group", Map),
        ("mapped, group A", machine => { Map(machine); machine.A.Attach(machine.Container); }),
        ("mapped, groups A and B", machine => { Map(machine); machine.A.Attach(machine.Container); machine.B.Attach(machine.Container); }),
        ("mapped, group C", machine => { Map(machine); machine.C.Attach(machine.Container); }),
        ("messages only, group B", machine => { Shape(machine); Messages(machine); machine.B.Attach(machine.Container); }),
        ("messages only, no group", machine => { Shape(machine); Messages(machine); }),
        ("full, group A", Fill),
    ];

    /// <summary>The calls, through both doors and in transactions. Each answers its errno.</summary>
    internal static readonly (string Name, Func<MirrorMachine, Errno> Make)[] Calls =
    [
        Typed("SetIommu", m => m.Container.SetIommu(PamuPlatform.DefaultPamuExtension)),
        Typed("SetGeometry elsewhere", m => m.Container.SetGeometry(0, 0xF_FFFF)),
        Typed("SetGeometry the same", m => m.Container.SetGeometry(Start, Start + Count * Window - 1)),
        Typed("SetWindows 4", m => m.Container.SetWindows(4)),
        Typed("SetWindows the same", m => m.Container.SetWindows(Count)),
        Typed("SetStash", m => m.Container.SetStash(2, 3)),
        Typed("MapDma a window", m => m.Container.MapDma(0x90_0000, At(6), Window, DmaPermissions.ReadWrite)),
        Typed("MapDma two windows", m => m.Container.MapDma(0x90_0000, At(6), 2 * Window, DmaPermissions.Read)),
        Typed("MapDma all windows", m => m.Container.MapDma(0x100_0000, At(0), Count * Window, DmaPermissions.ReadWrite)),
        Typed("MapDma a page", m => m.Container.MapDma(0x90_0000, At(7), 0x1000, DmaPermissions.Write)),
        Typed("UnmapDma a window", m => m.Container.UnmapDma(At(0), Window)),
        Typed("UnmapDma two windows", m => m.Container.UnmapDma(At(2), 2 * Window)),
        Typed("UnmapDma everything", m => m.Container.UnmapDma(At(0), Count * Window)),
        Typed("UnmapDma of nothing", m => m.Container.UnmapDma(At(6), Window)),
        Typed("MapMsiBank 0", m => m.Container.MapMsiBank(0, At(6))),
        Typed("MapMsiBank 2", m => m.Container.MapMsiBank(2, At(7), DmaPermissions.ReadWrite)),
        Typed("UnmapMsiBank 0", m => m.Container.UnmapMsiBank(At(4))),
        Typed("UnmapMsiBank 1", m => m.Container.UnmapMsiBank(At(5))),
        Typed("attach A", m => m.A.Attach(m.Container)),
        Typed("attach B", m => m.B.Attach(m.Container)),
        Typed("attach C", m => m.C.Attach(m.Container)),
        Typed("detach A", m => m.A.Detach()),
        Typed("detach B", m => m.B.Detach()),
        Typed("detach C", m => m.C.Detach()),
        Typed("Restore", m => m.Container.Restore(Snapshot(m))),
        Typed("Restore from a stream", m => m.Container.Restore(new MemoryStream(Snapshot(m)))),
        Typed("Restore with memory moved", m => m.Container.Restore(Snapshot(m), MovedMemory)),

        Bytes("SET_IOMMU", m => m.Container.Ioctl(PamuRequests.SetIommu, PamuPlatform.DefaultPamuExtension)),
        Bytes("SET_ATTR GEOMETRY", m => SetGeometry(m.Container, 0, 0xF_FFFF)),
        Bytes("SET_ATTR WINDOWS", m => SetWindows(m.Container, 4)),
        Bytes("SET_ATTR PAMU_STASH", m => SetStash(m.Container, 2, 3)),
        Bytes("MAP_DMA", m => MapDma(m.Container, 0x90_0000, At(6), 2 * Window)),
        Bytes("UNMAP_DMA", m => UnmapDmaSizeIsKeptOnFailure(m.Container)),
        Bytes("MAP_MSI_BANK", m => MapMsiBank(m.Container, 0, At(6))),
        Bytes("UNMAP_MSI_BANK", m => UnmapMsiBank(m.Container, At(4))),
        Bytes("GROUP_SET_CONTAINER A", m => m.A.Ioctl(PamuRequests.GroupSetContainer, BitConverter.GetBytes(m.Container.Fd))),
        Bytes("GROUP_SET_CONTAINER B", m => m.B.Ioctl(PamuRequests.GroupSetContainer, BitConverter.GetBytes(m.Container.Fd))),
        Bytes("GROUP_UNSET_CONTAINER A", m => m.A.Ioctl(PamuRequests.GroupUnsetContainer, [])),
        Bytes("GROUP_UNSET_CONTAINER B", m => m.B.Ioctl(PamuRequests.GroupUnsetContainer, [])),

        Pointer("SET_IOMMU", PamuRequests.SetIommu, PamuPlatform.DefaultPamuExtension),
        Pointer("SET_ATTR GEOMETRY", PamuRequests.PamuSetAttr, 32u, 0u, 0u, 0u, 0ul, 0xF_FFFFul),
        Pointer("SET_ATTR WINDOWS", PamuRequests.PamuSetAttr, 32u, 0u, 1u, 0u, 4u, 0u, 0ul),
        Pointer("SET_ATTR PAMU_STASH", PamuRequests.PamuSetAttr, 32u, 0u, 2u, 0u, 2u, 3u, 0ul),
        Pointer("MAP_DMA", PamuRequests.IommuMapDma, 32u, 3u, 0x90_0000ul, At(6), 2 * Window),
        Pointer("UNMAP_DMA", PamuRequests.IommuUnmapDma, 24u, 0u, At(0), Count * Window),
        Pointer("MAP_MSI_BANK", PamuRequests.PamuMapMsiBank, 24u, 2u, 0u, 0u, At(6)),
        Pointer("UNMAP_MSI_BANK", PamuRequests.PamuUnmapMsiBank, 16u, 0u, At(4)),
        GroupPointer("GROUP_SET_CONTAINER B", PamuRequests.GroupSetContainer, m => m.B),
        GroupPointer("GROUP_UNSET_CONTAINER A", PamuRequests.GroupUnsetContainer, m => m.A),

        Transaction("an empty transaction", (_, _) => { }),
        Transaction("a window moves", (_, t) =>
        {
            t.UnmapDma(At(0), Window);
            t.MapDma(0xA0_0000, At(6), Window, DmaPermissions.ReadWrite);
        }),
        Transaction("a window goes elsewhere", (_, t) => Remap(t, 0xA0_0000, Window, DmaPermissions.ReadWrite)),
        Transaction("a window becomes read-only", (_, t) => Remap(t, 0x40_0000, Window, DmaPermissions.Read)),
        Transaction("a window shrinks", (_, t) => Remap(t, 0x40_0000, 0x1000, DmaPermissions.ReadWrite)),
        Transaction("a window shrinks and another comes", (_, t) =>
        {
            Remap(t, 0x40_0000, 0x1000, DmaPermissions.ReadWrite);
            t.MapDma(0xA0_0000, At(7), Window, DmaPermissions.Read);
        }),
        Transaction("a page becomes a window", (_, t) =>
        {
            t.UnmapDma(At(1), 0x2000);
            t.MapDma(0x50_0000, At(1), Window, DmaPermissions.Read);
        }),
        Transaction("read-only becomes write-only", (_, t) =>
        {
            t.UnmapDma(At(1), 0x2000);
            t.MapDma(0x50_0000, At(1), 0x2000, DmaPermissions.Write);
        }),
        Transaction("a message window becomes memory", (_, t) =>
        {
            t.UnmapMsiBank(At(4));
            t.MapDma(0xA0_0000, At(4), Window, DmaPermissions.ReadWrite);
        }),
        Transaction("the banks change places", (_, t) =>
        {
            t.UnmapMsiBank(At(4));
            t.UnmapMsiBank(At(5));
            t.MapMsiBank(1, At(4));
            t.MapMsiBank(0, At(5));
        }),
        Transaction("another shape with other windows", (_, t) =>
        {
            t.UnmapDma(At(0), Count * Window);
            t.SetGeometry(0, 0x3F_FFFF);
            t.SetWindows(4);
            t.MapDma(0xC0_0000, 0x10_0000, 0x10_0000, DmaPermissions.ReadWrite);
            t.MapMsiBank(0, 0x30_0000);
            t.SetStash(1, 3);
        }),
        Transaction("everything is set at once", (m, t) =>
        {
            t.SetGeometry(0, 0x3F_FFFF);
            t.SetWindows(4);
            t.MapDma(0xC0_0000, 0x10_0000, 0x20_0000, DmaPermissions.ReadWrite);
            t.Attach(m.C);
        }),
        Transaction("A goes and a window comes", (m, t) =>
        {
            t.Detach(m.A);
            t.MapDma(0xA0_0000, At(6), Window, DmaPermissions.ReadWrite);
        }),
        Transaction("B comes and a window goes", (m, t) =>
        {
            t.Attach(m.B);
            t.UnmapDma(At(0), Window);
        }),
        Transaction("A makes room for B", (m, t) =>
        {
            t.Detach(m.A);
            t.Attach(m.B);
        }),
        Transaction("A makes room for C, the message windows for memory", (m, t) =>
        {
            t.Detach(m.A);
            t.Attach(m.C);
            t.UnmapMsiBank(At(4));
            t.MapDma(0xA0_0000, At(4), Window, DmaPermissions.ReadWrite);
            t.UnmapDma(At(0), Window);
        }),
        Transaction("A goes and comes again", (m, t) =>
        {
            t.Detach(m.A);
            t.Attach(m.A);
        }),
    ];

    /// <summary>Calls that take no native block and ask no hardware. They need a container that has its IOMMU, and change nothing.</summary>
    internal static readonly (string Name, Func<MirrorMachine, Errno> Make)[] CallsWithoutSteps =
    [
        Bytes("GET_API_VERSION", m => m.Container.Ioctl(PamuRequests.GetApiVersion)),
        Bytes("CHECK_EXTENSION", m => m.Container.Ioctl(PamuRequests.CheckExtension, PamuPlatform.DefaultPamuExtension) - 1),
        Bytes("GET_INFO", m => m.Container.Ioctl(PamuRequests.IommuGetInfo, Machine.Bytes(16u, 0u, 0ul))),
        Bytes("GET_ATTR GEOMETRY", m => m.Container.Ioctl(PamuRequests.PamuGetAttr, Machine.Bytes(32u, 0u, 0u, 0u, 0ul, 0ul))),
        Bytes("GET_ATTR WINDOWS", m => m.Container.Ioctl(PamuRequests.PamuGetAttr, Machine.Bytes(32u, 0u, 1u, 0u, 0ul, 0ul))),
        Bytes("GET_ATTR PAMU_STASH", m => m.Container.Ioctl(PamuRequests.PamuGetAttr, Machine.Bytes(32u, 0u, 2u, 0u, 0ul, 0ul))),
        Bytes("GET_MSI_BANK_COUNT", m => m.Container.Ioctl(PamuRequests.PamuGetMsiBankCount) - m.Container.MsiBankCount),
        Bytes("GROUP_GET_STATUS", m => m.A.Ioctl(PamuRequests.GroupGetStatus, Machine.Bytes(8u, 0u))),
        Typed("Save", m => m.Container.Save(Stream.Null)),
        Typed("CreateGroup, RemoveGroup", m => m.Engine.RemoveGroup(m.Engine.CreateGroup(4, [0x60], [0]))),
        Typed("a transaction that is dropped", m =>
        {
            using PamuTransaction transaction = m.Container.BeginTransaction();
            transaction.UnmapDma(At(0), Count * Window);
            transaction.Detach(m.A);
        }),
    ];

    private static readonly byte[] SavedWithParts = Saved(holdsParts: true);
    private static readonly byte[] SavedWhole = Saved(holdsParts: false);

    /// <summary>Makes a call on a machine of its own without hardware: what software alone answers.</summary>
    internal static Errno InSoftwareAlone(Action<MirrorMachine> reach, Func<MirrorMachine, Errno> make, out string after, bool holdsParts = true)
    {
        using var machine = new MirrorMachine(new FakeBench { HoldsParts = holdsParts }, isBound: false);
        reach(machine);
        Errno errno = make(machine);
        after = machine.Software();
        return errno;
    }

    private static (string, Func<MirrorMachine, Errno>) Typed(string name, Action<MirrorMachine> call) =>
        (name, machine => ErrnoOf.Call(() => call(machine)));

    private static (string, Func<MirrorMachine, Errno>) Bytes(string name, Func<MirrorMachine, long> call) =>
        (name, machine => (Errno)(-call(machine)));

    /// <summary>A container request with its struct, given by its fields, behind a pointer; one that takes a value gets the first field.</summary>
    private static unsafe (string, Func<MirrorMachine, Errno>) Pointer(string name, uint request, params object[] fields) =>
        Bytes($"{name} by pointer", machine =>
        {
            byte[] argument = Machine.Bytes(fields);
            fixed (byte* pointer = argument)
            {
                nuint value = request == PamuRequests.SetIommu ? (uint)fields[0] : (nuint)pointer;
                return OperatingSystem.IsLinux() ? machine.Container.IoctlRaw(request, value) : machine.Container.Ioctl(request, argument);
            }
        });

    private static unsafe (string, Func<MirrorMachine, Errno>) GroupPointer(string name, uint request, Func<MirrorMachine, PamuGroup> find) =>
        Bytes($"{name} by pointer", machine =>
        {
            byte[] argument = BitConverter.GetBytes(machine.Container.Fd);
            fixed (byte* pointer = argument)
            {
                PamuGroup group = find(machine);
                return OperatingSystem.IsLinux() ? group.IoctlRaw(request, (nuint)pointer) : group.Ioctl(request, argument);
            }
        });

    private static (string, Func<MirrorMachine, Errno>) Transaction(string name, Action<MirrorMachine, PamuTransaction> calls) =>
        ($"transaction: {name}", machine => ErrnoOf.Call(() =>
        {
            using PamuTransaction transaction = machine.Container.BeginTransaction();
            calls(machine, transaction);
            transaction.Commit();
        }));

    private static byte[] Snapshot(MirrorMachine machine) => machine.Bench.HoldsParts ? SavedWithParts : SavedWhole;

    private static long UnmapDmaSizeIsKeptOnFailure(PamuContainer container)
    {
        long result = UnmapDma(container, At(0), Count * Window, out ulong unmapped);
        return result < 0 && unmapped != Count * Window ? -1 : result;
    }

    /// <summary>A snapshot of a container like this, with everything mapped and two of the machine's groups.</summary>
    private static byte[] Saved(bool holdsParts)
    {
        using var machine = new MirrorMachine(new FakeBench { HoldsParts = holdsParts }, isBound: false);
        Map(machine);
        machine.B.Attach(machine.Container);
        machine.A.Attach(machine.Container);
        return machine.Container.Save();
    }

    private static bool MovedMemory(ulong vaddr, ulong length, out ulong now)
    {
        now = vaddr + 0x1000_0000;
        return true;
    }

    private static void Remap(PamuTransaction transaction, ulong vaddr, ulong size, DmaPermissions permissions)
    {
        transaction.UnmapDma(At(0), Window);
        transaction.MapDma(vaddr, At(0), size, permissions);
    }

    private static void Shape(MirrorMachine machine)
    {
        machine.Container.SetIommu(PamuPlatform.DefaultPamuExtension);
        machine.Container.SetGeometry(Start, Start + Count * Window - 1);
        machine.Container.SetWindows(Count);
    }

    private static void Messages(MirrorMachine machine)
    {
        machine.Container.MapMsiBank(0, At(4));
        machine.Container.MapMsiBank(1, At(5));
    }

    /// <summary>One whole window, a part of one if the backend can, two at once, two message windows, and two empty ones.</summary>
    private static void Map(MirrorMachine machine)
    {
        Shape(machine);
        machine.Container.MapDma(0x40_0000, At(0), Window, DmaPermissions.ReadWrite);
        machine.Container.MapDma(0x50_0000, At(1), machine.Bench.HoldsParts ? 0x2000 : Window, DmaPermissions.Read);
        machine.Container.MapDma(0x60_0000, At(2), 2 * Window, DmaPermissions.Write);
        Messages(machine);
    }

    private static void Fill(MirrorMachine machine)
    {
        Shape(machine);
        machine.Container.MapDma(0x40_0000, At(0), Count * Window, DmaPermissions.ReadWrite);
        machine.A.Attach(machine.Container);
    }
}
