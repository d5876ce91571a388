using System.Diagnostics;
using PamuFastPath.Cli.Run.Scenarios;

namespace PamuFastPath.Cli.Run.Traces;

/// <summary>Replays a trace through a machine.</summary>
internal static class Replay
{
    /// <summary>Rows per block: the columns of one block stay in the second-level cache.</summary>
    private const int BlockRows = 4096;

    /// <param name="machine">The machine, set up.</param>
    /// <param name="scenario">Its scenario.</param>
    /// <param name="path">The trace.</param>
    /// <param name="progress">Told how much is done, 0 to 1.</param>
    public static ReplayResult Run(Machine machine, Scenario scenario, string path, Action<double> progress)
    {
        long began = Stopwatch.GetTimestamp();
        long translating = 0;
        using TraceFile file = TraceFile.Open(path);
        using PamuReader reader = machine.Engine.CreateReader("replay");
        var rows = new TraceReader(file, scenario);
        var translator = new BlockTranslator(reader);
        var block = new TraceBlock(BlockRows);
        var tally = new ReplayTally(machine.Container, scenario);
        rows.ReadHeader();
        while (rows.Read(block))
        {
            long start = Stopwatch.GetTimestamp();
            translator.Translate(block);
            translating += Stopwatch.GetTimestamp() - start;
            tally.Add(block);
            progress(file.Progress);
        }

        return tally.Result(
            path,
            rows.Rows,
            rows.Invalidations,
            Stopwatch.GetElapsedTime(0, translating),
            Stopwatch.GetElapsedTime(began));
    }
}
