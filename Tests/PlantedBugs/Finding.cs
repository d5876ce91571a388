namespace PamuFastPath.Tests.PlantedBugs;

/// <summary>What became of one bug.</summary>
/// <param name="Bug">The bug.</param>
/// <param name="End">How the run ended that decided; <see cref="SuiteEnd.Passed"/>: nobody noticed.</param>
/// <param name="Test">The test that noticed, or ran when the process crashed.</param>
/// <param name="Seconds">From planting to noticing.</param>
internal sealed record Finding(Bug Bug, SuiteEnd End, string? Test, double Seconds)
{
    /// <summary>A hang counts only where it is the sign to expect; a process that crashes has failed whatever it was running.</summary>
    internal bool IsCaught => End is SuiteEnd.Failed or SuiteEnd.Crashed || (End == SuiteEnd.Hung && Bug.HangsAfter > 0);

    internal string By => End switch
    {
        SuiteEnd.Failed => Test!,
        SuiteEnd.Crashed => Test == null ? "the test process crashed" : $"the test process crashed in or beside {Test}",
        SuiteEnd.Hung => $"the tests hang ({Bug.HangsAfter} s)",
        _ => "nobody",
    };
}
