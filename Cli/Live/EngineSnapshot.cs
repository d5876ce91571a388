using Microsoft.Diagnostics.Tracing;
using PamuFastPath.Diagnostics;

namespace PamuFastPath.Cli.Live;

/// <summary>The counts of one engine as its process wrote them into the events EngineTotals and ContainerTotals: absolute, wrapping at 2^64.</summary>
internal sealed record EngineSnapshot(
    ulong Sequence,
    int Engine,
    bool IsLast,
    bool IsCounting,
    int Readers,
    ulong Translations,
    ulong BytesRead,
    ulong BytesWritten,
    ulong MsiHits,
    ulong Faults,
    ulong ControlCalls,
    ulong ControlRefused,
    ulong Publications,
    ulong GraceNanoseconds,
    ulong GraceNanosecondsMax,
    IReadOnlyList<ulong> GracePeriods,
    int TablesRetired,
    long FaultsLogged,
    long FaultsDropped,
    long FaultEventsSuppressed)
{
    /// <summary>When, in milliseconds since the session began.</summary>
    public double Milliseconds { get; init; }

    /// <summary>How many containers belong to it; it is whole when they are all there.</summary>
    public int ContainerCount { get; init; }

    public List<ContainerSnapshot> Containers { get; } = [];

    public static EngineSnapshot Of(TraceEvent e)
    {
        var field = new EventFields(e);
        return new EngineSnapshot(
            field.UInt64("sequence"),
            field.Int32("engine"),
            field.Int32("isLast") != 0,
            field.Int32("isCounting") != 0,
            field.Int32("readers"),
            field.UInt64("translations"),
            field.UInt64("bytesRead"),
            field.UInt64("bytesWritten"),
            field.UInt64("msiHits"),
            field.UInt64("faults"),
            field.UInt64("controlCalls"),
            field.UInt64("controlRefused"),
            field.UInt64("publications"),
            field.UInt64("graceNanoseconds"),
            field.UInt64("graceNanosecondsMax"),
            field.Counts("gracePeriods", ControlCounts.GraceBuckets),
            field.Int32("tablesRetired"),
            field.Int64("faultsLogged"),
            field.Int64("faultsDropped"),
            field.Int64("faultEventsSuppressed"))
        {
            Milliseconds = e.TimeStampRelativeMSec,
            ContainerCount = field.Int32("containers"),
        };
    }
}

/// <summary>The part of one container; -1 is what belongs to none.</summary>
internal sealed record ContainerSnapshot(
    int Container,
    ulong Generation,
    ulong ApertureStart,
    ulong ApertureLast,
    int Windows,
    int WindowsLive,
    ulong MemoryHits,
    ulong BytesRead,
    ulong BytesWritten,
    ulong Crosses,
    IReadOnlyList<ulong> Faults,
    IReadOnlyList<ulong> MsiHits,
    IReadOnlyList<ulong> WindowSamples,
    IReadOnlyList<ulong> WindowHits)
{
    private const int FaultKinds = 8;
    private const int BanksMax = 4096;

    public static ContainerSnapshot Of(TraceEvent e)
    {
        var field = new EventFields(e);
        int windows = field.Int32("windows");
        return new ContainerSnapshot(
            field.Int32("container"),
            field.UInt64("generation"),
            field.UInt64("apertureStart"),
            field.UInt64("apertureLast"),
            windows,
            field.Int32("windowsLive"),
            field.UInt64("memoryHits"),
            field.UInt64("bytesRead"),
            field.UInt64("bytesWritten"),
            field.UInt64("crosses"),
            field.Counts("faults", FaultKinds),
            field.Counts("msiHits", BanksMax),
            field.Counts("windowSamples", windows),
            field.Text("windowHits").Length == 0 ? [] : field.Counts("windowHits", windows));
    }
}
