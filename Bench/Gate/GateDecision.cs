using Perfolizer;
using Perfolizer.Mathematics.SignificanceTesting.Base;
using Perfolizer.Mathematics.SignificanceTesting.MannWhitney;
using Perfolizer.Metrology;

namespace PamuFastPath.Bench.Gate;

/// <summary>What the gate says of one benchmark.</summary>
public enum Verdict
{
    /// <summary>No difference that counts.</summary>
    Same,

    /// <summary>Faster by more than the threshold.</summary>
    Faster,

    /// <summary>Slower by more than the threshold. Fails the gate.</summary>
    Slower,

    /// <summary>A data path allocates. Fails the gate.</summary>
    Allocates,

    /// <summary>The accepted engine has the benchmark and today's has not: a kernel is gone or runs no more. Fails the gate.</summary>
    Missing,

    /// <summary>The accepted engine has no such benchmark: nothing to compare with.</summary>
    New,
}

/// <summary>What one process measured of one benchmark, nanoseconds per operation; nothing for an engine that has it not.</summary>
internal sealed record ProcessSamples(double[] Accepted, double[] Now, long AllocatedBytes);

/// <summary>Everything measured of one benchmark.</summary>
internal sealed record GateMeasurement(string Name, double FloorNanoseconds, bool IsDataPath, IReadOnlyList<ProcessSamples> Processes);

/// <summary>
/// The gate's rule. Within a process, Mann-Whitney says whether today's samples lie above the accepted ones by more than both the
/// relative threshold and the floor. A process is one throw of the dice for code and data placement, which alone can make the same code
/// differ by 15 %. So more than half of the processes must say so, and the best process of each side, where it was placed well, must
/// differ by half the threshold.
/// </summary>
internal static class GateDecision
{
    /// <summary>Slower by less than this is not seen.</summary>
    internal const double RelativeThreshold = 0.12;

    /// <summary>Probability, per process, of calling a difference of exactly the threshold a larger one.</summary>
    internal const double Alpha = 0.001;

    internal static Verdict Decide(GateMeasurement measurement)
    {
        if (measurement.IsDataPath && measurement.Processes.Any(process => process.AllocatedBytes != 0))
        {
            return Verdict.Allocates;
        }

        if (measurement.Processes.Any(process => process.Now.Length == 0))
        {
            return Verdict.Missing;
        }

        if (measurement.Processes.Any(process => process.Accepted.Length == 0))
        {
            return Verdict.New;
        }

        (double[] Now, double[] Accepted)[] forward = [.. measurement.Processes.Select(process => (process.Now, process.Accepted))];
        return IsSlower(forward, measurement.FloorNanoseconds) ? Verdict.Slower
            : IsSlower([.. forward.Select(pair => (pair.Accepted, pair.Now))], measurement.FloorNanoseconds) ? Verdict.Faster
            : Verdict.Same;
    }

    internal static bool Fails(Verdict verdict) => verdict is Verdict.Slower or Verdict.Allocates or Verdict.Missing;

    /// <summary>Now over accepted: the median over the processes of the ratio of medians.</summary>
    internal static double Ratio(GateMeasurement measurement) =>
        Median(measurement.Processes.Select(RatioOf));

    /// <summary>The same within one process; NaN if one side has no samples.</summary>
    internal static double RatioOf(ProcessSamples process) => Median(process.Now) / Median(process.Accepted);

    internal static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? double.NaN : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static bool IsSlower((double[] Slow, double[] Fast)[] processes, double floor)
    {
        double bestSlow = processes.Min(process => Median(process.Slow));
        double bestFast = processes.Min(process => Median(process.Fast));
        return bestSlow > Limit(bestFast, RelativeThreshold / 2, floor)
            && processes.Count(process => IsAbove(process.Slow, process.Fast, floor)) > processes.Length / 2;
    }

    private static bool IsAbove(double[] slow, double[] fast, double floor)
    {
        double[] limits = [.. fast.Select(value => Limit(value, RelativeThreshold, floor))];
        return MannWhitneyTest.Instance
            .Perform(new Sample(slow), new Sample(limits), AlternativeHypothesis.Greater, Threshold.Zero).PValue < Alpha;
    }

    private static double Limit(double fast, double threshold, double floor) => fast + Math.Max(fast * threshold, floor);
}
