using System.Globalization;
using System.Numerics;
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
        var field = new Fields(e);
        return new EngineSnapshot(
            field.UInt64("sequence"),
            field.Int32("engine"),
            field.Bool("isLast"),
            field.Bool("isCounting"),
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
        var field = new Fields(e);
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

/// <summary>Fields of an event by name. One that is missing reads as 0: an older engine does not write what a newer one does.</summary>
internal readonly struct Fields(TraceEvent e)
{
    /// <summary>More than any list has: a length from another process is not believed.</summary>
    private const int CountsMax = 4096;

    public ulong UInt64(string name) => Integer<ulong>(name);

    public long Int64(string name) => Integer<long>(name);

    public int Int32(string name) => Integer<int>(name);

    public bool Bool(string name) => e.PayloadByName(name) is true;

    public string Text(string name) => e.PayloadByName(name) as string ?? "";

    public IReadOnlyList<ulong> Counts(string name, int length) => CountList.Read(Text(name), Math.Clamp(length, 0, CountsMax));

    private T Integer<T>(string name)
        where T : struct, IBinaryInteger<T> => e.PayloadByName(name) switch
        {
            ulong value => T.CreateTruncating(value),
            long value => T.CreateTruncating(value),
            int value => T.CreateTruncating(value),
            uint value => T.CreateTruncating(value),
            IConvertible value and not string => T.CreateTruncating(value.ToInt64(CultureInfo.InvariantCulture)), // enums, and narrower than 32 bits
            _ => T.Zero,
        };
}
