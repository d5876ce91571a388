namespace PamuFastPath.Litmus;

/// <summary>
/// Rounds of the real protocol, and between them every broken one until it fails; first of all races that throw, which must not pass for failing.
/// </summary>
internal sealed class LitmusRun(TimeSpan duration, TextWriter output)
{
    /// <summary>How long a broken protocol may take to fail.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    /// <summary>The longest stretch of the real protocol without a look at the broken ones.</summary>
    private static readonly TimeSpan RoundMax = TimeSpan.FromSeconds(20);

    private static readonly (string Name, Race Race)[] Misfits =
    [
        ("a race that throws before it starts", new Race(HasBarrier: false, Calls.Wait, Fault.ThrowBeforeStart)),
        ("a race that throws when it has started", new Race(HasBarrier: false, Calls.Wait, Fault.ThrowAfterStart)),
    ];

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
    private readonly Dictionary<string, List<RaceEnd>> _ends = Misfits.Concat(Real).Concat(Broken).ToDictionary(x => x.Name, _ => new List<RaceEnd>());

    /// <returns>The exit code.</returns>
    internal int Run()
    {
        int rounds = Math.Max(1, (int)Math.Ceiling(duration / RoundMax));
        TimeSpan slice = duration / rounds / Real.Length;
        bool goesOn = RunEach(Misfits, Patience, RaceOutcome.Error);
        for (int i = 0; i < rounds && goesOn; i++)
        {
            goesOn = RunEach(Real, slice, RaceOutcome.Held) && RunEach(Broken, Patience, RaceOutcome.Held, RaceOutcome.Violated);
        }

        PrintTable();
        var verdict = LitmusVerdict.Of(Ends(Misfits), Ends(Real), Ends(Broken));
        output.WriteLine(verdict.Says);
        return verdict.ExitCode;
    }

    /// <returns>Whether to go on: false at the first race that ends in another way than <paramref name="expected"/>.</returns>
    private bool RunEach((string Name, Race Race)[] races, TimeSpan limit, params RaceOutcome[] expected)
    {
        foreach ((string name, Race race) in races)
        {
            RaceEnd end = RaceProcess.Start(race, limit, _readers);
            _ends[name].Add(end);
            if (!expected.Contains(end.Outcome))
            {
                return false;
            }
        }

        return true;
    }

    private (string Name, RaceEnd End)[] Ends((string Name, Race Race)[] races) => [.. from x in races from end in _ends[x.Name] select (x.Name, end)];

    private void PrintTable()
    {
        output.WriteLine($"{"",-38} {"runs",5} {"failed",7} {"errors",7} {"median s",9} {"longest s",10} {"sections",15} {"publications",13}");
        foreach ((string name, List<RaceEnd> ends) in _ends)
        {
            double[] seconds = [.. ends.Select(x => x.Seconds).Order()];
            output.WriteLine(
                $"{name,-38} {ends.Count,5} {ends.Count(x => x.Outcome == RaceOutcome.Violated),7} {ends.Count(x => x.Outcome == RaceOutcome.Error),7} "
                + $"{seconds.ElementAtOrDefault(seconds.Length / 2),9:F2} {seconds.LastOrDefault(),10:F2} "
                + $"{ends.Sum(x => x.Sections),15:N0} {ends.Sum(x => x.Publications),13:N0}");
        }

        output.WriteLine($"{_readers} readers, {Environment.ProcessorCount} processors");
    }
}
