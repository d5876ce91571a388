using System.Numerics;

namespace PamuFastPath.Cli.Conform;

/// <summary>A window the subject's container should hold. Size 0: none.</summary>
internal readonly record struct AbiWindow(ulong Target, ulong Size, uint Prot, int Bank)
{
    internal bool IsMapped => Size != 0;

    internal bool IsDma => Size != 0 && Bank < 0;
}

/// <summary>
/// What the subject's container should be, and what the ABI page says it answers. A line that rests on a deviation is checked against this
/// instead of the recorded answer. It shares nothing with the engine: plain arrays, one call after the other.
/// </summary>
internal sealed class AbiContainer
{
    private const ulong PageBytes = 4096;
    private const uint WindowsAbiMax = 256;
    private const long EINVAL = -(long)Errno.EINVAL;
    private const long EBUSY = -(long)Errno.EBUSY;
    private const long ENODEV = -(long)Errno.ENODEV;
    private const long EFAULT = -(long)Errno.EFAULT;
    private const long ENOTTY = -(long)Errno.ENOTTY;

    private readonly uint _windowsMax;

    internal AbiContainer(uint windowsMax)
    {
        _windowsMax = windowsMax;
        Count = windowsMax;
    }

    internal ulong Start { get; set; }

    internal ulong Last { get; set; } = (1UL << 36) - 1;

    internal bool IsGeometrySet { get; set; }

    internal uint Count { get; set; }

    /// <summary>Null until the window count is set.</summary>
    internal AbiWindow[]? Windows { get; set; }

    internal (uint Cpu, uint Cache) Stash { get; set; }

    internal HashSet<int> Groups { get; init; } = [];

    /// <summary>What the last call writes back: a GET's fields, or the size an UNMAP_DMA took.</summary>
    internal (ulong First, ulong Second) Out { get; private set; }

    internal ulong WindowSize => unchecked(Last - Start + 1) / Count;

    internal int MappedCount => Windows?.Count(window => window.IsMapped) ?? 0;

    private bool HasDma => Windows?.Any(window => window.IsDma) ?? false;

    internal AbiContainer Clone() => new(_windowsMax)
    {
        Start = Start,
        Last = Last,
        IsGeometrySet = IsGeometrySet,
        Count = Count,
        Windows = (AbiWindow[]?)Windows?.Clone(),
        Stash = Stash,
        Groups = [.. Groups],
    };

    /// <summary>Whether geometry and count are the same; the windows may differ.</summary>
    internal bool HasGridOf(AbiContainer other) => Start == other.Start && Last == other.Last && IsGeometrySet == other.IsGeometrySet
        && Count == other.Count && (Windows == null) == (other.Windows == null);

    internal bool HasWindowsOf(AbiContainer other) => (Windows ?? []).AsSpan().SequenceEqual(other.Windows ?? []);

    /// <summary>Where a window starts.</summary>
    internal ulong WindowStart(int index) => Start + (ulong)index * WindowSize;

    /// <summary>Answers one call; a refused one changes nothing.</summary>
    internal long Apply(RecordedOp op)
    {
        if (op.StructBytes > 0 && (op.ArgSz < op.StructBytes || (op.Flags & ~KnownFlags(op.Kind)) != 0))
        {
            return EINVAL;
        }

        switch (op.Kind)
        {
            case OpKind.SetGeometry: return SetGeometry(op.Start, op.Last);
            case OpKind.SetWindows: return SetWindows(op.Count);
            case OpKind.SetStash: return SetStash(op.Cpu, op.Cache);
            case OpKind.GetGeometry: return Get(Start, Last);
            case OpKind.GetWindows: return Get(Count, 0);
            case OpKind.GetStash: return Get(Stash.Cpu, Stash.Cache);
            case OpKind.GetMsiBankCount: return RecordedPlatform.MsiPages.Count;
            case OpKind.MapDma: return MapDma(op.Vaddr, op.Iova, op.Size, op.Flags);
            case OpKind.UnmapDma: return UnmapDma(op.Iova, op.Size);
            case OpKind.MapMsi: return MapMsi(op.Bank, op.Iova, op.Flags);
            case OpKind.UnmapMsi: return UnmapMsi(op.Iova);
            case OpKind.AttachGroup: return Attach(op);
            case OpKind.DetachGroup: return Groups.Remove(op.Group) ? 0 : EINVAL;
            case OpKind.Ioctl: return CoreIoctl(op.Command, op.Argument);
            default: return EINVAL; // an unknown attribute
        }
    }

    /// <summary>The window an IOVA lies in; false outside of the aperture and before the windows are set.</summary>
    internal bool TryFindWindow(ulong iova, out AbiWindow window, out ulong offset)
    {
        window = default;
        offset = 0;
        if (Windows == null || iova < Start || iova > Last)
        {
            return false;
        }

        window = Windows[(iova - Start) / WindowSize];
        offset = (iova - Start) % WindowSize;
        return true;
    }

    private static uint KnownFlags(OpKind kind) => kind is OpKind.MapDma or OpKind.MapMsi ? 3u : 0;

    private static long CoreIoctl(uint command, ulong argument) => PamuRequests.Plain(command) switch
    {
        PamuRequests.GetApiVersion or PamuRequests.IommuGetInfo => 0,
        PamuRequests.CheckExtension => argument == RecordedPlatform.PamuExtension ? 1 : 0,
        PamuRequests.SetIommu => EINVAL, // it has one
        PamuRequests.PamuGetMsiBankCount => RecordedPlatform.MsiPages.Count,
        PamuRequests.IommuMapDma or PamuRequests.IommuUnmapDma or PamuRequests.PamuGetAttr or PamuRequests.PamuSetAttr
            or PamuRequests.PamuMapMsiBank or PamuRequests.PamuUnmapMsiBank => EFAULT, // what the argument pointed to is not recorded
        _ => ENOTTY,
    };

    private long Get(ulong first, ulong second)
    {
        Out = (first, second);
        return 0;
    }

    private long SetGeometry(ulong start, ulong last)
    {
        ulong size = unchecked(last - start + 1);
        if (last < start || size < PageBytes || !BitOperations.IsPow2(size) || start % size != 0)
        {
            return EINVAL;
        }

        if (HasDma)
        {
            return EBUSY;
        }

        if (Windows != null && size / Count < PageBytes)
        {
            return EINVAL;
        }

        (Start, Last, IsGeometrySet) = (start, last, true);
        Windows = Windows == null ? null : new AbiWindow[Count];
        return 0;
    }

    private long SetWindows(uint count)
    {
        if (count is 0 or > WindowsAbiMax)
        {
            return EINVAL;
        }

        if (HasDma)
        {
            return EBUSY;
        }

        if (!IsGeometrySet || count > _windowsMax || !BitOperations.IsPow2(count) || (Last - Start + 1) / count < PageBytes)
        {
            return EINVAL;
        }

        Count = count;
        Windows = new AbiWindow[count];
        return 0;
    }

    private long SetStash(uint cpu, uint cache)
    {
        if (!RecordedPlatform.HasStash(cpu, cache))
        {
            return EINVAL;
        }

        Stash = (cpu, cache);
        return 0;
    }

    private long MapDma(ulong vaddr, ulong iova, ulong size, uint flags)
    {
        if ((flags & 3) == 0 || size < PageBytes || iova > ulong.MaxValue - (size - 1) || vaddr > ulong.MaxValue - (size - 1))
        {
            return EINVAL;
        }

        for (int i = 0; i < (Windows?.Length ?? 0); i++)
        {
            AbiWindow window = Windows![i];
            if (window.IsDma && WindowStart(i) <= iova + (size - 1) && iova <= WindowStart(i) + (window.Size - 1))
            {
                return EBUSY;
            }
        }

        if (Windows == null)
        {
            return ENODEV;
        }

        var next = (AbiWindow[])Windows.Clone();
        for (ulong done = 0; done < size; done += WindowSize)
        {
            ulong piece = Math.Min(size - done, WindowSize);
            if (MapWindow(next, vaddr + done, iova + done, piece, isFirst: done == 0, flags) is var error and not 0)
            {
                return error;
            }
        }

        Windows = next;
        return 0;
    }

    private long MapWindow(AbiWindow[] next, ulong vaddr, ulong iova, ulong size, bool isFirst, uint flags)
    {
        ulong index = (iova - Start) / WindowSize;
        if (iova < Start || (iova - Start) % WindowSize != 0 || index > uint.MaxValue)
        {
            return EINVAL;
        }

        if (size < WindowSize && (!isFirst || !BitOperations.IsPow2(size)))
        {
            return EINVAL;
        }

        if (!RecordedPlatform.TrySupply(vaddr, size, out ulong target))
        {
            return EFAULT;
        }

        if (index >= Count)
        {
            return EINVAL;
        }

        if (next[index].IsMapped)
        {
            return EBUSY;
        }

        next[index] = new AbiWindow(target, size, flags & 3, Bank: -1);
        return 0;
    }

    private long UnmapDma(ulong iova, ulong size)
    {
        Out = default;
        ulong last = size > ulong.MaxValue - iova ? ulong.MaxValue : iova + size - 1;
        bool wraps = size != 0 && iova + (UInt128)size - 1 > ulong.MaxValue;
        List<int> hit = [];
        for (int i = 0; size != 0 && i < (Windows?.Length ?? 0); i++)
        {
            ulong windowLast = WindowStart(i) + (Windows![i].Size - 1);
            if (!Windows[i].IsDma || WindowStart(i) > last || windowLast < iova)
            {
                continue;
            }

            if (wraps || WindowStart(i) < iova || windowLast > last)
            {
                return EINVAL;
            }

            hit.Add(i);
        }

        foreach (int i in hit)
        {
            Out = (0, Out.Second + Windows![i].Size);
            Windows[i] = default;
        }

        return 0;
    }

    private long MapMsi(uint bank, ulong iova, uint flags)
    {
        if ((flags & 3) == 0)
        {
            return EINVAL;
        }

        if (bank >= RecordedPlatform.MsiPages.Count || Windows == null)
        {
            return ENODEV;
        }

        if (!TryFindWindow(iova, out AbiWindow window, out ulong offset) || offset != 0)
        {
            return EINVAL;
        }

        if (window.IsMapped)
        {
            return EBUSY;
        }

        Windows[(iova - Start) / WindowSize] = new AbiWindow(RecordedPlatform.MsiPages[(int)bank], PageBytes, flags & 3, (int)bank);
        return 0;
    }

    private long UnmapMsi(ulong iova)
    {
        if (!TryFindWindow(iova, out AbiWindow window, out ulong offset) || offset != 0 || !window.IsMapped || window.IsDma)
        {
            return EINVAL;
        }

        Windows![(iova - Start) / WindowSize] = default;
        return 0;
    }

    private long Attach(RecordedOp op)
    {
        List<int> liodns = [.. op.Devices.SelectMany(device => device)];
        bool isWrong = liodns.Count == 0 || liodns.Exists(liodn => liodn >= RecordedPlatform.LiodnCount);
        return isWrong || !Groups.Add(op.Group) ? EINVAL : 0;
    }
}
