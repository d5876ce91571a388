namespace PamuFastPath.Tests.PlantedBugs;

/// <summary>What became of one bug.</summary>
/// <param name="Bug">The bug.</param>
/// <param name="End">How the run ended that decided; <see cref="SuiteEnd.Passed"/>: nobody noticed.</param>
/// <param name="Test">The test that noticed, or ran when the process crashed.</param>
/// <param name="Seconds">From planting to noticing.</param>
/// <param name="IsNoise">Whether the same is noticed with nothing planted: then it says nothing of the bug.</param>
internal sealed record Finding(Bug Bug, SuiteEnd End, string? Test, double Seconds, bool IsNoise = false)
{
    /// <summary>A hang counts only where it is the sign to expect; a process that crashes has failed whatever it was running.</summary>
    internal bool IsCaught => !IsNoise && HasEndedBadly;

    /// <summary>The tests that noticed, or are among those that did: what has to pass with nothing planted.</summary>
    internal IReadOnlyList<string> Noticed => !HasEndedBadly ? [] : Test == null ? Bug.Tests : [Test];

    internal string By => IsNoise ? $"nobody: with nothing planted this fails, too: {Said}" : Said;

    private bool HasEndedBadly => End is SuiteEnd.Failed or SuiteEnd.Crashed || (End == SuiteEnd.Hung && Bug.HangsAfter > 0);

    private string Said => End switch
    {
        SuiteEnd.Failed when Bug.Litmus => $"the litmus: {Test}",
        SuiteEnd.Failed when Bug.Model != null => $"the model ({Test}): {Bug.Because}",
        SuiteEnd.Failed => Test!,
        SuiteEnd.Crashed => Test == null ? "the test process crashed" : $"the test process crashed in {Test}",
        SuiteEnd.Hung => Bug.HangsAfter > 0 ? $"the tests hang ({Bug.HangsAfter} s)" : "nobody: the tests hang, which is no sign of this bug",
        SuiteEnd.NotHere => $"not tried: it needs a processor with {Bug.Needs}",
        SuiteEnd.Broken => "nobody: what should have noticed did not run",
        _ => "nobody",
    };
}
