using PamuFastPath.Bench.Compare;
using PamuFastPath.Bench.Measure;
using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Native;

/// <summary>The C library against C#, in one process and in turns.</summary>
internal static class NativeComparisons
{
    private const int SmallCount = 16;
    private const int Calls = 1024;

    private static readonly Target Single = new(RatioMax: 1.3);
    private static readonly Target Batch = new(RatioMax: 1.1);
    private static ulong Sink;

    internal static IEnumerable<ComparisonRow> Run(BenchLibrary library, Interleaved timing) =>
        Singles(library, timing).Concat(Batches(library, timing)).Concat(ByCall(library, timing));

    private static IEnumerable<ComparisonRow> Singles(BenchLibrary library, Interleaved timing)
    {
        using var work = new NativeWorkload(library, BenchTable.DefaultWindows, BatchWorkload.DefaultCount);
        work.Check();
        var ownInC = new Subject("C, inline, own section", work.Count, () => Sink += work.OwnSectionInC());
        var own = new Subject("C#, own section", work.Count, () => Sink += work.OwnSection());
        var liodnInC = new Subject("C, inline, own section by LIODN", work.Count, () => Sink += work.ByLiodnInC());
        var liodn = new Subject("C#, own section by LIODN", work.Count, () => Sink += work.ByLiodn());
        var insideInC = new Subject("C, inline, inside a section", work.Count, () => Sink += work.InSectionInC());
        var inside = new Subject("C#, bare lookup", work.Count, () => Sink += work.InSection());
        var group = new ComparisonGroup($"single, random over {BenchTable.DefaultWindows} windows",
        [
            new(ownInC, own, Single),
            new(own),
            new(liodnInC, liodn, Single),
            new(liodn),
            new(insideInC, inside, Single),
            new(inside),
        ]);
        foreach (ComparisonRow row in group.Run(timing))
        {
            yield return row;
        }
    }

    private static IEnumerable<ComparisonRow> Batches(BenchLibrary library, Interleaved timing)
    {
        foreach ((int count, int windows) in new[] { (BatchWorkload.DefaultCount, 16), (BatchWorkload.DefaultCount, 256), (SmallCount, 16) })
        {
            using var work = new NativeWorkload(library, windows, count);
            work.Check();
            var inC = new Subject($"C, {work.Kernel}", count * NativeWorkload.Batches, work.BatchInC);
            var inCSharp = new Subject($"C#, {work.KernelInCSharp}", count * NativeWorkload.Batches, work.Batch);
            var group = new ComparisonGroup($"batch of {count}, {windows} windows",
            [
                new(inC, inCSharp, count == SmallCount ? default : Batch),
                new(inCSharp),
            ]);
            foreach (ComparisonRow row in group.Run(timing))
            {
                yield return row;
            }
        }
    }

    private static IEnumerable<ComparisonRow> ByCall(BenchLibrary library, Interleaved timing)
    {
        using var work = new NativeWorkload(library, BenchTable.DefaultWindows, Calls, NativeWorkload.PortWindowBytes);
        var nothing = new Subject("C, call of a C function in a shared library", Calls, () => Sink += library.CCalls(Calls));
        var calls = new Subject("C, call of the library: pamu_abi_version()", Calls, () => Sink += library.LibraryCalls(Calls));
        var portInC = new Subject("C, pamu_port_write() of 64 bytes", Calls, work.PortWritesInC);
        var port = new Subject("C#, DmaPort.Write of 64 bytes", Calls, work.PortWrites);
        var group = new ComparisonGroup("by call",
        [
            new(calls, nothing),
            new(nothing),
            new(portInC, port),
            new(port),
        ]);
        foreach (ComparisonRow row in group.Run(timing))
        {
            yield return row;
        }
    }
}
