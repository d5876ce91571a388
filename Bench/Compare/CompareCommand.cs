using System.Globalization;
using PamuFastPath.Bench.Measure;

namespace PamuFastPath.Bench.Compare;

/// <summary>
/// <c>compare [--json FILE]</c>: the engine against every baseline and against itself, in one process, as one table. Ratios are medians
/// of the ratios of neighbouring samples and stand noise well; times are what this machine did meanwhile.
/// </summary>
internal static class CompareCommand
{
    private const string Usage = "usage: compare [--json FILE]";

    internal static int Run(ReadOnlySpan<string> arguments)
    {
        string? json = arguments switch
        {
            [] => null,
            ["--json", string file] => file,
            _ => "",
        };
        if (json == "")
        {
            Console.Error.WriteLine(Usage);
            return 2;
        }

        var machine = Machine.Here();
        Console.WriteLine($"{machine.Cpu}, {machine.Cores} cores, {machine.Isa}, {machine.Runtime}, {machine.Os}, {machine.Date}");
        var rows = new List<ComparisonRow>();
        var timing = new Interleaved(TimeSpan.FromMicroseconds(300), rounds: 150);
        foreach (Func<IEnumerable<ComparisonRow>> part in Parts(timing))
        {
            foreach (ComparisonRow row in part())
            {
                if (rows.Count == 0 || rows[^1].Group != row.Group)
                {
                    PrintHeader(row.Group);
                }

                rows.Add(row);
                Print(row);
            }
        }

        int asked = rows.Count(row => row.IsMet != null);
        Console.WriteLine($"\n{rows.Count(row => row.IsMet == true)} of {asked} targets met");
        if (json != null)
        {
            new Report.Comparison { Machine = machine, Rows = [.. ReportRows.From(rows)] }.Write(json);
        }

        return 0;
    }

    private static Func<IEnumerable<ComparisonRow>>[] Parts(Interleaved timing) =>
    [
        () => SingleComparisons.Run(timing),
        () => BatchComparisons.Run(timing),
        () => DeviceComparisons.Run(timing),
        ReaderThroughput.Run,
        ControlLatency.Run,
        Allocations.Run,
    ];

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
