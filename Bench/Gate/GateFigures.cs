namespace PamuFastPath.Bench.Gate;

/// <summary>One row of the JSON file.</summary>
/// <param name="Name">The benchmark.</param>
/// <param name="Verdict">The verdict, as in the table.</param>
/// <param name="AcceptedNs">Median of the accepted engine; null if it has no such benchmark.</param>
/// <param name="NowNs">Median of today's engine; null if it has no such benchmark.</param>
/// <param name="Ratio">Now over accepted.</param>
/// <param name="ProcessRatios">The same of each process.</param>
internal sealed record GateFigures(string Name, string Verdict, double? AcceptedNs, double? NowNs, double? Ratio, double?[] ProcessRatios)
{
    internal static GateFigures Of(GateRow row) => new(
        row.Measurement.Name,
        row.Verdict.ToString(),
        Finite(row.AcceptedMedian),
        Finite(row.NowMedian),
        Finite(row.Ratio),
        [.. row.Measurement.Processes.Select(process => Finite(GateDecision.RatioOf(process)))]);

    private static double? Finite(double value) => double.IsFinite(value) ? Math.Round(value, 4) : null;
}
