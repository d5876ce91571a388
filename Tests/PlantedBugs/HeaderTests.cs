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

    /// <summary>Runs the tests with a header in place of ours, until one fails. One that does not end is no failure but a hang.</summary>
    /// <param name="header">Its text.</param>
    /// <param name="limit">After this a test hangs; null for a limit that no healthy one meets.</param>
    /// <exception cref="BadListException">It does not compile.</exception>
    internal SuiteResult Run(string header, TimeSpan? limit)
    {
        Directory.CreateDirectory(_include);
        File.WriteAllText(Path.Combine(_include, "pamu.h"), header);
        if (!Directory.Exists(_dump))
        {
            Command("dotnet", "exec", Path.Combine(root, "Tests/bin/Release/net10.0/PamuFastPath.Tests.dll"), "table-dump", _dump, "150", "400");
        }

        SuiteResult result = Judge("images", Test(Compiled("images"), _dump, "same"));
        result = result.End != SuiteEnd.Passed ? result : Judge("damage", Test(Compiled("damage"), _dump, "10"));
        return result.End != SuiteEnd.Passed ? result : Judge("inline_calls", Test(Path.Combine(_tests, "inline_calls"), "gcc", "c11", _include));

        CommandResult Test(params string[] arguments) => PlantedBugs.Command.Run(scratch, NoEnvironment, limit ?? Limit, null, arguments);
    }

    private static SuiteResult Judge(string program, CommandResult result)
    {
        if (FailedTest().Match(result.Output) is { Success: true } failed)
        {
            return new SuiteResult(SuiteEnd.Failed, failed.Groups[1].Value, result.Output);
        }

        if (result.IsOverdue)
        {
            return new SuiteResult(SuiteEnd.Hung, null, result.Output);
        }

        // A sanitizer ends the program and says why; without its word it is a crash all the same.
        string test = Sanitizer().Match(result.Output) is { Success: true } why ? $"{program}: {why.Groups[1].Value}" : program;
        return new SuiteResult(result.ExitCode == 0 ? SuiteEnd.Passed : SuiteEnd.Crashed, test, result.Output);
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

    [GeneratedRegex(@"^not ok (.*?)(?:: is '|: \S+:\d+:|$)", RegexOptions.Multiline)]
    private static partial Regex FailedTest();

    [GeneratedRegex(@"(AddressSanitizer: [\w-]+|runtime error: [^\r\n]+)")]
    private static partial Regex Sanitizer();
}
