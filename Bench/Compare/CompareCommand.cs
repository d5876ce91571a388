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
        ComparisonTable.Print(Parts(timing).SelectMany(part => part()), rows);
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
}
