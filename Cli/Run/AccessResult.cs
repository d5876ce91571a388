using PamuFastPath.Cli.Run.Scenarios;
using PamuFastPath.Cli.Run.Traces;

namespace PamuFastPath.Cli.Run;

/// <summary>An access that a scenario tried, and what became of it.</summary>
internal sealed record AccessResult(AccessTrial Trial, Answer Answer)
{
    public bool IsAsExpected => Answer.Outcome == Trial.Expect && (Trial.Target ?? Answer.Target) == Answer.Target;

    /// <summary>Tries the accesses of a scenario, by the path that trace rows take.</summary>
    public static IReadOnlyList<AccessResult> TryAll(Machine machine, IReadOnlyList<AccessTrial> trials)
    {
        using PamuReader reader = machine.Engine.CreateReader("accesses");
        var translator = new BlockTranslator(reader);
        var block = new TraceBlock(1) { Count = 1 };
        var results = new List<AccessResult>();
        foreach (AccessTrial trial in trials)
        {
            block.Liodn[0] = trial.Liodn;
            block.Iova[0] = trial.Iova;
            block.Length[0] = trial.Length;
            block.Access[0] = trial.Access;
            translator.Translate(block);
            int crossing = 0;
            results.Add(new AccessResult(trial, BlockTranslator.AnswerOf(block, 0, ref crossing)));
        }

        return results;
    }
}
