using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Tracing;

namespace PamuFastPath.Diagnostics;

// Snapshots: what was done so far, in absolute figures. Unlike the other events these describe themselves, by name and without an id: only so can an event be
// without any keyword, and only an event without one reaches a session that names none, which is what dotnet-trace 10 makes of a provider's bare name.
public sealed partial class PamuEventSource
{
    /// <summary>
    /// Name of the event with the totals of an engine: once in an interval, when a session is enabled, and when the engine is disposed. As many
    /// <see cref="ContainerTotalsEvent"/> of the same sequence number follow as its field <c>containers</c> says. Fields: docs/observability.md.
    /// </summary>
    public const string EngineTotalsEvent = "EngineTotals";

    /// <summary>Name of the event with one container's part of its engine's totals; they add up to those. Fields: docs/observability.md.</summary>
    public const string ContainerTotalsEvent = "ContainerTotals";

    private const string OnlyPrimitives = "Their fields are numbers and texts.";

    private static readonly EventSourceOptions Always = new() { Level = EventLevel.Informational };

    /// <summary>Writes the totals of an engine and its containers.</summary>
    [NonEvent]
    internal void Snapshot(ulong sequence, EngineStatistics of, bool isLast)
    {
        EngineTotals(sequence, of, isLast);
        ContainerTotals(sequence, of.Engine, new ContainerStatistics(-1, 0, 0, 0, 0, 0, of.OfNoContainer));
        foreach (ContainerStatistics container in of.Containers)
        {
            ContainerTotals(sequence, of.Engine, container);
        }
    }

    [NonEvent]
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = OnlyPrimitives)]
    private void EngineTotals(ulong sequence, EngineStatistics of, bool isLast) => Write(EngineTotalsEvent, Always, new
    {
        sequence,
        engine = of.Engine,
        isLast = isLast ? 1 : 0, // readers of recordings take truth values for four bytes, and the runtime writes one
        isCounting = of.IsCounting ? 1 : 0,
        readers = of.Readers,
        containers = of.Containers.Count + 1,
        translations = of.Accesses.Translations,
        bytesRead = of.Accesses.BytesRead,
        bytesWritten = of.Accesses.BytesWritten,
        msiHits = of.Accesses.MsiHitCount,
        faults = of.Accesses.FaultCount,
        controlCalls = of.Control.Calls,
        controlRefused = of.Control.Refused,
        publications = of.Control.Publications,
        graceNanoseconds = of.Control.GraceNanoseconds,
        graceNanosecondsMax = of.Control.GraceNanosecondsMax,
        gracePeriods = CountList.Of(of.Control.GracePeriods),
        tablesRetired = of.TablesRetired,
        faultsLogged = of.FaultsLogged,
        faultsDropped = of.FaultsDropped,
        faultEventsSuppressed = of.FaultEventsSuppressed,
    });

    [NonEvent]
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = OnlyPrimitives)]
    private void ContainerTotals(ulong sequence, int engine, ContainerStatistics of) => Write(ContainerTotalsEvent, Always, new
    {
        sequence,
        engine,
        container = of.Container,
        generation = of.Generation,
        apertureStart = of.ApertureStart,
        apertureLast = of.ApertureLast,
        windows = of.WindowCount,
        windowsLive = of.WindowsLive,
        memoryHits = of.Accesses.MemoryHits,
        bytesRead = of.Accesses.BytesRead,
        bytesWritten = of.Accesses.BytesWritten,
        crosses = of.Accesses.Crosses,
        faults = CountList.Of(of.Accesses.Faults),
        msiHits = CountList.Of(of.Accesses.MsiHits),
        windowSamples = CountList.Of(of.Accesses.WindowSamples[..of.WindowCount]),
        windowHits = CountList.Of(of.Accesses.WindowHits[..of.WindowCount]),
    });
}
