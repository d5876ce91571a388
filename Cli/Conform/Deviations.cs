namespace PamuFastPath.Cli.Conform;

/// <summary>A decided deviation from the shipped driver; <c>docs/conformance.md</c> describes each under its id.</summary>
internal sealed record Deviation(string Id);

/// <summary>
/// The decided deviations as rules: given what was recorded, what the ABI page says and why the ledger thinks they differ, which of them
/// explains it. A difference that none explains is a mismatch.
/// </summary>
internal static class Deviations
{
    internal static readonly Deviation ApiVersion = new("api-version");
    internal static readonly Deviation GetInfo = new("get-info");
    internal static readonly Deviation SetIommu = new("set-iommu");
    internal static readonly Deviation PlainRequest = new("plain-request");
    internal static readonly Deviation SwallowedErrno = new("swallowed-errno");
    internal static readonly Deviation AttrEfault = new("attr-efault");
    internal static readonly Deviation FlagsUndefined = new("flags-undefined");
    internal static readonly Deviation CountZero = new("count-zero");
    internal static readonly Deviation SmallWindows = new("small-windows");
    internal static readonly Deviation GeometryDropsWindows = new("geometry-drops-windows");
    internal static readonly Deviation VfioGrid = new("vfio-grid");
    internal static readonly Deviation MapBeforeWindows = new("map-before-windows");
    internal static readonly Deviation SizeRemainder = new("size-remainder");
    internal static readonly Deviation FailedMapRollback = new("failed-map-rollback");
    internal static readonly Deviation GhostEntry = new("ghost-entry");
    internal static readonly Deviation OrphanWindow = new("orphan-window");
    internal static readonly Deviation UnmapSplit = new("unmap-split");
    internal static readonly Deviation EndWraps = new("end-wraps");
    internal static readonly Deviation MsiStart = new("msi-start");
    internal static readonly Deviation WindowIndexCut = new("window-index-cut");
    internal static readonly Deviation TableEntries = new("table-entries");
    internal static readonly Deviation StaleMapped = new("stale-mapped");
    internal static readonly Deviation DetachUnattached = new("detach-unattached");
    internal static readonly Deviation StashRefusedKept = new("stash-refused-kept");
    internal static readonly Deviation IovaWrap = new("iova-wrap");
    internal static readonly Deviation ProbeOops = new("probe-oops");
    internal static readonly Deviation KernelFault = new("kernel-fault");

    internal static IReadOnlyList<Deviation> All { get; } =
    [
        ApiVersion, GetInfo, SetIommu, PlainRequest, SwallowedErrno, AttrEfault, FlagsUndefined, CountZero, SmallWindows, GeometryDropsWindows,
        VfioGrid, MapBeforeWindows, SizeRemainder, FailedMapRollback, GhostEntry, OrphanWindow, UnmapSplit, EndWraps, MsiStart, WindowIndexCut,
        TableEntries, StaleMapped, DetachUnattached, StashRefusedKept, IovaWrap, ProbeOops, KernelFault,
    ];

    private const long EINVAL = -(long)Errno.EINVAL;
    private const long EBUSY = -(long)Errno.EBUSY;
    private const long EFAULT = -(long)Errno.EFAULT;
    private const long ENODEV = -(long)Errno.ENODEV;

    /// <summary>Which deviation makes our answer another than the recorded one; null if none does.</summary>
    /// <param name="op">The line. Its result is null after a fault.</param>
    /// <param name="documented">What the ABI page answers.</param>
    /// <param name="causes">What the ledger saw in the driver.</param>
    internal static Deviation? OfAnswer(RecordedOp op, long documented, Causes causes)
    {
        if ((op.IsSwallowing || op.IsGet) && documented == EINVAL && HasUndefinedFlags(op))
        {
            return FlagsUndefined;
        }

        return op.Kind switch
        {
            OpKind.Ioctl => OfCoreIoctl(op, documented),
            OpKind.SetGeometry or OpKind.SetWindows or OpKind.SetStash => OfSet(op, documented, causes),
            OpKind.AttachGroup when op.Result == EINVAL && documented == 0 => OfAttach(causes),
            OpKind.DetachGroup when op.Result == 0 && documented == EINVAL => DetachUnattached,
            OpKind.MapDma => OfMap(op, documented, causes),
            OpKind.UnmapDma => OfUnmap(op, documented, causes),
            OpKind.MapMsi or OpKind.UnmapMsi => OfMsi(op, documented, causes),
            _ => null,
        };
    }

    /// <summary>Which deviation makes our windows others than the driver's after an answer both agree on; null if none does.</summary>
    internal static Deviation? OfEffect(RecordedOp op, Causes causes)
    {
        if (op.Kind == OpKind.SetGeometry && op.Result == 0)
        {
            return GeometryDropsWindows;
        }

        return causes switch
        {
            _ when causes.HasFlag(Causes.RolledBack) => FailedMapRollback,
            _ when causes.HasFlag(Causes.Apart) => VfioGrid,
            _ when causes.HasFlag(Causes.Remainder) => SizeRemainder,
            _ when causes.HasFlag(Causes.EndWraps) => EndWraps,
            _ when causes.HasFlag(Causes.OtherOwner) => GhostEntry,
            _ when causes.HasFlag(Causes.TableEntries) => TableEntries,
            _ when causes.HasFlag(Causes.Orphan) => OrphanWindow,
            _ => null,
        };
    }

    private static bool HasUndefinedFlags(RecordedOp op) =>
        op.ArgSz >= op.StructBytes && (op.Flags & ~(op.Kind == OpKind.MapMsi ? 3u : 0)) != 0;

    private static Deviation? OfCoreIoctl(RecordedOp op, long documented) => PamuRequests.Plain(op.Command) switch
    {
        _ when op.Result != -(int)Errno.ENOTTY => null,
        PamuRequests.GetApiVersion when documented == 0 => ApiVersion,
        PamuRequests.IommuGetInfo when documented == 0 => GetInfo,
        PamuRequests.SetIommu => SetIommu,
        var plain => plain == op.Command ? PlainRequest : null,
    };

    private static Deviation? OfSet(RecordedOp op, long documented, Causes causes) => (op.Result, documented) switch
    {
        (null, EINVAL) when op is { Kind: OpKind.SetWindows, Count: 0 } => CountZero,
        ((int)EFAULT, EINVAL or EBUSY) => AttrEfault,
        ((int)EFAULT, 0) when causes.HasFlag(Causes.TableEntries) => TableEntries,
        ((int)EFAULT, 0) when causes.HasFlag(Causes.EnabledWrong) => GhostEntry,
        (0, EBUSY) when causes.HasFlag(Causes.EnabledWrong) => OrphanWindow,
        (0, EINVAL) when op.Kind is OpKind.SetGeometry or OpKind.SetWindows => SmallWindows,
        _ => null,
    };

    private static Deviation? OfAttach(Causes causes) => causes switch
    {
        _ when causes.HasFlag(Causes.TableEntries) => TableEntries,
        _ when causes.HasFlag(Causes.SmallWindows) => SmallWindows,
        _ when causes.HasFlag(Causes.StaleMapped) => StaleMapped,
        _ => null,
    };

    private static Deviation? OfMap(RecordedOp op, long documented, Causes causes) => causes switch
    {
        _ when causes.HasFlag(Causes.NoWindowSize) && documented is ENODEV or EINVAL => MapBeforeWindows,
        _ when causes.HasFlag(Causes.NoWindows) && documented == ENODEV => MapBeforeWindows,
        _ when causes.HasFlag(Causes.ListBusy) && op.Result == EBUSY => GhostEntry,
        _ when causes.HasFlag(Causes.TableEntries) => TableEntries,
        _ when causes.HasFlag(Causes.Apart) => VfioGrid,
        _ when causes.HasFlag(Causes.Remainder) && (op.Fault == "hang" || op.Result == 0) => SizeRemainder,
        _ when op.Fault == "hang" => FailedMapRollback,
        _ when causes.HasFlag(Causes.Orphan) && documented == EBUSY => OrphanWindow,
        _ when causes.HasFlag(Causes.EnabledWrong) && op.Result == EBUSY => GhostEntry,
        _ when causes.HasFlag(Causes.IndexCut) => WindowIndexCut,
        _ => null,
    };

    private static Deviation? OfUnmap(RecordedOp op, long documented, Causes causes) => causes switch
    {
        _ when causes.HasFlag(Causes.Apart) => VfioGrid,
        _ when documented == EINVAL => UnmapSplit,
        _ when op.Fault != null && documented == 0 => GhostEntry,
        _ => null,
    };

    private static Deviation? OfMsi(RecordedOp op, long documented, Causes causes) => causes switch
    {
        _ when causes.HasFlag(Causes.NoWindowSize) => MapBeforeWindows,
        _ when causes.HasFlag(Causes.TableEntries) => TableEntries,
        _ when causes.HasFlag(Causes.Apart) => VfioGrid,
        _ when causes.HasFlag(Causes.InsideWindow) && documented == EINVAL => MsiStart,
        _ when causes.HasFlag(Causes.IndexCut) => WindowIndexCut,
        _ when op is { Kind: OpKind.UnmapMsi, Result: 0 } && documented == EINVAL => GhostEntry,
        _ when op is { Kind: OpKind.UnmapMsi, Result: (int)EINVAL } && documented == 0 => MsiStart,
        _ when causes.HasFlag(Causes.EnabledWrong) && op.Result == EBUSY => GhostEntry,
        _ => null,
    };
}
