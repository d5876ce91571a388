using System.Diagnostics.Tracing;

namespace PamuFastPath.Diagnostics;

/// <summary>Counters for listeners of the older kind (<c>EventCounterIntervalSec</c>): all engines of the process as one. Made when one listens.</summary>
internal sealed class EventCounters : IDisposable
{
    private readonly DiagnosticCounter[] _counters;

    internal EventCounters(EventSource source)
    {
        _counters =
        [
            Rate("translations", "Translations", "accesses", static totals => totals.Translations),
            Rate("bytes", "Bytes translated", "B", static totals => totals.Bytes),
            Rate("msi-hits", "MSI hits", "accesses", static totals => totals.MsiHits),
            Rate("faults", "Refused accesses", "accesses", static totals => totals.Faults),
            Rate("control-calls", "Control calls", "calls", static totals => totals.ControlCalls),
            Rate("publications", "Tables published", "tables", static totals => totals.Publications),
            new PollingCounter("readers", source, static () => EngineList.Live().Sum(static engine => engine.Counters.ReaderCount))
            {
                DisplayName = "Readers",
            },
        ];

        IncrementingPollingCounter Rate(string name, string title, string units, Func<ProcessTotals, ulong> figure) =>
            new(name, source, () => figure(EngineList.Totals()))
            {
                DisplayName = title,
                DisplayUnits = units,
                DisplayRateTimeScale = TimeSpan.FromSeconds(1),
            };
    }

    public void Dispose()
    {
        foreach (DiagnosticCounter counter in _counters)
        {
            counter.Dispose();
        }
    }
}

/// <summary>Counts of all engines this process has had: they only ever grow.</summary>
internal readonly record struct ProcessTotals(
    ulong Translations, ulong Bytes, ulong MsiHits, ulong Faults, ulong ControlCalls, ulong Publications)
{
    internal static ProcessTotals Of(EngineStatistics statistics)
    {
        AccessCounts accesses = statistics.Accesses;
        return new ProcessTotals(
            accesses.Translations,
            accesses.BytesRead + accesses.BytesWritten,
            accesses.MsiHitCount,
            accesses.FaultCount,
            statistics.Control.Calls,
            statistics.Control.Publications);
    }

    public static ProcessTotals operator +(ProcessTotals a, ProcessTotals b) => new(
        a.Translations + b.Translations,
        a.Bytes + b.Bytes,
        a.MsiHits + b.MsiHits,
        a.Faults + b.Faults,
        a.ControlCalls + b.ControlCalls,
        a.Publications + b.Publications);
}
