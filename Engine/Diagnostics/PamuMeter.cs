using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace PamuFastPath.Diagnostics;

/// <summary>
/// The meter <c>PamuFastPath</c>: the counts of all engines of the process as <c>System.Diagnostics.Metrics</c> instruments, for OpenTelemetry,
/// Prometheus exporters and dotnet-counters. Names, units and tags are stable; <c>docs/observability.md</c> lists them.
/// </summary>
/// <remarks>
/// Accesses of engines that count when observed (<see cref="AccessCounting.WhenObserved"/>) are counted from the first reading of an access instrument on,
/// until the process ends: a meter does not hear that its reader is gone.
/// </remarks>
public static class PamuMeter
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "PamuFastPath";

    private const string EngineTag = "pamu.engine";
    private const string ContainerTag = "pamu.container";

    private static readonly Meter Meter = new(MeterName, typeof(PamuMeter).Assembly.GetName().Version?.ToString(3));

    private static readonly Histogram<double> Grace = Meter.CreateHistogram<double>(
        "pamu.grace_period.duration", "s", "Time that control calls which take rights away waited for readers.");

    static PamuMeter()
    {
        Accesses("pamu.translations", "{access}", "Accesses that were decided: memory, message or refused.", static counts => [new(counts.Translations)]);
        Accesses("pamu.memory_hits", "{access}", "Accesses that go to memory.", static counts => [new(counts.MemoryHits)]);
        Accesses("pamu.crosses", "{access}", "Accesses that ran over their window's end and went on as a range.", static counts => [new(counts.Crosses)]);
        Accesses("pamu.bytes", "By", "Bytes of accesses that go to memory.", static counts =>
            [new(counts.BytesRead, "pamu.direction", "read"), new(counts.BytesWritten, "pamu.direction", "write")]);
        Accesses("pamu.msi_hits", "{access}", "Accesses that hit an MSI bank's page.", static counts =>
            [.. counts.MsiHits.ToArray().Select(static (hits, bank) => new Figure(hits, "pamu.msi_bank", bank))]);
        Accesses("pamu.faults", "{access}", "Accesses that were refused.", static counts =>
            [.. counts.Faults.ToArray().Select(static (faults, kind) => new Figure(faults, "pamu.fault_kind", NameOf(kind))).Where(static f => f.Of != null)]);

        Meter.CreateObservableCounter("pamu.control.calls", OfEngines(static s => (long)s.Control.Calls), "{call}", "Control calls that ended.");
        Meter.CreateObservableCounter("pamu.control.refused", OfEngines(static s => (long)s.Control.Refused), "{call}", "Control calls that were refused.");
        Meter.CreateObservableCounter("pamu.publications", OfEngines(static s => (long)s.Control.Publications), "{table}", "Tables published.");
        Meter.CreateObservableCounter("pamu.fault_log.dropped", OfEngines(static s => s.FaultsDropped), "{fault}", "Faults that found the fault log full.");
        Meter.CreateObservableGauge("pamu.readers", OfEngines(static s => (long)s.Readers), "{reader}", "Readers that are registered.");
        Meter.CreateObservableGauge("pamu.containers", OfEngines(static s => (long)s.Containers.Count), "{container}", "Containers that are open.");
        Meter.CreateObservableGauge("pamu.windows.live", WindowsLive, "{window}", "Windows a device can reach.");
    }

    /// <summary>Makes the instruments, so that listeners find them.</summary>
    internal static void Start()
    {
        // The static constructor did it.
    }

    internal static void GraceDone(int engine, int container, long nanoseconds)
    {
        if (!Grace.Enabled)
        {
            return;
        }

#pragma warning disable CA1031 // A listener may throw anything; the control call it is told of goes on to its end.
        try
        {
            Grace.Record(nanoseconds * 1e-9, new TagList { { EngineTag, engine }, { ContainerTag, container } });
        }
        catch (Exception)
        {
        }
#pragma warning restore CA1031
    }

    private static void Accesses(string name, string unit, string description, Func<AccessCounts, IEnumerable<Figure>> figures) =>
        Meter.CreateObservableCounter(name, () => OfContainers(figures), unit, description);

    private static IEnumerable<Measurement<long>> OfContainers(Func<AccessCounts, IEnumerable<Figure>> figures)
    {
        EngineList.Observe(Observer.Meter, true);
        foreach (PamuEngine engine in EngineList.Live())
        {
            EngineStatistics statistics = engine.GetStatistics();
            IEnumerable<(int Container, AccessCounts Counts)> all =
                [(-1, statistics.OfNoContainer), .. statistics.Containers.Select(static c => (c.Container, c.Accesses))];
            foreach ((int container, AccessCounts counts) in all)
            {
                foreach (Figure figure in figures(counts))
                {
                    yield return figure.AsMeasurement(engine.Number, container);
                }
            }
        }
    }

    private static Func<IEnumerable<Measurement<long>>> OfEngines(Func<EngineStatistics, long> figure) => () =>
        EngineList.Live().Select(engine => new Measurement<long>(figure(engine.GetStatistics()), new KeyValuePair<string, object?>(EngineTag, engine.Number)));

    private static IEnumerable<Measurement<long>> WindowsLive() =>
        from engine in EngineList.Live()
        from container in engine.GetStatistics().Containers
        select new Figure((ulong)container.WindowsLive).AsMeasurement(engine.Number, container.Container);

    private static string? NameOf(int kind) => kind == 0 ? "Unknown" : Enum.GetName((FaultKind)kind);

    /// <summary>One value, and what it is told apart by beside engine and container.</summary>
    private readonly record struct Figure(ulong Value, string? Tag = null, object? Of = null)
    {
        internal Measurement<long> AsMeasurement(int engine, int container)
        {
            KeyValuePair<string, object?> ofEngine = new(EngineTag, engine);
            KeyValuePair<string, object?> ofContainer = new(ContainerTag, container);
            return Tag == null
                ? new Measurement<long>((long)Value, ofEngine, ofContainer)
                : new Measurement<long>((long)Value, ofEngine, ofContainer, new(Tag, Of));
        }
    }
}
