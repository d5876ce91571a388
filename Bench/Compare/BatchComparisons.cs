using PamuFastPath.Bench.Measure;
using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Compare;

/// <summary>Batches against a copy of the same arrays, and along each axis from the default point.</summary>
internal static class BatchComparisons
{
    private const int SmallCount = 64;
    private const int LargeCount = 65_536;

    /// <summary>The targets for 1,024 elements in time.</summary>
    private static readonly Dictionary<int, Target> AgainstCopy1024 = new()
    {
        [16] = new Target(Nanoseconds: 0.6, RatioMax: 5),
        [256] = new Target(Nanoseconds: 1.1),
    };

    private static readonly Dictionary<int, Target> AgainstCopyLarge = new()
    {
        [16] = new Target(RatioMax: 3),
        [256] = new Target(RatioMax: 5),
    };

    internal static IEnumerable<ComparisonRow> Run(Interleaved timing) => AgainstCopy(timing)
        .Concat(AsWindowsGrow(timing))
        .Concat(ByKernel(timing))
        .Concat(ByFaultsAndMessages(timing))
        .Concat(OverTrace(timing));

    private static Subject Time(string name, BatchWorkload batch, BatchKernel? kernel = null) =>
        new(name, batch.Count, () => batch.Translate(kernel));

    private static Subject Copy(BatchWorkload batch) => new("copy of the same arrays", batch.Count, batch.Copy);

    private static IEnumerable<ComparisonRow> AgainstCopy(Interleaved timing)
    {
        (int, Dictionary<int, Target>)[] sizes =
        [
            (SmallCount, new() { [16] = default, [256] = default }), // nothing is asked of it
            (BatchWorkload.DefaultCount, AgainstCopy1024),
            (LargeCount, AgainstCopyLarge),
        ];
        foreach ((int count, Dictionary<int, Target> targets) in sizes)
        {
            foreach ((int windows, Target target) in targets)
            {
                using var table = new BenchTable(windows);
                using var batch = new BatchWorkload(table, count);
                Subject copy = Copy(batch);
                Subject uniform = Time("one length", batch);
                var lengths = new Subject("per-element lengths", count, () => batch.TranslateWithLengths());
                var group = new ComparisonGroup($"batch of {count}, {windows} windows",
                [
                    new(uniform, copy, target),
                    new(lengths, uniform, count == SmallCount ? default : new Target(RatioMax: 1.3)),
                    new(copy),
                ]);
                foreach (ComparisonRow row in group.Run(timing))
                {
                    yield return row;
                }
            }
        }
    }

    private static IEnumerable<ComparisonRow> AsWindowsGrow(Interleaved timing)
    {
        int[] counts = [1, 4, 16, 64, 256];
        BenchTable[] tables = [.. counts.Select(count => new BenchTable(count))];
        BatchWorkload[] batches = [.. tables.Select(table => new BatchWorkload(table))];
        Subject[] subjects = [.. batches.Select((batch, i) => Time($"{counts[i]} windows", batch))];
        var group = new ComparisonGroup("batch of 1024, as windows grow",
        [
            new(subjects[0]),
            .. subjects[1..].Select(subject => new Comparison(subject, subjects[0], new Target(RatioMax: 2.5))),
        ]);
        foreach (ComparisonRow row in group.Run(timing))
        {
            yield return row;
        }

        Array.ForEach(batches, batch => batch.Dispose());
        Array.ForEach(tables, table => table.Dispose());
    }

    private static IEnumerable<ComparisonRow> ByKernel(Interleaved timing)
    {
        foreach (int windows in new[] { BenchTable.DefaultWindows, 256 })
        {
            using var table = new BenchTable(windows);
            using var batch = new BatchWorkload(table);
            Subject chosen = Time("the table's own choice", batch);
            bool isAvx512 = batch.CanRun(BatchKernel.Vector512Registers);
            var group = new ComparisonGroup($"batch of 1024, {windows} windows, each kernel forced",
            [
                new(chosen),
                .. Enum.GetValues<BatchKernel>().Where(batch.CanRun).Select(kernel => new Comparison(
                    Time($"{kernel}", batch, kernel),
                    chosen,
                    isAvx512 && kernel == BatchKernel.Vector256Registers ? new Target(RatioMax: 2.5) : default)),
            ]);
            foreach (ComparisonRow row in group.Run(timing))
            {
                yield return row;
            }
        }
    }

    private static IEnumerable<ComparisonRow> ByFaultsAndMessages(Interleaved timing)
    {
        foreach (int windows in new[] { BenchTable.DefaultWindows, 256 })
        {
            using var table = new BenchTable(windows);
            using var withMsi = new BenchTable(windows, hasMsi: true);
            using var clean = new BatchWorkload(table);
            using var faults1 = new BatchWorkload(table, faults: 0.01);
            using var faults50 = new BatchWorkload(table, faults: 0.5);
            using var messages0 = new BatchWorkload(withMsi);
            using var messages5 = new BatchWorkload(withMsi, messages: 0.05);
            Subject none = Time("no faults, no MSI window", clean);
            var group = new ComparisonGroup($"batch of 1024, {windows} windows, faults and messages",
            [
                new(none),
                new(Time("1 % faults", faults1), none, new Target(RatioMax: 1.2)),
                new(Time("50 % faults", faults50), none),
                new(Time("an MSI window, no messages", messages0), none),
                new(Time("5 % messages", messages5), none),
            ]);
            foreach (ComparisonRow row in group.Run(timing))
            {
                yield return row;
            }
        }
    }

    private static IEnumerable<ComparisonRow> OverTrace(Interleaved timing)
    {
        using var trace = new RecordedTrace();
        BatchWorkload[] batches = trace.WriteBatches(BatchWorkload.DefaultCount);
        int total = batches.Sum(batch => batch.Count);
        var copy = new Subject("copy of the same arrays", total, () => Array.ForEach(batches, batch => batch.Copy()));
        var group = new ComparisonGroup($"batches of 1024, {total} writes and messages of an NVMe drive, 256 windows",
        [
            new(new Subject("per-element lengths", total, () => Array.ForEach(batches, batch => batch.TranslateWithLengths())), copy),
            new(copy),
        ]);
        foreach (ComparisonRow row in group.Run(timing))
        {
            yield return row;
        }

        Array.ForEach(batches, batch => batch.Dispose());
    }
}
