using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PamuFastPath.Cli.Run.Hardware;

namespace PamuFastPath.Cli.Run;

/// <summary>
/// Drives a container and its groups as a VFIO program does: packed structs through the byte doors. Layouts: the VFIO-PAMU ABI.
/// </summary>
/// <param name="container">The container.</param>
/// <param name="groups">Its groups by number.</param>
/// <param name="memory">The memory behind the <c>vaddr</c>s, or null if they are numbers.</param>
internal sealed class VfioClient(PamuContainer container, IReadOnlyDictionary<int, PamuGroup> groups, ScenarioMemory? memory)
{
    public long SetIommu(uint type) => container.Ioctl(PamuRequests.SetIommu, type);

    public long SetGeometry(ulong start, ulong last) => SetAttr(PamuAttr.Geometry, start, last);

    public long SetWindows(uint count)
    {
        Span<uint> union = [count, 0];
        return SetAttr(PamuAttr.Windows, MemoryMarshal.Cast<uint, ulong>(union)[0], 0);
    }

    public long SetStash(uint cpu, uint cache)
    {
        Span<uint> union = [cpu, cache];
        return SetAttr(PamuAttr.Stash, MemoryMarshal.Cast<uint, ulong>(union)[0], 0);
    }

    public long MapDma(ulong vaddr, ulong iova, ulong size, DmaPermissions flags)
    {
        ulong address = memory?.Place(vaddr, size) ?? vaddr;
        return Pass(PamuRequests.IommuMapDma, new MapDmaArgument(SizeOf<MapDmaArgument>(), (uint)flags, address, iova, size));
    }

    public long UnmapDma(ulong iova, ulong size) =>
        Pass(PamuRequests.IommuUnmapDma, new UnmapDmaArgument(SizeOf<UnmapDmaArgument>(), 0, iova, size));

    public long MapMsiBank(uint bank, ulong iova, DmaPermissions flags) =>
        Pass(PamuRequests.PamuMapMsiBank, new MapMsiArgument(SizeOf<MapMsiArgument>(), (uint)flags, bank, 0, iova));

    public long UnmapMsiBank(ulong iova) =>
        Pass(PamuRequests.PamuUnmapMsiBank, new UnmapMsiArgument(SizeOf<UnmapMsiArgument>(), 0, iova));

    public long Attach(int group)
    {
        int fd = container.Fd;
        return groups[group].Ioctl(PamuRequests.GroupSetContainer, BytesOf(ref fd));
    }

    public long Detach(int group) => groups[group].Ioctl(PamuRequests.GroupUnsetContainer, []);

    private long SetAttr(PamuAttr attribute, ulong first, ulong second) =>
        Pass(PamuRequests.PamuSetAttr, new AttrArgument(SizeOf<AttrArgument>(), 0, (uint)attribute, 0, first, second));

    private long Pass<T>(uint request, T argument)
        where T : unmanaged => container.Ioctl(request, BytesOf(ref argument));

    private static Span<byte> BytesOf<T>(ref T argument)
        where T : unmanaged => MemoryMarshal.AsBytes(new Span<T>(ref argument));

    private static uint SizeOf<T>() => (uint)Unsafe.SizeOf<T>();

    private readonly record struct AttrArgument(uint Argsz, uint Flags, uint Attribute, uint Padding, ulong First, ulong Second);

    private readonly record struct MapDmaArgument(uint Argsz, uint Flags, ulong Vaddr, ulong Iova, ulong Size);

    private readonly record struct UnmapDmaArgument(uint Argsz, uint Flags, ulong Iova, ulong Size);

    private readonly record struct MapMsiArgument(uint Argsz, uint Flags, uint Bank, uint Padding, ulong Iova);

    private readonly record struct UnmapMsiArgument(uint Argsz, uint Flags, ulong Iova);
}
