using PamuFastPath.Cli.Run.Hardware;
using PamuFastPath.Cli.Run.Scenarios;
using PamuFastPath.Cli.Run.Traces;

namespace PamuFastPath.Cli.Run.Reports;

/// <summary>All that a run found out; every report is made from this alone.</summary>
/// <param name="Scenario">What was run.</param>
/// <param name="Aperture">First and last IOVA of the aperture.</param>
/// <param name="WindowCount">Windows of the aperture.</param>
/// <param name="WindowSize">Bytes of one.</param>
/// <param name="Windows">The mapped ones.</param>
/// <param name="Pictures">The window table at the points the scenario asked for.</param>
/// <param name="Accesses">The accesses it tried.</param>
/// <param name="Replay">The replayed trace, if one was given.</param>
internal sealed record RunResult(
    Scenario Scenario,
    (ulong Start, ulong Last) Aperture,
    int WindowCount,
    ulong WindowSize,
    IReadOnlyList<PamuWindow> Windows,
    IReadOnlyList<Picture> Pictures,
    IReadOnlyList<AccessResult> Accesses,
    ReplayResult? Replay)
{
    /// <summary>What was expected and did not happen, a sentence each.</summary>
    public IReadOnlyList<string> Failures { get; } = [.. FindFailures(Scenario, Accesses, Replay)];

    /// <summary>The devices that the container was bound to as well; none for software alone.</summary>
    public IReadOnlyList<HardwareChoice> Hardware { get; init; } = [];

    /// <summary>Accesses that were asked to be explained.</summary>
    public IReadOnlyList<TranslationExplanation> Explanations { get; init; } = [];

    public bool Passed => Failures.Count == 0;

    private static IEnumerable<string> FindFailures(Scenario scenario, IReadOnlyList<AccessResult> accesses, ReplayResult? replay)
    {
        foreach (AccessResult access in accesses.Where(static access => !access.IsAsExpected))
        {
            yield return access.Answer.Outcome == access.Trial.Expect
                ? $"{access.Trial.Place}: reached {Units.Address(access.Answer.Target)}, not {Units.Address(access.Trial.Target!.Value)}"
                : $"{access.Trial.Place}: {access.Answer.Outcome.Name}, not {access.Trial.Expect.Name}";
        }

        if (replay is { IsAccountedFor: false })
        {
            long found = replay.Translated + replay.Messages + replay.Faults;
            yield return $"{replay.File}: {found} of {replay.Accesses} accesses are accounted for";
        }

        if (replay is { Faults: > 0 } && !scenario.AllowFaults)
        {
            yield return $"{replay.File}: {Units.Count(replay.Faults)} unexpected faults";
        }
    }
}
