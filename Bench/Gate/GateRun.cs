namespace PamuFastPath.Bench.Gate;

/// <summary>A benchmark with its measurement and verdict.</summary>
internal sealed record GateRow(GateMeasurement Measurement, Verdict Verdict)
{
    internal double AcceptedMedian => GateDecision.Median(Measurement.Processes.SelectMany(process => process.Accepted));

    internal double NowMedian => GateDecision.Median(Measurement.Processes.SelectMany(process => process.Now));

    internal double Ratio => GateDecision.Ratio(Measurement);

    /// <summary>Half the distance between the quartiles of today's samples.</summary>
    internal double NowSpread
    {
        get
        {
            double[] sorted = [.. Measurement.Processes.SelectMany(process => process.Now).Order()];
            return sorted.Length == 0 ? double.NaN : (sorted[sorted.Length * 3 / 4] - sorted[sorted.Length / 4]) / 2;
        }
    }
}

/// <summary>One run of the gate: a few processes measure everything, and a few more measure again what looks slower.</summary>
internal static class GateRun
{
    private const int Processes = 9;

    /// <param name="only">The benchmarks to run, by name; empty for all.</param>
    /// <param name="progress">Told what is being done.</param>
    internal static List<GateRow> Run(IReadOnlyCollection<string> only, Action<string> progress)
    {
        int seed = Random.Shared.Next(1 << 20);
        List<GateRow> rows = [.. Measure(seed, Processes, only, progress).Select(Judge)];

        // A regression must show twice, and the second time more fresh processes vote together with the first ones.
        string[] suspects = [.. rows.Where(row => row.Verdict == Verdict.Slower).Select(row => row.Measurement.Name)];
        if (suspects.Length == 0)
        {
            return rows;
        }

        progress($"measuring again: {string.Join("; ", suspects)}");
        List<GateMeasurement> again = Measure(seed + Processes, Processes, suspects, progress);
        return
        [
            .. rows.Select(row => again.Find(measurement => measurement.Name == row.Measurement.Name) is GateMeasurement second
                ? Judge(Join(row.Measurement, second))
                : row),
        ];
    }

    private static GateRow Judge(GateMeasurement measurement) => new(measurement, GateDecision.Decide(measurement));

    private static List<GateMeasurement> Measure(int seed, int processes, IReadOnlyCollection<string> only, Action<string> progress)
    {
        List<GateMeasurement> joined = [];
        for (int i = 0; i < processes; i++)
        {
            progress($"process {i + 1} of {processes}");
            foreach (GateMeasurement measurement in GateProcess.Measure(seed + i, only).Values)
            {
                int at = joined.FindIndex(m => m.Name == measurement.Name);
                if (at < 0)
                {
                    joined.Add(measurement);
                }
                else
                {
                    joined[at] = Join(joined[at], measurement);
                }
            }
        }

        return joined;
    }

    private static GateMeasurement Join(GateMeasurement first, GateMeasurement second) =>
        first with { Processes = [.. first.Processes, .. second.Processes] };
}
