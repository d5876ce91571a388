using System.IO.Compression;
using PamuFastPath.Cli.Run;
using PamuFastPath.Cli.Run.Scenarios;
using PamuFastPath.Cli.Run.Traces;
using PamuFastPath.Diagnostics;
using PamuFastPath.Tests.Run;

namespace PamuFastPath.Tests.Diagnostics;

/// <summary>After a replay of a known trace the counters equal the replay's own counts, all of them, readers coming and going.</summary>
public sealed class ReplayCountTests : IDisposable
{
    private const int Threads = 4;
    private const int Rounds = 3;

    private static readonly Scenario Nvme = ScenarioReader.Read(Path.Combine(RunCase.Repository, "scenarios", "nvme.json"));
    private static readonly string Trace = Path.Combine(RunCase.Repository, "scenarios", "traces", "nvme-slice.csv.gz");

    /// <summary>What a drive does not do by itself: after every 50th row of the trace, a crossing that goes on, one that does not, and each fault.</summary>
    private static readonly string[] Hostile =
    [
        "nvme,R,101fffff0,64",
        "nvme,W,101ffffff,33554434", // over three windows
        "nvme,W,7ffffff0,64",
        "nvme,R,180001000,4",
        "nvme,R,fee00000,64",
        "ich9-ahci,W,200000000,1",
        "nvme,W,100000000,0",
        "nvme,R,100000001,18446744073709551615",
        "nvme,R,180000140,4",
    ];

    private readonly string _mixed = WriteMixed();

    public void Dispose() => File.Delete(_mixed);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void One_replay_equals_its_own_tally(bool isMixed)
    {
        using Machine machine = Counted(windows: true);
        ReplayResult tally = Replay.Run(machine, Nvme, isMixed ? _mixed : Trace, static _ => { });
        AssertEqual(tally, 1, machine.Engine.GetStatistics().Accesses, withWindows: true);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Threads_with_a_reader_for_each_block_add_up(bool windows)
    {
        using Machine quiet = Counted(windows: false);
        quiet.Engine.Counting = AccessCounting.Off;
        ReplayResult tally = Replay.Run(quiet, Nvme, _mixed, static _ => { });
        Assert.Equal(0UL, quiet.Engine.GetStatistics().Accesses.Translations);
        Assert.True(tally is { Translated: > 90_000, Messages: > 3_000, Crossing: > 6_000 }, "the trace has some of everything");
        Assert.True(tally.FaultsByKind.Count(static kind => kind.Count > 0) >= 4, "faults of many kinds");

        using Machine machine = Counted(windows);
        using var done = new CancellationTokenSource();
        string? wentBack = null;
        Thread looking = Start(() => wentBack = Look(machine.Engine, done.Token));
        Thread[] replaying = [.. Enumerable.Range(0, Threads).Select(_ => Start(() => ReplayBlocks(machine.Engine, _mixed)))];
        Array.ForEach(replaying, thread => thread.Join());
        done.Cancel();
        looking.Join();

        Assert.Null(wentBack);
        AssertEqual(tally, Threads * Rounds, machine.Engine.GetStatistics().Accesses, windows);
        Assert.Equal(0, machine.Engine.GetStatistics().Readers);
    }

    /// <summary>Counts never go back while readers come and go.</summary>
    private static string? Look(PamuEngine engine, CancellationToken done)
    {
        (ulong Translations, ulong Bytes) before = (0, 0);
        while (!done.IsCancellationRequested)
        {
            AccessCounts counts = engine.GetStatistics().Accesses;
            (ulong Translations, ulong Bytes) now = (counts.Translations, counts.BytesRead + counts.BytesWritten);
            if (now.Translations < before.Translations || now.Bytes < before.Bytes)
            {
                return $"{now} after {before}";
            }

            before = now;
        }

        return null;
    }

    private static void ReplayBlocks(PamuEngine engine, string trace)
    {
        for (int round = 0; round < Rounds; round++)
        {
            using TraceFile file = TraceFile.Open(trace);
            var rows = new TraceReader(file, Nvme);
            var block = new TraceBlock(1024);
            rows.ReadHeader();
            while (rows.Read(block))
            {
                using PamuReader reader = engine.CreateReader();
                new BlockTranslator(reader).Translate(block);
            }
        }
    }

    private static string WriteMixed()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".csv");
        using var rows = new StreamReader(new GZipStream(File.OpenRead(Trace), CompressionMode.Decompress));
        using var mixed = new StreamWriter(path);
        mixed.WriteLine(rows.ReadLine());
        for (int i = 0; rows.ReadLine() is string row; i++)
        {
            mixed.WriteLine(row);
            if (i % 50 == 0)
            {
                Array.ForEach(Hostile, hostile => mixed.WriteLine($"{row[..row.IndexOf(',', StringComparison.Ordinal)]},{hostile}"));
            }
        }

        return path;
    }

    private static Machine Counted(bool windows)
    {
        var machine = new Machine(Nvme);
        machine.TakeSteps(static _ => { });
        machine.Engine.CountsWindows = windows;
        machine.Engine.Counting = AccessCounting.On;
        return machine;
    }

    private static void AssertEqual(ReplayResult tally, int times, AccessCounts counts, bool withWindows)
    {
        var n = (ulong)times;
        Assert.Equal((ulong)tally.Accesses * n, counts.Translations);
        Assert.Equal((ulong)tally.Translated * n, counts.MemoryHits);
        Assert.Equal((ulong)tally.Messages * n, counts.MsiHitCount);
        Assert.Equal((ulong)tally.Faults * n, counts.FaultCount);
        Assert.Equal((ulong)tally.Crossing * n, counts.Crosses);
        Assert.Equal((ulong)tally.BytesRead * n, counts.BytesRead);
        Assert.Equal((ulong)tally.BytesWritten * n, counts.BytesWritten);
        foreach ((FaultKind kind, long count) in tally.FaultsByKind)
        {
            Assert.Equal((ulong)count * n, counts.Faults[(int)kind]);
        }

        foreach (IGrouping<int, MessageHits> bank in tally.MessagesSent.GroupBy(static message => message.Bank))
        {
            Assert.Equal((ulong)bank.Sum(static message => message.Count) * n, counts.MsiHits[bank.Key]);
        }

        Assert.Equal(counts.MemoryHits, counts.WindowSamples.ToArray().Aggregate(0UL, static (a, b) => a + b));
        if (withWindows)
        {
            foreach (WindowHits window in tally.Windows)
            {
                Assert.Equal((ulong)window.Hits * n, counts.WindowHits[window.Index]);
            }
        }
    }

    private static Thread Start(Action body)
    {
        var thread = new Thread(() => body());
        thread.Start();
        return thread;
    }
}
