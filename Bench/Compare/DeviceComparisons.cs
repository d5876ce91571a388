using PamuFastPath.Bench.Measure;
using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Compare;

/// <summary>What a device model calls: ranges over windows, and copies to and from guest RAM.</summary>
internal static class DeviceComparisons
{
    private static int Sink;

    internal static IEnumerable<ComparisonRow> Run(Interleaved timing) => Ranges(timing).Concat(Copies(timing));

    private static IEnumerable<ComparisonRow> Ranges(Interleaved timing)
    {
        using var device = new DeviceWorkload();
        var inOne = new Subject("4 KiB in one window", DeviceWorkload.Accesses, () => Sink += device.RangesInOneWindow());
        var overTwo = new Subject("4 KiB over two windows", DeviceWorkload.Accesses, () => Sink += device.RangesOverTwoWindows());
        foreach (ComparisonRow row in new ComparisonGroup("range translation, own section", [new(inOne), new(overTwo, inOne)]).Run(timing))
        {
            yield return row;
        }
    }

    private static IEnumerable<ComparisonRow> Copies(Interleaved timing)
    {
        using var device = new DeviceWorkload();
        var comparisons = new List<Comparison>();
        foreach (int bytes in new[] { 64, 4096 })
        {
            comparisons.Add(new(Per("read", bytes, device.Read), Per("copy from the same places,", bytes, device.CopyIn)));
            comparisons.Add(new(Per("write", bytes, device.Write), Per("copy to the same places,", bytes, device.CopyOut)));
        }

        foreach (ComparisonRow row in new ComparisonGroup("DMA port over 1 MiB of RAM", comparisons).Run(timing))
        {
            yield return row;
        }
    }

    private static Subject Per(string what, int bytes, Func<int, int> call) =>
        new($"{what} {bytes} B", DeviceWorkload.Accesses, () => Sink += call(bytes));
}
