using System.Diagnostics;
using System.Runtime.InteropServices;

namespace PamuFastPath.Interop;

/// <summary>
/// A container's hardware on a host with a page-table IOMMU (Intel VT-d, AMD-Vi, Arm SMMU): VFIO's TYPE1v2. Each live DMA window is mapped;
/// MSI windows stay in software, for such a host routes its devices' messages by itself.
/// </summary>
/// <remarks>
/// The kernel takes back a map as a whole only. Where one map stands for several windows (<see cref="MergeNeighbours"/>) and one of them goes,
/// the map is unmapped and the other windows are mapped again: for that moment, some microseconds and longer where pages are pinned again,
/// devices find nothing in those windows either. Adding windows never opens such a gap.
/// </remarks>
public sealed class Type1Mirror : VfioMirror
{
    internal const uint Extension = 3; // VFIO_TYPE1v2_IOMMU

    private readonly List<Map> _maps = [];
    private Type1Offer? _offer;

    internal Type1Mirror(IVfioKernel kernel)
        : base(kernel)
    {
    }

    /// <summary>
    /// Whether windows that come in the same call and continue each other, in IOVA and in memory, with the same permissions, become one map. Off:
    /// every window is a map of its own, and no call takes away, even for a moment, what it does not mean. Costs more calls and IOMMU pages.
    /// </summary>
    public bool MergeNeighbours { get; init; } = true;

    private protected override uint IommuType => Extension;

    private protected override bool Holds(in HardwareWindow window) => !window.IsMsi;

    private protected override Refusal CheckShape(HardwareImage image) => _offer == null ? Refusal.None : CheckOffer(image, _offer);

    private protected override Refusal HoldWindows(HardwareImage image)
    {
        Refusal refusal = ReadOffer();
        List<Map> wanted = Wanted(image);
        List<Map> broken = [.. _maps.Where(map => Bytes(Rest(map, wanted)) != map.Size)];
        List<Map> missing = [.. wanted.Where(window => !_maps.Exists(map => map.Covers(window)))];
        if (missing.Count > 0)
        {
            refusal = refusal.IsRefused ? refusal : CheckOffer(image, _offer!);
            if (refusal.IsRefused)
            {
                return refusal;
            }
        }

        // Rights go before rights come. What stays of a map comes back at once.
        foreach (Map map in broken)
        {
            refusal = Unmap(map);
            refusal = refusal.IsRefused ? refusal : MapAll(Rest(map, wanted));
            if (refusal.IsRefused)
            {
                return refusal;
            }
        }

        return MapAll(missing);
    }

    private protected override Refusal GroupsJoined(HardwareImage image)
    {
        _ = ReadOffer(); // unknown until it matters, if the kernel does not say now
        return Refusal.None;
    }

    private protected override void GroupsChanged() => _offer = null;

    private protected override void Dropped()
    {
        _maps.Clear();
        _offer = null;
    }

    private protected override void ReleaseWindows()
    {
        foreach (Map map in _maps.ToList())
        {
            _ = Unmap(map);
        }
    }

    private protected override string DescribeWindows() => _maps.Count == 0 ? "no window" : string.Join(", ", _maps.Select(static map => map.Range));

    private static Refusal CheckOffer(HardwareImage image, Type1Offer offer)
    {
        foreach (HardwareWindow window in image.Windows)
        {
            if (window.IsMsi)
            {
                continue;
            }

            if (offer.PageSize > 1 && ((window.Iova | window.Size | window.Vaddr) & (offer.PageSize - 1)) != 0)
            {
                return new Refusal(
                    Errno.EINVAL,
                    "size",
                    $"{Name(window)} and its memory at 0x{window.Vaddr:x} begin and end on pages of the host's IOMMU, {offer.PageSize} bytes");
            }

            var range = new IovaRange(window.Iova, window.Last);
            if (offer.Ranges?.Any(usable => usable.Contains(range)) == false)
            {
                string usable = string.Join(", ", offer.Ranges.Select(static range => $"0x{range.Start:x}-0x{range.Last:x}"));
                return new Refusal(Errno.EINVAL, "iova", $"{Name(window)} lies in an IOVA range that the host's IOMMU takes: {usable}");
            }
        }

        return Refusal.None;
    }

    /// <summary>What of a map is still wanted.</summary>
    private static List<Map> Rest(Map map, List<Map> wanted) => [.. wanted.Where(map.Covers)];

    private static ulong Bytes(List<Map> maps)
    {
        ulong bytes = 0; // an aperture has at most 2^63
        maps.ForEach(map => bytes += map.Size);
        return bytes;
    }

    private static List<Map> Wanted(HardwareImage image)
    {
        var wanted = new List<Map>();
        foreach (HardwareWindow window in image.Windows)
        {
            if (!window.IsMsi)
            {
                wanted.Add(new Map(window.Iova, window.Size, window.Vaddr, window.Permissions));
            }
        }

        return wanted;
    }

    private Refusal ReadOffer() => _offer == null ? Type1Offer.Read(Kernel, out _offer) : Refusal.None;

    private Refusal MapAll(List<Map> windows)
    {
        for (int i = 0; i < windows.Count;)
        {
            Map map = windows[i++];
            while (MergeNeighbours && i < windows.Count && map.IsContinuedBy(windows[i]))
            {
                map = map with { Size = map.Size + windows[i++].Size };
            }

            if (MapOne(map) is { IsRefused: true } refusal)
            {
                return refusal;
            }
        }

        return Refusal.None;
    }

    private Refusal MapOne(Map map)
    {
        var argument = new VfioDmaMap
        {
            Argsz = VfioDmaMap.Bytes,
            Flags = (uint)map.Permissions,
            Vaddr = map.Vaddr,
            Iova = map.Iova,
            Size = map.Size,
        };
        long result = Kernel.Ioctl(PamuRequests.IommuMapDma, MemoryMarshal.AsBytes(new Span<VfioDmaMap>(ref argument)));
        if (result < 0)
        {
            return Refused(result, "iova", Rule(map, (Errno)(-result)));
        }

        _maps.Add(map);
        return Refusal.None;
    }

    private Refusal Unmap(Map map)
    {
        var argument = new VfioDmaUnmap { Argsz = VfioDmaUnmap.Bytes, Iova = map.Iova, Size = map.Size };
        long result = Kernel.Ioctl(PamuRequests.IommuUnmapDma, MemoryMarshal.AsBytes(new Span<VfioDmaUnmap>(ref argument)));
        if (result < 0)
        {
            return Refused(result, "iova", $"the host's IOMMU lets go of {map.Range}");
        }

        _maps.Remove(map);
        return Refusal.None;
    }

    private string Rule(Map map, Errno errno)
    {
        string range = $"the host's IOMMU maps {map.Range} to memory at 0x{map.Vaddr:x}";
        return errno switch
        {
            Errno.ENOMEM => $"{range}: RLIMIT_MEMLOCK, {MemoryLock.Describe()}, covers the {Bytes(_maps) + map.Size} bytes that are locked then",
            Errno.EFAULT => $"{range}: it is the process's own, readable, and writable where devices may write",
            _ => range,
        };
    }

    /// <summary>One map as the kernel has it: one window, or some that continue each other.</summary>
    private readonly record struct Map(ulong Iova, ulong Size, ulong Vaddr, DmaPermissions Permissions)
    {
        internal ulong Last => Iova + (Size - 1);

        internal string Range => $"0x{Iova:x}-0x{Last:x}";

        /// <summary>Whether this holds all of <paramref name="other"/>, and as that wants it.</summary>
        internal bool Covers(Map other) =>
            other.Iova >= Iova && other.Last <= Last && Vaddr + (other.Iova - Iova) == other.Vaddr && Permissions == other.Permissions;

        /// <summary>Whether one map can stand for both.</summary>
        internal bool IsContinuedBy(Map other)
        {
            Debug.Assert(other.Iova > Last, "windows in order");
            ulong end = Vaddr + Size;
            return Iova + Size == other.Iova && end == other.Vaddr && end != 0 && Permissions == other.Permissions;
        }
    }
}
