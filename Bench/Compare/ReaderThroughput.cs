using System.Diagnostics;
using PamuFastPath.Bench.Measure;
using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Compare;

/// <summary>What readers lose while tables are published, and what a second reader adds. In turns, phase by phase.</summary>
internal static unsafe class ReaderThroughput
{
    private const int Rounds = 60;
    private const int Accesses = 1024;
    private static readonly TimeSpan Phase = TimeSpan.FromMilliseconds(20);

    private static ulong Sink;

    internal static IEnumerable<ComparisonRow> Run() => UnderPublications().Concat(ByThreads());

    private static IEnumerable<ComparisonRow> UnderPublications()
    {
        using var table = new BenchTable(windows: 256, mapped: PacedPublisher.StableWindows);
        using NativeArray<ulong> iovas = StableAddresses(table);
        (PublicationKind Kind, double PerSecond, Target Target)[] phases =
        [
            (PublicationKind.Adds, 0, default),
            (PublicationKind.Adds, 100, default),
            (PublicationKind.Adds, 10_000, new Target(RatioMin: 0.97)),
            (PublicationKind.Removes, 100, default),
            (PublicationKind.Removes, 10_000, new Target(RatioMin: 0.85)),
        ];
        double[][] perSecond = [.. phases.Select(_ => new double[Rounds])];
        double[][] published = [.. phases.Select(_ => new double[Rounds])];
        Translations(table.Reader, table.Container, iovas, TimeSpan.FromMilliseconds(200)); // the JIT
        for (int round = 0; round < Rounds; round++)
        {
            for (int i = 0; i < phases.Length; i++)
            {
                var publisher = new PacedPublisher(table, phases[i].Kind, phases[i].PerSecond);
                long began = Stopwatch.GetTimestamp();
                perSecond[i][round] = Translations(table.Reader, table.Container, iovas, Phase);
                published[i][round] = publisher.Stop() / Stopwatch.GetElapsedTime(began).TotalSeconds;
            }
        }

        for (int i = 0; i < phases.Length; i++)
        {
            string what = phases[i].PerSecond == 0
                ? "no publications"
                : $"{new Distribution(published[i]).Median:F0} publications a second, each {phases[i].Kind.ToString().ToLowerInvariant()}";
            yield return Row(
                "reader throughput, own section, second thread busy",
                what,
                perSecond[i],
                i == 0 ? null : perSecond[0],
                "its quiet throughput",
                phases[i].Target);
        }
    }

    private static IEnumerable<ComparisonRow> ByThreads()
    {
        using var table = new BenchTable();
        using NativeArray<ulong> iovas = StableAddresses(table);
        double[] one = new double[Rounds];
        double[] two = new double[Rounds];
        Translations(table.Reader, table.Container, iovas, TimeSpan.FromMilliseconds(200)); // the JIT
        for (int round = 0; round < Rounds; round++)
        {
            one[round] = Translations(table.Reader, table.Container, iovas, Phase);
            two[round] = TwoThreads(table, iovas);
        }

        const string Group = "reader threads, own section each access";
        yield return Row(Group, "one thread", one);
        yield return Row(Group, "two threads together", two, one, "one thread", new Target(RatioMin: 1.9));
    }

    private static double TwoThreads(BenchTable table, NativeArray<ulong> iovas)
    {
        using var start = new Barrier(2);
        double other = 0;
        var thread = new Thread(() =>
        {
            using PamuReader reader = table.Engine.CreateReader("second");
            using NativeArray<ulong> own = StableAddresses(table);
            start.SignalAndWait();
            other = Translations(reader, table.Container, own, Phase);
        });
        thread.Start();
        start.SignalAndWait();
        double mine = Translations(table.Reader, table.Container, iovas, Phase);
        thread.Join();
        return mine + other;
    }

    /// <summary>Translations a second over a time.</summary>
    private static double Translations(PamuReader reader, PamuContainer container, NativeArray<ulong> iovas, TimeSpan time)
    {
        var way = new OwnSection(reader, container);
        long began = Stopwatch.GetTimestamp();
        long done = 0;
        TimeSpan elapsed;
        do
        {
            Sink += SingleLoops.Independent(way, iovas.Pointer, iovas.Length);
            done += iovas.Length;
            elapsed = Stopwatch.GetElapsedTime(began);
        }
        while (elapsed < time);

        return done / elapsed.TotalSeconds;
    }

    private static NativeArray<ulong> StableAddresses(BenchTable table)
    {
        var iovas = new NativeArray<ulong>(Accesses);
        AddressStream.Fill(iovas.Span, table, windows: PacedPublisher.StableWindows);
        return iovas;
    }

    /// <summary>Reported as the time of one translation over all threads; the ratio is of throughputs.</summary>
    private static ComparisonRow Row(
        string group, string what, double[] perSecond, double[]? reference = null, string? against = null, Target target = default) =>
        ComparisonRow.Of(
            group,
            what,
            reference == null ? null : against,
            target,
            new Distribution([.. perSecond.Select(rate => 1e9 / rate)]),
            reference == null ? null : Distribution.Ratio(perSecond, reference));
}
