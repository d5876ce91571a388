namespace PamuFastPath.Bench.Overhead;

/// <summary>
/// What counting may cost before CI turns red: the figures of docs/observability.md, and room for a shared machine. It stops a counter from becoming dear
/// unnoticed; the targets themselves are on that page. Map and unmap needs the
/// most room: with two cores, the monitor's session runs on the processor that the barrier of each unmap has to interrupt.
/// </summary>
internal static class OverheadLimits
{
    private static readonly (string Workload, double Most)[] Limits =
    [
        ("single", 1.60),
        ("range", 1.40),
        ("batch, lengths", 1.50),
        ("batch, 1 % faults", 2.20),
        ("batch", 1.20),
        ("DMA", 1.30),
        ("map and unmap", 1.30),
    ];

    /// <summary>Those workloads that are dearer while they are counted than they may be, a line each. With a monitor attached the same limit holds.</summary>
    internal static IReadOnlyList<string> Broken(IEnumerable<OverheadRow> rows) =>
    [
        .. from row in rows
           let most = Limits.First(limit => row.Workload.StartsWith(limit.Workload, StringComparison.Ordinal)).Most
           let worst = Math.Max(row.Counting, row.Monitored)
           where worst > most
           select FormattableString.Invariant($"{row.Workload}: {worst:F2}x while counted or monitored, at most {most:F2}x"),
    ];
}
