using PamuFastPath.Bench.Measure;
using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Compare;

/// <summary>Bytes allocated on every way to translate, hits and refusals. Anything but 0 is a miss.</summary>
internal static unsafe class Allocations
{
    private const int Calls = 100;

    private static ulong Sink;

    internal static IEnumerable<ComparisonRow> Run()
    {
        using var table = new BenchTable(windows: 256, hasMsi: true);
        using var device = new DeviceWorkload();
        using var iovas = new NativeArray<ulong>(BatchWorkload.DefaultCount);
        using var batch = new BatchWorkload(table, faults: 0.1, messages: 0.1);
        new ReadOnlySpan<ulong>(batch.Iovas, iovas.Length).CopyTo(iovas.Span);
        var paths = new List<(string Name, Action Call)>
        {
            ("single in own section, hits, messages and faults", () => Single(new OwnSection(table.Reader, table.Container), iovas)),
            ("single by LIODN, most of them unknown", () => Single(new ByLiodn(table.Reader, 0xFF), iovas)),
            ("range over windows", () => Sink += (ulong)(device.RangesInOneWindow() + device.RangesOverTwoWindows())),
            ("DMA port, 64 B", () => Sink += (ulong)(device.Read(64) + device.Write(64))),
            ("DMA port, 4 KiB", () => Sink += (ulong)(device.Read(4096) + device.Write(4096))),
        };
        foreach (BatchKernel kernel in Enum.GetValues<BatchKernel>().Where(batch.CanRun))
        {
            paths.Add(($"batch, {kernel}, one length", () => batch.Translate(kernel)));
            paths.Add(($"batch, {kernel}, per-element lengths", () => batch.TranslateWithLengths(kernel)));
        }

        return [.. paths.Select(path => Row(path.Name, path.Call))];
    }

    private static void Single<TWay>(TWay way, NativeArray<ulong> iovas)
        where TWay : struct, ISingleTranslation => Sink += SingleLoops.Independent(way, iovas.Pointer, iovas.Length);

    private static ComparisonRow Row(string name, Action call)
    {
        long bytes = AllocatedBytes.Of(Calls, call);
        return new ComparisonRow("allocated on translate paths", name, null, "0 B", bytes, 0, "B", IsMet: bytes == 0);
    }
}
