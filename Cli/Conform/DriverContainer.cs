namespace PamuFastPath.Cli.Conform;

/// <summary>What the ledger says the shipped driver answers.</summary>
/// <param name="OpRet">The inner function's result; null if it is not reached.</param>
/// <param name="IoctlRet">What user space gets; null on a fault.</param>
/// <param name="Fault">How the kernel does not return, or null.</param>
/// <param name="Out">What a GET writes.</param>
internal readonly record struct DriverAnswer(int? OpRet, int? IoctlRet, string? Fault, (ulong First, ulong Second)? Out);

/// <summary>An entry of the driver's DMA list.</summary>
internal sealed record DriverMapping(ulong Iova, ulong Vaddr, long Pages, uint Prot)
{
    internal ulong Bytes => (ulong)Pages << 12;
}

/// <summary>
/// The ledger's half of a container: the upper (VFIO) layer of the shipped driver, with its habits. It is fed with the recorded calls and
/// says what the driver answered and where its windows went. Nothing here is about the engine.
/// </summary>
internal sealed class DriverContainer
{
    private const int PageShift = 12;
    private const ulong PageBytes = 1UL << PageShift;
    private const int TranslationsMax = 100_000; // beyond, the recorder called it a hang
    private const int DisablesMax = 300_000;

    internal DriverContainer(DriverTables tables, uint windowsMax) => Domain = new DriverDomain(tables, windowsMax);

    private DriverContainer(DriverContainer other, DriverTables itsTables)
    {
        Domain = other.Domain.Clone(itsTables);
        Start = other.Start;
        Last = other.Last;
        WindowSize = other.WindowSize;
        WindowCount = other.WindowCount;
        Mappings = [.. other.Mappings];
        Messages = [.. other.Messages];
        Groups = [.. other.Groups];
        HasFailedAttach = other.HasFailedAttach;
    }

    internal DriverDomain Domain { get; }

    internal ulong Start { get; set; }

    internal ulong Last { get; set; }

    /// <summary>0 until SET WINDOWS, and after a bad one.</summary>
    internal ulong WindowSize { get; set; }

    internal uint WindowCount { get; set; }

    /// <summary>The DMA list, newest first.</summary>
    internal List<DriverMapping> Mappings { get; } = [];

    /// <summary>The MSI list, newest first.</summary>
    internal List<(ulong Iova, uint Bank)> Messages { get; } = [];

    /// <summary>The listed groups, newest first.</summary>
    internal List<int> Groups { get; } = [];

    /// <summary>Whether an attach failed half-way and left devices on the domain.</summary>
    internal bool HasFailedAttach { get; private set; }

    /// <summary>1: the layers' apertures differ; 2: their window sizes do. As in the recordings.</summary>
    internal int Desync => (Start != Domain.Start || Last != Domain.Last ? 1 : 0) | (WindowSize != Domain.WindowSize ? 2 : 0);

    /// <summary>Whether nothing the driver does wrong has left a trace: lists, counters, layers and windows agree.</summary>
    internal bool IsPlain => Domain.Windows == null
        ? Mappings.Count == 0 && Messages.Count == 0 && Domain.Mapped == 0 && !HasFailedAttach
        : Desync == 0 && !HasFailedAttach && Domain.Mapped == Domain.ValidCount && IsEnabledRight && ListsMatchWindows;

    internal bool IsEnabledRight => Domain.IsEnabled == (Domain.Windows?.Any(window => window is { IsValid: true, Bank: < 0 }) ?? false);

    private bool HasOrphan
    {
        get
        {
            for (int i = 0; i < (Domain.Windows?.Length ?? 0); i++)
            {
                if (Domain.Windows![i] is { IsValid: true, Bank: < 0 } && Find(Domain.Start + (ulong)i * Domain.WindowSize, 1) == null)
                {
                    return true;
                }
            }

            return false;
        }
    }

    private bool ListsMatchWindows
    {
        get
        {
            ulong listed = 0;
            foreach (DriverMapping mapping in Mappings)
            {
                listed += mapping.Bytes / WindowSize;
            }

            int messages = Domain.Windows!.Count(window => window is { IsValid: true, Bank: >= 0 });
            return listed == (ulong)(Domain.ValidCount - messages) && messages == Messages.Count
                && Mappings.All(mapping => mapping.Bytes % WindowSize == 0 && Covers(mapping))
                && Messages.All(message => Domain.Windows![IndexOf(message.Iova)].Bank == (int)message.Bank);
        }
    }

    internal DriverContainer Clone(DriverTables itsTables) => new(this, itsTables);

    /// <summary>Runs one call. After a fault the state is no use any more: run it on a clone.</summary>
    internal DriverAnswer Apply(RecordedOp op)
    {
        Domain.Causes = (Desync != 0 ? Causes.Apart : 0) | (IsEnabledRight ? 0 : Causes.EnabledWrong) | (HasOrphan ? Causes.Orphan : 0);
        if (op.StructBytes > 0 && op.ArgSz < op.StructBytes)
        {
            return Refused(Errno.EINVAL);
        }

        try
        {
            return op.Kind switch
            {
                OpKind.GetMsiBankCount => new(null, RecordedPlatform.MsiPages.Count, null, null),
                OpKind.Ioctl => new(null, CoreIoctl(op), null, null),
                OpKind.GetGeometry => new(0, 0, null, (Domain.Start, Domain.Last)),
                OpKind.GetWindows => new(0, 0, null, (Domain.Count, 0)),
                OpKind.GetStash => new(0, 0, null, (Domain.Stash.Cpu, Domain.Stash.Cache)),
                OpKind.MapDma when (op.Flags & ~3u) != 0 => Refused(Errno.EINVAL),
                OpKind.UnmapDma when op.Flags != 0 => Refused(Errno.EINVAL),
                _ => Inner(op),
            };
        }
        catch (DriverFaultException fault)
        {
            return new(null, null, fault.Message, null);
        }
    }

    private static DriverAnswer Refused(Errno errno) => new(null, -(int)errno, null, null);

    private static int CoreIoctl(RecordedOp op) => PamuRequests.Plain(op.Command) == PamuRequests.CheckExtension
        ? op.Argument == RecordedPlatform.PamuExtension ? 1 : 0
        : -(int)Errno.ENOTTY;

    private DriverAnswer Inner(RecordedOp op)
    {
        int result = op.Kind switch
        {
            OpKind.SetGeometry => SetGeometry(op),
            OpKind.SetWindows => SetWindows(op),
            OpKind.SetStash => Domain.SetStash(op.Cpu, op.Cache) == 0 ? 0 : -(int)Errno.EFAULT,
            OpKind.MapDma => Map(op.Flags, op.Vaddr, op.Iova, op.Size),
            OpKind.UnmapDma => Unmap(op.Iova, op.Size),
            OpKind.MapMsi => MapMsi(op),
            OpKind.UnmapMsi => UnmapMsi(op),
            OpKind.AttachGroup => Attach(op),
            OpKind.DetachGroup => Detach(op),
            _ => -(int)Errno.EINVAL, // an unknown attribute
        };
        return new(result, op.IsSwallowing ? 0 : result, null, null);
    }

    private int SetGeometry(RecordedOp op)
    {
        (Start, Last) = (op.Start, op.Last);
        return Domain.TrySetGeometry(Start, Last) ? 0 : -(int)Errno.EFAULT;
    }

    private int SetWindows(RecordedOp op)
    {
        if (op.Count > 256)
        {
            return -(int)Errno.EINVAL;
        }

        WindowCount = op.Count;
        WindowSize = op.Count == 0 ? throw new DriverFaultException("div0") : unchecked(Last - Start + 1) / op.Count;
        return Domain.TrySetWindows(op.Count) ? 0 : -(int)Errno.EFAULT;
    }

    private int Attach(RecordedOp op)
    {
        if (Groups.Contains(op.Group))
        {
            return -(int)Errno.EINVAL;
        }

        int before = Domain.Devices.Count;
        int result = Domain.Attach(op.Group, op.Devices);
        if (result == 0)
        {
            Groups.Insert(0, op.Group);
        }
        else
        {
            HasFailedAttach |= Domain.Devices.Count > before;
        }

        return result;
    }

    private int Detach(RecordedOp op)
    {
        if (Groups.Remove(op.Group))
        {
            Domain.Detach(op.Group);
        }

        return 0;
    }

    private int MapMsi(RecordedOp op)
    {
        if ((op.Flags & 3) == 0)
        {
            return -(int)Errno.EINVAL;
        }

        if (op.Bank >= RecordedPlatform.MsiPages.Count)
        {
            return -(int)Errno.ENODEV;
        }

        uint index = IndexOf(op.Iova);
        if (unchecked(op.Iova - Start) % WindowSize != 0)
        {
            Domain.Causes |= Causes.InsideWindow;
        }

        int result = Domain.EnableWindow(index, RecordedPlatform.MsiPages[(int)op.Bank], PageBytes, op.Flags & 3, (int)op.Bank);
        if (result == 0)
        {
            Messages.Insert(0, (op.Iova, op.Bank));
        }

        return result;
    }

    private int UnmapMsi(RecordedOp op)
    {
        int at = Messages.FindIndex(message => message.Iova == op.Iova);
        if (at < 0)
        {
            return -(int)Errno.EINVAL;
        }

        if (unchecked(op.Iova - Start) % Math.Max(WindowSize, 1) != 0)
        {
            Domain.Causes |= Causes.InsideWindow;
        }

        Domain.DisableWindow(IndexOf(op.Iova), owner: 1);
        Messages.RemoveAt(at);
        return 0;
    }

    private int Map(uint flags, ulong vaddr, ulong iova, ulong size)
    {
        uint prot = flags & 3;
        ulong end = unchecked(iova + size);
        ulong vaddrEnd = unchecked(vaddr + size);
        if (prot == 0 || (end != 0 && end < iova) || (vaddrEnd != 0 && vaddrEnd < vaddr) || size < PageBytes)
        {
            return -(int)Errno.EINVAL;
        }

        if (Find(iova, size) != null)
        {
            Domain.Causes |= Causes.ListBusy;
            return -(int)Errno.EBUSY;
        }

        long pages = (long)(size >> PageShift);
        int result = MapWindows(vaddr, iova, pages, prot);
        if (result == 0)
        {
            Domain.Enable();
            List(vaddr, iova, size, pages, prot);
        }

        return result;
    }

    private int MapWindows(ulong vaddr, ulong iova, long pages, uint prot)
    {
        ulong size = (ulong)pages << PageShift;
        ThrowIfNoWindowSize();
        if (size % WindowSize != 0)
        {
            Domain.Causes |= Causes.Remainder;
        }

        uint count = (uint)(size / WindowSize);
        for (uint i = 0; i < count; i++)
        {
            ulong at = unchecked(iova + i * WindowSize);
            if (MapWindow(unchecked(vaddr + i * WindowSize), at, prot) is var error and not 0)
            {
                int before = Domain.ValidCount;
                DisableRange(iova, pages);
                if (Domain.ValidCount != before - (int)i)
                {
                    Domain.Causes |= Causes.RolledBack;
                }

                return error;
            }
        }

        return 0;
    }

    private int MapWindow(ulong vaddr, ulong iova, uint prot)
    {
        uint index = IndexOf(iova);
        if (iova != unchecked(Start + WindowSize * index))
        {
            return -(int)Errno.EINVAL;
        }

        if (WindowSize < PageBytes)
        {
            Domain.Causes |= Causes.SmallWindows;
            throw new DriverFaultException("oops");
        }

        return RecordedPlatform.TrySupply(vaddr, WindowSize, out ulong paddr)
            ? Domain.EnableWindow(index, paddr, WindowSize, prot, bank: -1)
            : -(int)Errno.EFAULT;
    }

    /// <summary>Puts a mapping on the list, joined with a neighbour that goes on in the same way.</summary>
    private void List(ulong vaddr, ulong iova, ulong size, long pages, uint prot)
    {
        DriverMapping? joined = null;
        if (iova != 0 && Find(iova - 1, 1) is { } below && below.Prot == prot && unchecked(below.Vaddr + below.Bytes) == vaddr)
        {
            joined = below with { Pages = below.Pages + pages };
            Mappings[IndexOf(below)] = joined;
            (iova, vaddr, pages) = (joined.Iova, joined.Vaddr, joined.Pages);
            size = joined.Bytes;
        }

        ulong end = unchecked(iova + size);
        if (end != 0 && Find(end, 1) is { } above && above.Prot == prot && above.Vaddr == unchecked(vaddr + size))
        {
            Mappings[IndexOf(above)] = new DriverMapping(iova, vaddr, above.Pages + pages, prot);
            if (joined != null)
            {
                Mappings.RemoveAt(IndexOf(joined));
            }
        }
        else if (joined == null)
        {
            Mappings.Insert(0, new DriverMapping(iova, vaddr, pages, prot));
        }
    }

    private int Unmap(ulong iova, ulong size)
    {
        long wanted = (long)(size >> PageShift);
        foreach (DriverMapping mapping in Mappings.ToList())
        {
            if (!Overlaps(mapping.Iova, mapping.Bytes, iova, size))
            {
                continue;
            }

            wanted -= Remove(mapping, iova, size);
            if (wanted == 0)
            {
                break;
            }
        }

        if (Mappings.Count == 0)
        {
            Domain.IsEnabled = false;
        }

        return 0;
    }

    /// <summary>Takes the overlap with a range out of one list entry.</summary>
    /// <returns>Pages taken.</returns>
    private long Remove(DriverMapping mapping, ulong iova, ulong size)
    {
        int at = IndexOf(mapping);
        ulong end = unchecked(iova + size);
        ulong mappingEnd = unchecked(mapping.Iova + mapping.Bytes);
        if (iova <= mapping.Iova && end >= mappingEnd)
        {
            DisableRange(mapping.Iova, mapping.Pages);
            Mappings.RemoveAt(at);
            return mapping.Pages;
        }

        ulong overlap = iova <= mapping.Iova ? unchecked(end - mapping.Iova) : end >= mappingEnd ? unchecked(mappingEnd - iova) : size;
        long pages = (long)(overlap >> PageShift);
        DisableRange(iova <= mapping.Iova ? mapping.Iova : iova, pages);
        if (iova <= mapping.Iova)
        {
            Mappings[at] = mapping with
            {
                Iova = unchecked(mapping.Iova + overlap),
                Vaddr = unchecked(mapping.Vaddr + overlap),
                Pages = mapping.Pages - pages,
            };
        }
        else if (end >= mappingEnd)
        {
            Mappings[at] = mapping with { Pages = mapping.Pages - pages };
        }
        else
        {
            long below = (long)((iova - mapping.Iova) >> PageShift);
            Mappings[at] = mapping with { Pages = below };
            Mappings.Insert(0, new DriverMapping(
                end, unchecked(mapping.Vaddr + ((ulong)below << PageShift) + size), mapping.Pages - pages - below, mapping.Prot));
        }

        return pages;
    }

    /// <summary>
    /// Disables every window from a range's first byte to its last. Before that the driver translates the range window by window, and
    /// counts the bytes down by whole windows: a remainder makes it go round for ever.
    /// </summary>
    private void DisableRange(ulong iova, long pages)
    {
        ulong size = (ulong)pages << PageShift;
        ulong steps = size == 0 ? 0 : WindowSize == 0 || size % WindowSize != 0 ? TranslationsMax + 1 : size / WindowSize;
        if (Domain.Windows == null && Domain.Size != 0)
        {
            for (ulong i = 0; i < Math.Min(steps, TranslationsMax); i++)
            {
                if (Domain.IovaToPhys(unchecked(iova + i * WindowSize)) == null)
                {
                    Domain.Causes |= Causes.NoWindows;
                    throw new DriverFaultException("oops");
                }
            }
        }

        if (steps > TranslationsMax)
        {
            throw new DriverFaultException("hang");
        }

        int first = (int)IndexOf(iova);
        int last = (int)IndexOf(unchecked(iova + size - 1));
        if ((long)last - first > DisablesMax)
        {
            throw new DriverFaultException("hang");
        }

        for (long index = first; index <= last; index++)
        {
            Domain.DisableWindow((uint)index, owner: 0);
        }
    }

    /// <summary>The driver keeps window numbers in 32 bits.</summary>
    private uint IndexOf(ulong iova)
    {
        ThrowIfNoWindowSize();
        ulong index = unchecked(iova - Start) / WindowSize;
        if (index > uint.MaxValue)
        {
            Domain.Causes |= Causes.IndexCut;
        }

        return (uint)index;
    }

    private void ThrowIfNoWindowSize()
    {
        if (WindowSize == 0)
        {
            Domain.Causes |= Causes.NoWindowSize;
            throw new DriverFaultException("div0");
        }
    }

    private bool Covers(DriverMapping mapping)
    {
        for (ulong done = 0; done < mapping.Bytes; done += WindowSize)
        {
            if (Domain.Windows![IndexOf(mapping.Iova + done)] is not { IsValid: true, Bank: < 0 })
            {
                return false;
            }
        }

        return true;
    }

    private DriverMapping? Find(ulong iova, ulong size) => Mappings.Find(mapping => Overlaps(mapping.Iova, mapping.Bytes, iova, size));

    private int IndexOf(DriverMapping mapping) => Mappings.FindIndex(other => ReferenceEquals(other, mapping));

    private static bool Overlaps(ulong start1, ulong size1, ulong start2, ulong size2) =>
        start1 < start2 ? start2 - start1 < size1
        : start2 < start1 ? start1 - start2 < size2
        : size1 > 0 && size2 > 0;
}

/// <summary>The driver does not return.</summary>
internal sealed class DriverFaultException(string kind) : Exception(kind);
