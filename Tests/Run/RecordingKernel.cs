using System.Runtime.InteropServices;
using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Run;

/// <summary>A kernel whose VFIO takes every group and map and keeps them: what a run asks of it is what the test looks at.</summary>
internal sealed class RecordingKernel : IVfioKernel
{
    private const int ArgumentTooShort = -14; // EFAULT

    public List<VfioDmaMap> Maps { get; } = [];

    public List<int> Groups { get; } = [];

    /// <summary>What every group reserves.</summary>
    public List<IovaRange> Reserved { get; } = [];

    public bool IsClosed { get; private set; }

    /// <summary>The last bytes of the maps that were there at the end: the memory must be, too.</summary>
    public List<byte> LastBytes { get; } = [];

    public long Ioctl(uint request, ulong value) => 0;

    public long Ioctl(uint request, Span<byte> argument)
    {
        switch (request)
        {
            case PamuRequests.IommuMapDma when argument.Length >= VfioDmaMap.Bytes:
                Maps.Add(MemoryMarshal.Read<VfioDmaMap>(argument));
                return 0;
            case PamuRequests.IommuUnmapDma when argument.Length >= VfioDmaUnmap.Bytes:
                ulong iova = MemoryMarshal.Read<VfioDmaUnmap>(argument).Iova;
                VfioDmaMap gone = Maps.Find(map => map.Iova == iova);
                LastBytes.Add(Marshal.ReadByte((nint)(gone.Vaddr + (gone.Size - 1))));
                Maps.RemoveAll(map => map.Iova == iova);
                return 0;
            case PamuRequests.IommuGetInfo:
                return 0; // of pages and ranges it says nothing
            default:
                return ArgumentTooShort;
        }
    }

    public Refusal AddGroup(int group)
    {
        Groups.Add(group);
        return Refusal.None;
    }

    public Refusal RemoveGroup(int group)
    {
        Groups.Remove(group);
        return Refusal.None;
    }

    public IReadOnlyList<IovaRange> ReservedRanges(int group) => Reserved;

    public void Dispose() => IsClosed = true;
}
