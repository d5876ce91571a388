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
internal sealed partial class DriverContainer
{
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

    /// <summary>
    /// 1: the layers' apertures differ; 2: their window sizes do. As in the recordings, which look at an aperture or a window size only when
    /// one of the layers was given one.
    /// </summary>
    internal int Desync =>
        (AreAperturesApart && (Domain.Size != 0 || (Start, Last) != (0, 0)) ? 1 : 0)
        | (AreSizesApart && (Domain.Windows != null || WindowSize != 0) ? 2 : 0);

    /// <summary>Whether nothing the driver does wrong has left a trace: lists, counters, layers and windows agree.</summary>
    internal bool IsPlain => Domain.Windows == null
        ? Mappings.Count == 0 && Messages.Count == 0 && Domain.Mapped == 0 && !HasFailedAttach
        : Desync == 0 && !HasFailedAttach && Domain.Mapped == Domain.ValidCount && IsEnabledRight && ListsMatchWindows;

    internal bool IsEnabledRight => Domain.IsEnabled == (Domain.Windows?.Any(window => window is { IsValid: true, Bank: < 0 }) ?? false);

    private bool AreAperturesApart => Start != Domain.Start || Last != Domain.Last;

    private bool AreSizesApart => WindowSize != Domain.WindowSize;

    private bool HasOrphan
    {
        get
        {
            for (int i = 0; i < (Domain.Windows?.Length ?? 0); i++)
            {
                ulong start = Domain.Start + (ulong)i * Domain.WindowSize;
                if (Domain.Windows![i] is { IsValid: true, Bank: < 0 } window
                    && (Find(start, 1) == null || Find(start + (window.Size - 1), 1) == null))
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
            if (WindowSize == 0)
            {
                return false;
            }

            ulong listed = 0;
            foreach (DriverMapping mapping in Mappings)
            {
                listed += mapping.Bytes / WindowSize;
            }

            int messages = Domain.Windows!.Count(window => window is { IsValid: true, Bank: >= 0 });
            return listed == (ulong)(Domain.ValidCount - messages) && messages == Messages.Count
                && Mappings.All(mapping => mapping.Bytes % WindowSize == 0 && Covers(mapping))
                && Messages.All(message => WindowAt(message.Iova)?.Bank == (int)message.Bank);
        }
    }

    internal DriverContainer Clone(DriverTables itsTables) => new(this, itsTables);

    /// <summary>Runs one call. After a fault the state is no use any more: run it on a clone.</summary>
    internal DriverAnswer Apply(RecordedOp op)
    {
        Domain.Causes = (AreAperturesApart || AreSizesApart ? Causes.Apart : 0) | (IsEnabledRight ? 0 : Causes.EnabledWrong) | (HasOrphan ? Causes.Orphan : 0)
            | (Domain.Windows == null ? Causes.NoWindows : 0);
        (_translations, _disables) = (0, 0);
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

    /// <summary>It was built for PowerPC: a request number in the plain form is none of its own.</summary>
    private static int CoreIoctl(RecordedOp op) => op.Command == (PamuRequests.CheckExtension | PamuRequests.PowerPcNone)
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

    /// <summary>The driver keeps window numbers in 32 bits, and does not look whether an IOVA is below the aperture.</summary>
    private uint IndexOf(ulong iova)
    {
        ThrowIfNoWindowSize();
        ulong index = unchecked(iova - Start) / WindowSize;
        if (index > uint.MaxValue || iova < Start)
        {
            Domain.Causes |= Causes.IndexCut;
        }

        return (uint)index;
    }

    /// <summary>None, where the driver let the geometry change below a mapping.</summary>
    private DriverWindow? WindowAt(ulong iova) => IndexOf(iova) is var index && index < Domain.Windows!.Length ? Domain.Windows[index] : null;

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
            if (WindowAt(mapping.Iova + done) is not { IsValid: true, Bank: < 0 })
            {
                return false;
            }
        }

        return true;
    }
}

/// <summary>The driver does not return.</summary>
internal sealed class DriverFaultException(string kind) : Exception(kind);
