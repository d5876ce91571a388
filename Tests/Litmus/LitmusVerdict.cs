namespace PamuFastPath.Litmus;

/// <summary>What the races say together.</summary>
/// <param name="ExitCode">The litmus' exit code.</param>
/// <param name="Says">The verdict and its reason.</param>
internal sealed record LitmusVerdict(int ExitCode, string Says)
{
    internal const int Pass = 0;
    internal const int Fail = 1;
    internal const int Inconclusive = 3;
    internal const int Error = 4;

    /// <summary>Judges. Each race may have run many times, or not at all if another one ended the litmus before.</summary>
    /// <param name="misfits">Races that throw: all of them have to be errors, or none of the rest means what it seems to.</param>
    /// <param name="engine">Races against the engine as it is.</param>
    /// <param name="broken">Races against broken protocols: that the engine holds says something only where these do not.</param>
    internal static LitmusVerdict Of((string Name, RaceEnd End)[] misfits, (string Name, RaceEnd End)[] engine, (string Name, RaceEnd End)[] broken)
    {
        if (Array.Find(misfits, x => x.End.Outcome != RaceOutcome.Error) is (string misfit, RaceEnd taken))
        {
            return new LitmusVerdict(Error, $"ERROR: {misfit}: it was taken for {taken.Outcome}: {taken.What}");
        }

        if (Array.Find(engine, x => x.End.Outcome == RaceOutcome.Violated) is (string failing, RaceEnd failure))
        {
            return new LitmusVerdict(Fail, $"FAIL: {failing}: {failure.What}");
        }

        if (Array.Find([.. engine, .. broken], x => x.End.Outcome == RaceOutcome.Error) is (string erring, RaceEnd error))
        {
            return new LitmusVerdict(Error, $"ERROR: {erring}: {error.What}");
        }

        if (misfits.Length == 0 || engine.Length == 0 || broken.Length == 0)
        {
            return new LitmusVerdict(Error, "ERROR: not every kind of race has run");
        }

        string[] held = [.. broken.Where(x => x.End.Outcome == RaceOutcome.Held).Select(x => x.Name).Distinct()];
        return held.Length > 0
            ? new LitmusVerdict(Inconclusive, $"INCONCLUSIVE: the engine never failed, but neither did this, which is broken: {string.Join("; ", held)}")
            : new LitmusVerdict(Pass, "PASS: the engine never failed, and every broken protocol did, every time");
    }
}
