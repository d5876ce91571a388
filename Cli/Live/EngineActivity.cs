namespace PamuFastPath.Cli.Live;

/// <summary>What an engine did between two snapshots.</summary>
/// <param name="First">The first snapshot that was seen.</param>
/// <param name="Before">The snapshot before; null if there was none.</param>
/// <param name="Now">The snapshot.</param>
internal sealed record EngineActivity(EngineSnapshot First, EngineSnapshot? Before, EngineSnapshot Now)
{
    /// <summary>The quantiles that are shown of grace periods.</summary>
    public static readonly (string Name, double Share)[] Quantiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];

    public double Seconds => Before == null ? 0 : (Now.Milliseconds - Before.Milliseconds) / 1000;

    public double PerSecond(Func<EngineSnapshot, ulong> count) => Rate(Before == null ? 0 : count(Now) - count(Before));

    public IEnumerable<ContainerActivity> Containers => Now.Containers
        .OrderBy(static now => now.Container)
        .Select(now => new ContainerActivity(this, Before?.Containers.Find(before => before.Container == now.Container), now));

    public double Rate(ulong difference) => Seconds > 0 ? difference / Seconds : 0;

    /// <summary>The grace periods since the first snapshot, by powers of two of their nanoseconds; all there were, if none has been since.</summary>
    public IReadOnlyList<ulong> GracePeriods()
    {
        ulong[] since = Difference(Now.GracePeriods, First.GracePeriods);
        return since.Any(static count => count > 0) ? since : Now.GracePeriods;
    }

    /// <summary>The nanoseconds that a share of the grace periods stayed below: a power of two, no better is known. 0 if there were none.</summary>
    public ulong GraceQuantile(double share)
    {
        IReadOnlyList<ulong> periods = GracePeriods();
        double rank = share * periods.Sum(static count => (double)count);
        double below = 0;
        for (int i = 0; i < periods.Count; i++)
        {
            below += periods[i];
            if (below > 0 && below >= rank)
            {
                return 2UL << i;
            }
        }

        return 0;
    }

    /// <summary>Now less before, each modulo 2^64; what was not there before was 0.</summary>
    public static ulong[] Difference(IReadOnlyList<ulong> now, IReadOnlyList<ulong>? before) =>
        [.. now.Select((count, i) => unchecked(count - (before != null && i < before.Count ? before[i] : 0)))];
}

/// <summary>What was done with one container between two snapshots.</summary>
internal sealed record ContainerActivity(EngineActivity Of, ContainerSnapshot? Before, ContainerSnapshot Now)
{
    public double PerSecond(Func<ContainerSnapshot, ulong> count) => Of.Rate(Of.Before == null ? 0 : count(Now) - (Before == null ? 0 : count(Before)));

    public double[] PerSecond(Func<ContainerSnapshot, IReadOnlyList<ulong>> counts) => Of.Before == null
        ? [.. counts(Now).Select(static _ => 0.0)]
        : [.. EngineActivity.Difference(counts(Now), Before == null ? null : counts(Before)).Select(Of.Rate)];

    /// <summary>Accesses by window and second: counted exactly if the process does, else sampled.</summary>
    public double[] Heat => PerSecond(Now.WindowHits.Count > 0 ? static of => of.WindowHits : static of => of.WindowSamples);

    /// <summary>Whether there is anything to say about it.</summary>
    public bool IsIdle => Now.Container < 0 && Now.MemoryHits == 0 && Now.Faults.All(static count => count == 0) && Now.MsiHits.All(static count => count == 0);
}
