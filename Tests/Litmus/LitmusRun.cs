namespace PamuFastPath.Litmus;

/// <summary>
/// Rounds of the real protocol, and between them every broken one until it fails. The real one holding says something only where the broken ones
/// fail, so that decides first whether there is a verdict.
/// </summary>
internal sealed class LitmusRun(TimeSpan duration, TextWriter output)
{
    internal const int Pass = 0;
    internal const int Fail = 1;
    internal const int Inconclusive = 3;

    /// <summary>How long a broken protocol may take to fail.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>The longest stretch of the real protocol without a look at the broken ones.</summary>
    private static readonly TimeSpan RoundMax = TimeSpan.FromSeconds(20);

    private static readonly (string Name, Race Race)[] Real =
    [
        ("the engine, calls that wait", new Race(HasBarrier: true, Calls.Wait, Fault.None)),
        ("the engine, calls that reclaim", new Race(HasBarrier: true, Calls.Reclaim, Fault.None)),
    ];

    private static readonly (string Name, Race Race)[] Broken =
    [
        ("no barrier, calls that wait", new Race(HasBarrier: false, Calls.Wait, Fault.None)),
        ("no barrier, calls that reclaim", new Race(HasBarrier: false, Calls.Reclaim, Fault.None)),
        ("table loaded before the announcement", new Race(HasBarrier: true, Calls.Wait, Fault.LoadBeforeAnnouncing)),
        ("section left before the last use", new Race(HasBarrier: true, Calls.Wait, Fault.LeaveBeforeUse)),
        ("calls that should wait do not", new Race(HasBarrier: true, Calls.Wait, Fault.NoWait)),
    ];

    private readonly int _readers = Math.Clamp(Environment.ProcessorCount - 1, 1, 3);
    private readonly Dictionary<string, List<RaceResult>> _results = Real.Concat(Broken).ToDictionary(x => x.Name, _ => new List<RaceResult>());

    /// <returns>The exit code.</returns>
    internal int Run()
    {
        int rounds = Math.Max(1, (int)Math.Ceiling(duration / RoundMax));
        TimeSpan slice = duration / rounds / Real.Length;
        for (int i = 0; i < rounds && !Failed(Real).Any(); i++)
        {
            Array.ForEach(Real, x => _results[x.Name].Add(RaceProcess.Start(x.Race, slice, _readers)));
            Array.ForEach(Broken, x => _results[x.Name].Add(RaceProcess.Start(x.Race, Patience, _readers)));
        }

        PrintTable();
        return Judge();
    }

    private int Judge()
    {
        if (Failed(Real).FirstOrDefault() is (string name, RaceResult failure))
        {
            output.WriteLine($"FAIL: {name}: {failure.Violation}");
            return Fail;
        }

        string[] held = [.. Broken.Where(x => _results[x.Name].Exists(result => result.Violation == null)).Select(x => x.Name)];
        if (held.Length > 0)
        {
            output.WriteLine($"INCONCLUSIVE: nothing failed, but neither did this in {Patience.TotalSeconds} s, which is broken: {string.Join("; ", held)}");
            return Inconclusive;
        }

        output.WriteLine("PASS: the engine never failed, and every broken protocol did, every time");
        return Pass;
    }

    private IEnumerable<(string Name, RaceResult Result)> Failed((string Name, Race Race)[] races) =>
        from x in races from result in _results[x.Name] where result.Violation != null select (x.Name, result);

    private void PrintTable()
    {
        output.WriteLine($"{"",-38} {"runs",5} {"failed",7} {"median s",9} {"longest s",10} {"sections",15} {"publications",13}");
        foreach ((string name, List<RaceResult> results) in _results)
        {
            double[] seconds = [.. results.Select(x => x.Seconds).Order()];
            output.WriteLine(
                $"{name,-38} {results.Count,5} {results.Count(x => x.Violation != null),7} {seconds.ElementAtOrDefault(seconds.Length / 2),9:F2} "
                + $"{seconds.LastOrDefault(),10:F2} {results.Sum(x => x.Sections),15:N0} {results.Sum(x => x.Publications),13:N0}");
        }

        output.WriteLine($"{_readers} readers, {Environment.ProcessorCount} processors");
    }
}
