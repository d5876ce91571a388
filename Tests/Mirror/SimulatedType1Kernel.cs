using System.Runtime.InteropServices;
using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Mirror;

/// <summary>
/// A kernel's VFIO with a TYPE1v2 IOMMU, as drivers/vfio/container.c and vfio_iommu_type1.c answer: what is EINVAL, what ENOTTY, in which order. Maps
/// count against the memlock limit; the last group that leaves takes the IOMMU type and every map with it.
/// </summary>
internal sealed class SimulatedType1Kernel : IVfioKernel
{
    internal const ulong Page = 4096;

    private const uint GetApiVersion = 0x3B64;
    private const uint CheckExtension = 0x3B65;
    private const uint SetIommu = 0x3B66;
    private const uint GetInfo = 0x3B70;
    private const uint MapDma = 0x3B71;
    private const uint UnmapDma = 0x3B72;
    private const uint UnmapAll = 2; // VFIO_DMA_UNMAP_FLAG_ALL
    private const int InfoBytes = 24;
    private const long ENOENT = -2;
    private const long EIO = -5;
    private const long ENOMEM = -12;
    private const long EFAULT = -14;
    private const long EBUSY = -16;
    private const long EEXIST = -17;
    private const long ENODEV = -19;
    private const long EINVAL = -22;
    private const long ENOTTY = -25;
    private const long ENOSPC = -28;

    private readonly SortedDictionary<ulong, Map> _maps = [];
    private readonly List<int> _groups = [];
    private bool _isIommuSet;

    internal readonly record struct Map(ulong Iova, ulong Size, ulong Vaddr, DmaPermissions Permissions)
    {
        internal ulong Last => Iova + (Size - 1);
    }

    /// <summary>What the groups of the host reserve. A group that is not here does not exist.</summary>
    internal Dictionary<int, List<IovaRange>> Groups { get; } = [];

    /// <summary>Groups of which a device is open.</summary>
    internal HashSet<int> Busy { get; } = [];

    /// <summary>What CHECK_EXTENSION says yes to: TYPE1, TYPE1v2, UNMAP_ALL.</summary>
    internal IReadOnlyList<uint> Offered { get; set; } = [1, 3, 9];

    /// <summary>What the IOMMU can address.</summary>
    internal IovaRange Aperture { get; set; } = new(0, (1UL << 39) - 1);

    /// <summary>Bytes that may be locked.</summary>
    internal ulong LockLimit { get; set; } = ulong.MaxValue;

    /// <summary>How many maps the IOMMU takes (dma_entry_limit).</summary>
    internal int MapsMax { get; set; } = 65_535;

    /// <summary>Memory that is not the process's.</summary>
    internal IovaRange? NoMemory { get; set; }

    /// <summary>Called at every call, with its name.</summary>
    internal Action<string>? Observe { get; set; }

    /// <summary>The n-th call from now fails with EIO (1 is the next; 0 is none), and with <see cref="FailsOn"/> every one after it.</summary>
    internal int FailAt { get; set; }

    internal bool FailsOn { get; set; }

    internal bool HasFailed { get; set; }

    internal bool IsClosed { get; private set; }

    internal bool IsIommuSet => _isIommuSet;

    internal IReadOnlyCollection<Map> Maps => _maps.Values;

    internal IReadOnlyList<int> Attached => _groups;

    internal ulong LockedBytes => _maps.Values.Aggregate(0ul, (sum, map) => sum + map.Size);

    /// <summary>The usable ranges: the aperture without what the groups reserve.</summary>
    internal List<IovaRange> Usable => Carve(_groups.SelectMany(group => Groups[group]));

    public long Ioctl(uint request, ulong value)
    {
        if (Fails($"ioctl 0x{request:x}"))
        {
            return EIO;
        }

        return request switch
        {
            GetApiVersion => 0,
            CheckExtension => Offered.Contains((uint)value) ? 1 : 0,
            SetIommu => SetType(value),
            _ => Unknown(request),
        };
    }

    public long Ioctl(uint request, Span<byte> argument)
    {
        if (Fails($"ioctl 0x{request:x}"))
        {
            return EIO;
        }

        if (!_isIommuSet)
        {
            return EINVAL; // there is no IOMMU that could know the request
        }

        return request switch
        {
            GetInfo => Info(argument),
            MapDma => DoMap(argument),
            UnmapDma => DoUnmap(argument),
            _ => ENOTTY,
        };
    }

    public Refusal AddGroup(int group)
    {
        if (Fails("add group"))
        {
            return Refused(EIO);
        }

        if (!Groups.TryGetValue(group, out List<IovaRange>? reserved))
        {
            return Refused(ENOENT);
        }

        if (_groups.Contains(group))
        {
            return Refused(EBUSY);
        }

        // With an IOMMU set, the group is attached to it at once, and its reserved ranges must be free of maps.
        if (_isIommuSet && _maps.Values.Any(map => reserved.Exists(range => range.Overlaps(new IovaRange(map.Iova, map.Last)))))
        {
            return Refused(EINVAL);
        }

        _groups.Add(group);
        return Refusal.None;
    }

    public Refusal RemoveGroup(int group)
    {
        if (Fails("remove group"))
        {
            return Refused(EIO);
        }

        if (!_groups.Contains(group))
        {
            return Refused(EINVAL);
        }

        if (Busy.Contains(group))
        {
            return Refused(EBUSY);
        }

        _groups.Remove(group);
        if (_groups.Count == 0)
        {
            _isIommuSet = false;
            _maps.Clear();
        }

        return Refusal.None;
    }

    public IReadOnlyList<IovaRange> ReservedRanges(int group) => Groups.TryGetValue(group, out List<IovaRange>? reserved) ? [.. reserved] : [];

    public void Dispose()
    {
        Assert.False(IsClosed, "the container is closed once");
        IsClosed = true;
        _groups.Clear();
        _maps.Clear();
        _isIommuSet = false;
    }

    private long SetType(ulong type)
    {
        if (_groups.Count == 0 || _isIommuSet)
        {
            return EINVAL;
        }

        if (type is not (1 or 3))
        {
            return ENODEV;
        }

        Assert.Equal(3ul, type); // the semantics below are those of TYPE1v2
        _isIommuSet = true;
        return 0;
    }

    private long Unknown(uint request) =>
        !_isIommuSet ? EINVAL : request is GetInfo or MapDma or UnmapDma ? EFAULT : ENOTTY; // a value is no pointer

    private long Info(Span<byte> argument)
    {
        const int minimum = 16;
        if (argument.Length < minimum)
        {
            return EFAULT;
        }

        uint argsz = U32(argument, 0);
        if (argsz < minimum)
        {
            return EINVAL;
        }

        List<IovaRange> usable = Usable;
        int ranges = 16 + 16 * usable.Count;
        const int available = 16; // 12, and the next one begins at a multiple of 8
        int needed = InfoBytes + available + ranges;
        Span<byte> info = stackalloc byte[InfoBytes];
        info.Clear();
        Put(info, 0, argsz);
        Put(info, 4, 1u | 2u); // PGSIZES, CAPS
        Put(info, 8, ~(Page - 1));
        if (argsz < needed)
        {
            Put(info, 0, (uint)needed);
        }
        else if (argument.Length < needed)
        {
            return EFAULT;
        }
        else
        {
            Put(info, 16, (uint)InfoBytes);
            Span<byte> capabilities = argument[InfoBytes..needed];
            capabilities.Clear();
            Capability(capabilities, id: 3, next: InfoBytes + available);
            Put(capabilities, 8, (uint)(MapsMax - _maps.Count));
            capabilities = capabilities[available..];
            Capability(capabilities, id: 1, next: 0);
            Put(capabilities, 8, (uint)usable.Count);
            for (int i = 0; i < usable.Count; i++)
            {
                Put(capabilities, 16 + 16 * i, usable[i].Start);
                Put(capabilities, 24 + 16 * i, usable[i].Last);
            }
        }

        int copied = (int)Math.Min(argsz, InfoBytes);
        if (argument.Length < copied)
        {
            return EFAULT;
        }

        info[..copied].CopyTo(argument);
        return 0;
    }

    private long DoMap(ReadOnlySpan<byte> argument)
    {
        if (argument.Length < 32)
        {
            return EFAULT;
        }

        uint flags = U32(argument, 4);
        if (U32(argument, 0) < 32 || flags is 0 or > 3)
        {
            return EINVAL;
        }

        var map = new Map(U64(argument, 16), U64(argument, 24), U64(argument, 8), (DmaPermissions)flags);
        bool isAligned = ((map.Iova | map.Size | map.Vaddr) & (Page - 1)) == 0;
        if (map.Size == 0 || !isAligned || map.Last < map.Iova || map.Vaddr + (map.Size - 1) < map.Vaddr)
        {
            return EINVAL;
        }

        if (_maps.Values.Any(other => other.Iova <= map.Last && other.Last >= map.Iova))
        {
            return EEXIST;
        }

        if (_maps.Count >= MapsMax)
        {
            return ENOSPC;
        }

        var range = new IovaRange(map.Iova, map.Last);
        if (!Usable.Exists(usable => usable.Contains(range)))
        {
            return EINVAL;
        }

        if (map.Size > LockLimit - LockedBytes)
        {
            return ENOMEM;
        }

        if (NoMemory?.Overlaps(new IovaRange(map.Vaddr, map.Vaddr + (map.Size - 1))) == true)
        {
            return EFAULT;
        }

        _maps.Add(map.Iova, map);
        return 0;
    }

    private long DoUnmap(Span<byte> argument)
    {
        if (argument.Length < 24)
        {
            return EFAULT;
        }

        uint flags = U32(argument, 4);
        ulong iova = U64(argument, 8);
        ulong size = U64(argument, 16);
        if (U32(argument, 0) < 24 || (flags & ~UnmapAll) != 0 || (iova & (Page - 1)) != 0)
        {
            return EINVAL;
        }

        ulong last = iova + (size - 1);
        if (flags == UnmapAll)
        {
            last = ulong.MaxValue;
            if (iova != 0 || size != 0)
            {
                return EINVAL;
            }
        }
        else if (size == 0 || (size & (Page - 1)) != 0 || last < iova)
        {
            return EINVAL;
        }

        Map[] hit = [.. _maps.Values.Where(map => map.Iova <= last && map.Last >= iova)];
        if (hit.Any(map => map.Iova < iova || map.Last > last))
        {
            return EINVAL; // TYPE1v2: a map is taken back as a whole
        }

        ulong unmapped = 0;
        foreach (Map map in hit)
        {
            _maps.Remove(map.Iova);
            unmapped += map.Size;
        }

        Put(argument, 16, unmapped);
        return 0;
    }

    private bool Fails(string call)
    {
        Assert.False(IsClosed, $"{call} on a closed container");
        Observe?.Invoke(call);
        if (FailAt == 0)
        {
            return false;
        }

        bool fails = FailAt == 1;
        FailAt = fails && FailsOn ? 1 : FailAt - 1;
        HasFailed |= fails;
        return fails;
    }

    private List<IovaRange> Carve(IEnumerable<IovaRange> reserved)
    {
        List<IovaRange> usable = [Aperture];
        foreach (IovaRange hole in reserved)
        {
            var rest = new List<IovaRange>();
            foreach (IovaRange range in usable)
            {
                if (!range.Overlaps(hole))
                {
                    rest.Add(range);
                    continue;
                }

                if (range.Start < hole.Start)
                {
                    rest.Add(new IovaRange(range.Start, hole.Start - 1));
                }

                if (range.Last > hole.Last)
                {
                    rest.Add(new IovaRange(hole.Last + 1, range.Last));
                }
            }

            usable = rest;
        }

        return usable;
    }

    private static void Capability(Span<byte> bytes, ushort id, int next)
    {
        MemoryMarshal.Write(bytes, id);
        MemoryMarshal.Write(bytes[2..], (ushort)1);
        Put(bytes, 4, (uint)next);
    }

    private static Refusal Refused(long errno) => new((Errno)(-errno), "group", "simulated");

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => MemoryMarshal.Read<uint>(bytes[offset..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int offset) => MemoryMarshal.Read<ulong>(bytes[offset..]);

    private static void Put<T>(Span<byte> bytes, int offset, T value)
        where T : unmanaged => MemoryMarshal.Write(bytes[offset..], value);
}
