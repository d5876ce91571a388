using System.Text.RegularExpressions;

namespace PamuFastPath.Tests.PlantedBugs;

/// <summary>
/// The tests of the inline half of <c>pamu.h</c> that need no library: saved tables (<c>images.c</c>, <c>damage.c</c>), under sanitizers, and the machine code
/// (<c>inline_calls</c>). What <c>Tests/Native/run images inline</c> runs with four compilers, here with one.
/// </summary>
internal sealed partial class HeaderTests(string root, string scratch)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);
    private static readonly Dictionary<string, string> NoEnvironment = [];

    private readonly string _tests = Path.Combine(root, "Tests/Native");
    private readonly string _dump = Path.Combine(scratch, "dump");
    private readonly string _include = Path.Combine(scratch, "include");

    /// <summary>Runs the tests with a header in place of ours, until one fails.</summary>
    /// <exception cref="BadListException">It does not compile.</exception>
    internal SuiteResult Run(string header)
    {
        Directory.CreateDirectory(_include);
        File.WriteAllText(Path.Combine(_include, "pamu.h"), header);
        if (!Directory.Exists(_dump))
        {
            Command("dotnet", "exec", Path.Combine(root, "Tests/bin/Release/net10.0/PamuFastPath.Tests.dll"), "table-dump", _dump, "150", "400");
        }

        CommandResult result = Command(Compiled("images"), _dump, "same");
        result = HasFailed(result) ? result : Command(Compiled("damage"), _dump, "10");
        result = HasFailed(result) ? result : Command(Path.Combine(_tests, "inline_calls"), "gcc", "c11", _include);
        if (!HasFailed(result))
        {
            return new SuiteResult(SuiteEnd.Passed, null, result.Output);
        }

        return FailedTest().Match(result.Output) is { Success: true } failed
            ? new SuiteResult(SuiteEnd.Failed, failed.Groups[1].Value, result.Output)
            : new SuiteResult(SuiteEnd.Crashed, null, result.Output);
    }

    private string Compiled(string program)
    {
        string output = Path.Combine(scratch, program);
        CommandResult result = Command(
            "gcc", "-std=c11", "-g", "-O2", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-I", _include,
            Path.Combine(_tests, program + ".c"), "-o", output);
        return result.ExitCode == 0 ? output : throw new BadListException($"pamu.h does not compile with the bug in it:\n{result.Output}");
    }

    private CommandResult Command(params string[] arguments) => PlantedBugs.Command.Run(scratch, NoEnvironment, Limit, null, arguments);

    private static bool HasFailed(CommandResult result) => result.ExitCode != 0 || FailedTest().IsMatch(result.Output);

    [GeneratedRegex(@"^not ok (.*?)(?:: is '|: \S+:\d+:|$)", RegexOptions.Multiline)]
    private static partial Regex FailedTest();
}
