namespace PamuFastPath.Cli.Conform;

/// <summary>What an operation line does.</summary>
internal enum OpKind
{
    SetGeometry,
    SetWindows,
    SetStash,
    SetAttr,
    GetGeometry,
    GetWindows,
    GetStash,
    GetAttr,
    GetMsiBankCount,
    MapMsi,
    UnmapMsi,
    MapDma,
    UnmapDma,
    AttachGroup,
    DetachGroup,
    Ioctl,
}

/// <summary>One operation line: the call, and what the shipped driver answered. Fields a kind does not have are zero.</summary>
internal sealed record RecordedOp
{
    internal required OpKind Kind { get; init; }

    internal required int Container { get; init; }

    internal uint ArgSz { get; init; }

    internal uint Flags { get; init; }

    internal uint Attribute { get; init; }

    internal ulong Start { get; init; }

    internal ulong Last { get; init; }

    internal uint Count { get; init; }

    internal uint Cpu { get; init; }

    internal uint Cache { get; init; }

    internal uint Bank { get; init; }

    internal ulong Vaddr { get; init; }

    internal ulong Iova { get; init; }

    internal ulong Size { get; init; }

    internal int Group { get; init; }

    internal IReadOnlyList<IReadOnlyList<int>> Devices { get; init; } = [];

    internal uint Command { get; init; }

    internal ulong Argument { get; init; }

    /// <summary>What user space got; null after a fault.</summary>
    internal int? IoctlRet { get; init; }

    /// <summary>What the inner function returned; null if it was not reached.</summary>
    internal int? OpRet { get; init; }

    /// <summary>How the kernel would not have returned, or null.</summary>
    internal string? Fault { get; init; }

    internal bool IsUndefined { get; init; }

    /// <summary>In what the driver's two layers differed before it, as <see cref="DriverContainer.Desync"/>.</summary>
    internal int DesyncBefore { get; init; }

    /// <summary>Whether it ran out of secondary table entries.</summary>
    internal bool IsTableFull { get; init; }

    internal bool IsEnabledAfter { get; init; }

    internal int MappedAfter { get; init; }

    /// <summary>What a GET wrote: start and last, or count, or cpu and cache.</summary>
    internal (ulong First, ulong Second)? Out { get; init; }

    /// <summary>The errno that counts: the inner one where there is one.</summary>
    internal int? Result => OpRet ?? IoctlRet;

    /// <summary>Bytes of the struct the request takes; 0 for one without.</summary>
    internal int StructBytes => Kind switch
    {
        OpKind.MapDma => 32,
        OpKind.UnmapDma or OpKind.MapMsi => 24,
        OpKind.UnmapMsi => 16,
        OpKind.GetMsiBankCount or OpKind.AttachGroup or OpKind.DetachGroup or OpKind.Ioctl => 0,
        _ => 32,
    };

    internal bool IsGet => Kind is OpKind.GetGeometry or OpKind.GetWindows or OpKind.GetStash or OpKind.GetAttr;

    internal bool IsSet => Kind is OpKind.SetGeometry or OpKind.SetWindows or OpKind.SetStash or OpKind.SetAttr;

    /// <summary>Whether it changes nothing, and cannot fault.</summary>
    internal bool IsQuery => IsGet || Kind is OpKind.GetMsiBankCount or OpKind.Ioctl;

    /// <summary>The calls whose inner errno the driver keeps to itself.</summary>
    internal bool IsSwallowing => IsGet || IsSet || Kind is OpKind.MapMsi or OpKind.UnmapMsi;

    /// <summary>Whether the answer and the effect of a call depend on geometry and windows.</summary>
    internal bool TouchesWindows => ArgSz >= StructBytes && Kind is OpKind.SetGeometry or OpKind.SetWindows or OpKind.GetGeometry
        or OpKind.GetWindows or OpKind.MapMsi or OpKind.UnmapMsi or OpKind.MapDma or OpKind.UnmapDma;
}
