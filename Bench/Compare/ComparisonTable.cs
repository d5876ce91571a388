using System.Globalization;

namespace PamuFastPath.Bench.Compare;

/// <summary>Comparisons on the console, as they come.</summary>
internal static class ComparisonTable
{
    /// <summary>Prints rows, a heading for each group, and how many targets are met.</summary>
    /// <param name="measured">The rows; measured while they are asked for.</param>
    /// <param name="rows">Receives them.</param>
    internal static void Print(IEnumerable<ComparisonRow> measured, List<ComparisonRow> rows)
    {
        foreach (ComparisonRow row in measured)
        {
            if (rows.Count == 0 || rows[^1].Group != row.Group)
            {
                PrintHeader(row.Group);
            }

            rows.Add(row);
            Print(row);
        }

        int asked = rows.Count(row => row.IsMet != null);
        Console.WriteLine($"\n{rows.Count(row => row.IsMet == true)} of {asked} targets met");
    }

    private static void PrintHeader(string group) =>
        Console.WriteLine($"\n{group,-72} {"median",10} {"spread",8}  {"ratio",7} {"spread",7}  {"to",-38} {"target",-24} met");

    private static void Print(ComparisonRow row)
    {
        string ratio = row.Ratio is double r ? Invariant($"{r,7:F3} {row.RatioSpread,7:F3}") : "";
        string met = row.IsMet switch { true => "yes", false => "NO", null => "" };
        string time = $"{WithUnit(row.Measured, row.Unit),10} {WithUnit(row.Spread, ""),8}";
        Console.WriteLine($"  {row.What,-70} {time}  {ratio,-15}  {row.Against,-38} {row.Target,-24} {met}");
    }

    private static string WithUnit(double value, string unit) => value switch
    {
        0 => $"0 {unit}",
        < 100 => Invariant($"{value:F3} {unit}"),
        _ => Invariant($"{value:F0} {unit}"),
    };

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
