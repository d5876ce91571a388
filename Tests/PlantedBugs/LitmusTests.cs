using System.Text.RegularExpressions;

namespace PamuFastPath.Tests.PlantedBugs;

/// <summary>The litmus (<c>Tests/Litmus</c>), run with a bug in the engine that it races.</summary>
internal sealed partial class LitmusTests
{
    private const string Program = "Litmus.dll";

    // The litmus's exit codes.
    private const int Held = 0;
    private const int Violated = 1;
    private const int Inconclusive = 3;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);
    private static readonly Dictionary<string, string> NoDump = new() { ["DOTNET_DbgEnableMiniDump"] = "0" };

    private readonly string _folder;
    private readonly BuiltCopy _litmus;

    internal LitmusTests(string root, string scratch)
    {
        _folder = Path.Combine(scratch, "litmus");
        _litmus = new BuiltCopy(Path.Combine(root, "Tests/Litmus/bin/Release/net10.0"), _folder);
    }

    /// <summary>Runs it with an engine in place of the built one: long enough for each race to meet what it looks for, and only until it has.</summary>
    internal SuiteResult Run(string assembly) => _litmus.With(assembly, () =>
    {
        CommandResult result = Command.Run(_folder, NoDump, Limit, null, ["dotnet", "exec", _litmus.Of(Program), "--seconds", "40"]);
        if (result.IsOverdue)
        {
            return new SuiteResult(SuiteEnd.Hung, null, result.Output);
        }

        return result.ExitCode switch
        {
            Violated when Violation().Match(result.Output) is { Success: true } violation =>
                new SuiteResult(SuiteEnd.Failed, violation.Groups[1].Value, result.Output),

            // Inconclusive: a protocol of its own, broken on purpose, held for once. Of the engine it has seen as much as in a run that passes.
            Held or Inconclusive => new SuiteResult(SuiteEnd.Passed, null, result.Output),
            _ => new SuiteResult(SuiteEnd.Broken, null, result.Output),
        };
    });

    [GeneratedRegex("^FAIL: ([^:]+):", RegexOptions.Multiline)]
    private static partial Regex Violation();
}
