using System.Globalization;
using PamuFastPath.Bench.Measure;

namespace PamuFastPath.Bench.Compare;

/// <summary>What a figure must keep. Limits that are not given are not asked for.</summary>
/// <param name="Nanoseconds">The time is at most this.</param>
/// <param name="RatioMax">The ratio is at most this.</param>
/// <param name="RatioMin">The ratio is at least this.</param>
internal readonly record struct Target(double? Nanoseconds = null, double? RatioMax = null, double? RatioMin = null)
{
    internal bool IsNone => Nanoseconds == null && RatioMax == null && RatioMin == null;

    internal bool IsMetBy(double nanoseconds, double? ratio) =>
        (Nanoseconds == null || nanoseconds <= Nanoseconds)
        && (RatioMax == null || ratio <= RatioMax)
        && (RatioMin == null || ratio >= RatioMin);

    public override string ToString() => string.Join(" and ", ((string?[])
    [
        Nanoseconds is double ns ? string.Create(CultureInfo.InvariantCulture, $"<= {ns} ns") : null,
        RatioMax is double max ? string.Create(CultureInfo.InvariantCulture, $"<= {max}x") : null,
        RatioMin is double min ? string.Create(CultureInfo.InvariantCulture, $">= {min}x") : null,
    ]).OfType<string>());
}

/// <summary>One subject to report, by itself or against another.</summary>
/// <param name="Measured">What is reported.</param>
/// <param name="Against">What its time is divided by.</param>
/// <param name="Target">What must come out.</param>
internal sealed record Comparison(Subject Measured, Subject? Against = null, Target Target = default);

/// <summary>Comparisons that are measured together, in turns.</summary>
internal sealed record ComparisonGroup(string Title, IReadOnlyList<Comparison> Comparisons)
{
    /// <summary>Measures the group.</summary>
    /// <returns>A row for each comparison.</returns>
    internal IEnumerable<ComparisonRow> Run(Interleaved timing)
    {
        Subject[] subjects = [.. Comparisons.SelectMany(c => (Subject?[])[c.Measured, c.Against]).OfType<Subject>().Distinct()];
        Samples[] samples = timing.Run(subjects);
        foreach (Comparison comparison in Comparisons)
        {
            double[] measured = SamplesOf(comparison.Measured);
            Distribution? ratio = comparison.Against is Subject against ? Distribution.Ratio(measured, SamplesOf(against)) : null;
            yield return ComparisonRow.Of(
                Title, comparison.Measured.Name, comparison.Against?.Name, comparison.Target, new Distribution(measured), ratio);
        }

        double[] SamplesOf(Subject subject) => samples[Array.IndexOf(subjects, subject)].Nanoseconds;
    }
}

/// <summary>One line of the result.</summary>
/// <param name="Group">What was measured together.</param>
/// <param name="What">What is reported.</param>
/// <param name="Against">What the ratio is to, if there is one.</param>
/// <param name="Target">The target in words, or nothing.</param>
/// <param name="Measured">The median.</param>
/// <param name="Spread">Half the distance between the quartiles.</param>
/// <param name="Unit">Of the two: ns for each operation, or B.</param>
/// <param name="Ratio">The median of the ratios.</param>
/// <param name="RatioSpread">As the spread.</param>
/// <param name="IsMet">Whether the target is met, null if there is none.</param>
internal sealed record ComparisonRow(
    string Group,
    string What,
    string? Against,
    string Target,
    double Measured,
    double Spread,
    string Unit = "ns",
    double? Ratio = null,
    double? RatioSpread = null,
    bool? IsMet = null)
{
    internal static ComparisonRow Of(string group, string what, string? against, Target target, Distribution time, Distribution? ratio) =>
        new(group, what, against, target.ToString(), time.Median, time.Spread)
        {
            Ratio = ratio?.Median,
            RatioSpread = ratio?.Spread,
            IsMet = target.IsNone ? null : target.IsMetBy(time.Median, ratio?.Median),
        };
}
