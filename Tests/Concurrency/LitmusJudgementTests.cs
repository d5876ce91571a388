using PamuFastPath.Litmus;

namespace PamuFastPath.Tests.Concurrency;

/// <summary>What the litmus makes of how its races end: a race that says nothing about its protocol must not count as one that failed.</summary>
public class LitmusJudgementTests
{
    private const string Held = "2.5|1000|2000|";
    private const string Violated = "0.5|1000|2000|a reader was in table 7 when it was freed";
    private const string Unhandled = "Unhandled exception. System.InvalidOperationException: on purpose\n   at Race.Read()\n";
    private const string Unreadable = "Fatal error.\nSystem.AccessViolationException: Attempted to read or write protected memory.\n   at Race.Look()\n";

    /// <summary>How it ended; exit code, null for one that did not; what it printed; what it printed as errors; what that is.</summary>
    public static TheoryData<string, int?, string, string, string> Ends => new()
    {
        { "held", 0, "racing\n" + Held + "\n", "", nameof(RaceOutcome.Held) },
        { "held, Windows", 0, "racing\r\n" + Held + "\r\n", "", nameof(RaceOutcome.Held) },
        { "saw a violation", 5, "racing\n" + Violated + "\n", "", nameof(RaceOutcome.Violated) },
        { "SIGSEGV", 139, "racing\n", "", nameof(RaceOutcome.Violated) },
        { "SIGBUS", 135, "racing\n", "", nameof(RaceOutcome.Violated) },
        { "the runtime found unreadable memory", 134, "racing\n", Unreadable, nameof(RaceOutcome.Violated) },
        { "the C library found a broken heap", 134, "racing\n", "free(): double free detected in tcache 2\n", nameof(RaceOutcome.Violated) },
        { "Windows found unreadable memory", -1073741819, "racing\n", Unreadable, nameof(RaceOutcome.Violated) },

        { "SIGSEGV before it started", 139, "", "", nameof(RaceOutcome.Error) },
        { "unreadable memory before it started", 134, "", Unreadable, nameof(RaceOutcome.Error) },
        { "threw before it started", 134, "", Unhandled, nameof(RaceOutcome.Error) },
        { "threw when it had started", 134, "racing\n", Unhandled, nameof(RaceOutcome.Error) },
        { "threw words about memory", 134, "racing\n", "Unhandled exception. System.AccessViolationException: thrown\n", nameof(RaceOutcome.Error) },
        { "aborted without a reason", 134, "racing\n", "", nameof(RaceOutcome.Error) },
        { "had no memory", 134, "racing\n", "Out of memory.\n", nameof(RaceOutcome.Error) },
        { "was killed", 137, "racing\n", "", nameof(RaceOutcome.Error) },
        { "was terminated", 143, "racing\n", "", nameof(RaceOutcome.Error) },
        { "did not load", 150, "", "You must install or update .NET to run this application.\n", nameof(RaceOutcome.Error) },
        { "bad call", 2, "", "litmus: the options are", nameof(RaceOutcome.Error) },
        { "did not end", null, "racing\n", "", nameof(RaceOutcome.Error) },
        { "did not end, but reported", null, "racing\n" + Violated + "\n", "", nameof(RaceOutcome.Error) },
        { "ended without a report", 0, "racing\n", "", nameof(RaceOutcome.Error) },
        { "said violated without a report", 5, "racing\n", "", nameof(RaceOutcome.Error) },
        { "reported without a start", 0, Held + "\n", "", nameof(RaceOutcome.Error) },
        { "reported a violation without a start", 5, Violated + "\n", "", nameof(RaceOutcome.Error) },
        { "code and report differ: held", 0, "racing\n" + Violated + "\n", "", nameof(RaceOutcome.Error) },
        { "code and report differ: violated", 5, "racing\n" + Held + "\n", "", nameof(RaceOutcome.Error) },
        { "reported and died", 139, "racing\n" + Held + "\n", "", nameof(RaceOutcome.Error) },
        { "published nothing", 0, "racing\n2.5|1000|0|\n", "", nameof(RaceOutcome.Error) },
        { "half a report", 0, "racing\n2.5|1000\n", "", nameof(RaceOutcome.Error) },
        { "no number", 0, "racing\n2.5|many|2000|\n", "", nameof(RaceOutcome.Error) },
    };

    [Theory]
    [MemberData(nameof(Ends))]
    public void Only_what_a_race_saw_or_died_of_after_its_start_is_a_violation(string how, int? exitCode, string output, string error, string outcome)
    {
        var end = RaceEnd.Of(exitCode, output, error, seconds: 9);
        Assert.True(outcome == end.Outcome.ToString(), $"{how}: {end}");
    }

    [Fact]
    public void What_a_race_reports_is_read_back()
    {
        Assert.Equal(new RaceEnd(RaceOutcome.Held, "", 2.5, 3, 4), RaceEnd.Of(0, $"racing\n{RaceEnd.Report(2.5, 3, 4, violation: null)}\n", "", 9));
        Assert.Equal(new RaceEnd(RaceOutcome.Violated, "wrong", 2.5, 3, 4), RaceEnd.Of(5, $"racing\n{RaceEnd.Report(2.5, 3, 4, "wrong")}\n", "", 9));
        Assert.Equal(new RaceEnd(RaceOutcome.Violated, "crashed (139): one two", 9), RaceEnd.Of(139, "racing\n", "one\ntwo\nthree\n", 9));
    }

    /// <summary>Ends of the races that throw, of those of the engine and of the broken ones, by first letter; the verdict.</summary>
    [Theory]
    [InlineData("EE", "HH", "VVV", LitmusVerdict.Pass, "PASS")]
    [InlineData("EE", "HV", "VVV", LitmusVerdict.Fail, "FAIL: engine 1: why")]
    [InlineData("EE", "HV", "", LitmusVerdict.Fail, "FAIL: engine 1: why")]
    [InlineData("EE", "EV", "HEV", LitmusVerdict.Fail, "FAIL: engine 1: why")]
    [InlineData("EE", "HE", "", LitmusVerdict.Error, "ERROR: engine 1: why")]
    [InlineData("EE", "HH", "VHE", LitmusVerdict.Error, "ERROR: broken 2: why")]
    [InlineData("EE", "HH", "VHV", LitmusVerdict.Inconclusive, "INCONCLUSIVE: the engine never failed, but neither did this, which is broken: broken 1")]
    [InlineData("EV", "HH", "VVV", LitmusVerdict.Error, "ERROR: misfit 1: it was taken for Violated: why")]
    [InlineData("HE", "HV", "VVV", LitmusVerdict.Error, "ERROR: misfit 0: it was taken for Held: why")]
    [InlineData("", "HH", "VVV", LitmusVerdict.Error, "ERROR: not every kind of race has run")]
    [InlineData("EE", "", "VVV", LitmusVerdict.Error, "ERROR: not every kind of race has run")]
    [InlineData("EE", "HH", "", LitmusVerdict.Error, "ERROR: not every kind of race has run")]
    public void The_engine_passes_only_beside_broken_protocols_that_fail(string misfits, string engine, string broken, int exitCode, string says)
    {
        var verdict = LitmusVerdict.Of(Races("misfit", misfits), Races("engine", engine), Races("broken", broken));
        Assert.Equal(exitCode, verdict.ExitCode);
        Assert.StartsWith(says, verdict.Says, StringComparison.Ordinal);
    }

    private static (string Name, RaceEnd End)[] Races(string name, string letters) =>
        [.. letters.Select((letter, i) => ($"{name} {i}", new RaceEnd(Enum.GetValues<RaceOutcome>().First(x => x.ToString()[0] == letter), "why", 1)))];
}
