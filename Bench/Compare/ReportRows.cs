using System.Globalization;
using System.Text.RegularExpressions;

namespace PamuFastPath.Bench.Compare;

/// <summary>Turns what was compared into the rows that <c>report</c> draws, by what the groups' titles say.</summary>
internal static partial class ReportRows
{
    internal static IEnumerable<Report.ComparisonRow> From(IEnumerable<ComparisonRow> rows) => rows.SelectMany(From);

    private static IEnumerable<Report.ComparisonRow> From(ComparisonRow row)
    {
        var report = new Report.ComparisonRow
        {
            Id = $"{row.Group}: {row.What}",
            Group = GroupOf(row),
            Name = row.Group.EndsWith("as windows grow", StringComparison.Ordinal) ? row.Group.Split(',')[0] : row.What,
            Windows = Number(Windows(), row.What) ?? Number(Windows(), row.Group),
            Elements = Number(Batch(), row.Group),
            MedianNs = row.Unit == "ns" ? row.Measured : null,
            SpreadNs = row.Spread,
            Ratio = row.Ratio,
            RatioOf = row.Against,
            Target = row.Target,
            Met = row.IsMet,
        };
        yield return report;
        if (report.Group == "batch" && row.What == "one length")
        {
            yield return report with { Group = "batch-size", Name = $"{report.Windows} windows", Target = null, Met = null };
        }
    }

    private static string GroupOf(ComparisonRow row) => row.Group switch
    {
        _ when row.Group.EndsWith("as windows grow", StringComparison.Ordinal) => "windows",
        _ when SingleAtRandom().IsMatch(row.Group) => row.What is "own section" or "bare lookup" ? "single" : "baseline",
        _ when BatchAlone().IsMatch(row.Group) => "batch",
        _ => row.Group,
    };

    private static int? Number(Regex pattern, string text) =>
        pattern.Match(text) is { Success: true } match ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : null;

    [GeneratedRegex("^single, random .* Independent$")]
    private static partial Regex SingleAtRandom();

    [GeneratedRegex(@"^batch of \d+, \d+ windows$")]
    private static partial Regex BatchAlone();

    [GeneratedRegex(@"^batch of (\d+)")]
    private static partial Regex Batch();

    [GeneratedRegex(@"(\d+) windows")]
    private static partial Regex Windows();
}
