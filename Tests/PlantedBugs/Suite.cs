using System.Text.RegularExpressions;

namespace PamuFastPath.Tests.PlantedBugs;

/// <summary>The built tests, run with a bug in them.</summary>
internal sealed partial class Suite
{
    private const string Tests = "PamuFastPath.Tests.dll";

    /// <summary>
    /// All but the virtual machine, which has its own copy of the engine and takes minutes to boot, and the negative controls of the stress tests: on a
    /// loaded machine they may fail without any bug, and so notice nothing.
    /// </summary>
    private const string Whole = "FullyQualifiedName!~Tests.Vm.&FullyQualifiedName!~Without_the_grace_period";

    private const string OneByOne = "xUnit.ParallelizeTestCollections=false";

    private const int AsksMax = 3;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(20);

    // The long random tests cut short, with the same seeds: what they find then, they find in full length as well.
    private static readonly Dictionary<string, string> Short = new()
    {
        ["PAMU_PROPERTY_CALLS"] = "30000",
        ["PAMU_BYTE_DOOR_REQUESTS"] = "30000",
        ["PAMU_KERNEL_ACCESSES"] = "2000000",
        ["DOTNET_DbgEnableMiniDump"] = "0",
    };

    private static readonly Dictionary<string, string> Full = new() { ["DOTNET_DbgEnableMiniDump"] = "0" };

    private readonly BuiltCopy _tests;
    private readonly string _folder;
    private readonly string _results;

    /// <summary>Copies the tests' output to <paramref name="scratch"/>.</summary>
    internal Suite(string root, string scratch)
    {
        _folder = Path.Combine(scratch, "suite");
        _results = Path.Combine(scratch, "results");
        _tests = new BuiltCopy(Path.Combine(root, "Tests/bin/Release/net10.0"), _folder);
    }

    /// <summary>Runs tests with an assembly in place of the built one of its name, until the first of them fails.</summary>
    /// <param name="assembly">The assembly with the bug.</param>
    /// <param name="tests">Parts of names; none means the whole suite, at full length.</param>
    /// <param name="limit">After this it hangs; null for a limit that no healthy run meets.</param>
    internal SuiteResult Run(string assembly, IReadOnlyList<string> tests, TimeSpan? limit = null) => _tests.With(assembly, () =>
    {
        SuiteResult result = Judge(Start(tests, limit ?? Limit));

        // Who was running costs as much as the tests themselves, so only a crash is asked for it; one test at a time, so that it can be only one. On a
        // busy machine the answer may be lost, and is asked for again.
        for (int i = 0; i < AsksMax && result is { End: SuiteEnd.Crashed, Test: null }; i++)
        {
            SuiteResult again = Judge(Start(tests, limit ?? Limit, "--blame", "--results-directory", _results, "--", OneByOne));
            result = again.Test != null ? again : result;
        }

        return result;
    });

    private CommandResult Start(IReadOnlyList<string> tests, TimeSpan limit, params string[] more)
    {
        string filter = tests.Count == 0 ? Whole : $"({string.Join('|', tests.Select(test => $"FullyQualifiedName~{test}"))})&{Whole}";
        string[] command = ["dotnet", "test", _tests.Of(Tests), "--filter", filter, "--logger", "console;verbosity=normal", .. more];
        return Command.Run(_folder, tests.Count == 0 ? Full : Short, limit, line => FailedTest().IsMatch(line), command);
    }

    private static SuiteResult Judge(CommandResult result)
    {
        if (FailedTest().Match(result.Output) is { Success: true } failed)
        {
            return new SuiteResult(SuiteEnd.Failed, failed.Groups[1].Value, result.Output);
        }

        if (result.IsOverdue)
        {
            return new SuiteResult(SuiteEnd.Hung, null, result.Output);
        }

        if (Crashed().IsMatch(result.Output))
        {
            string? running = RunningTest().Match(result.Output) is { Success: true } test ? test.Groups[1].Value : null;
            return new SuiteResult(SuiteEnd.Crashed, running, result.Output);
        }

        bool isGreen = result.ExitCode == 0 && PassedTests().IsMatch(result.Output);
        return isGreen ? new SuiteResult(SuiteEnd.Passed, null, result.Output) : throw new InvalidOperationException(result.Output);
    }

    [GeneratedRegex(@"^\s+Failed PamuFastPath\.Tests\.([\w.]+)", RegexOptions.Multiline)]
    private static partial Regex FailedTest();

    [GeneratedRegex("Test host process crashed|host process exited unexpectedly", RegexOptions.IgnoreCase)]
    private static partial Regex Crashed();

    [GeneratedRegex(@"when the crash occurred:\s+PamuFastPath\.Tests\.([\w.]+)")]
    private static partial Regex RunningTest();

    [GeneratedRegex(@"Passed: +[1-9]")]
    private static partial Regex PassedTests();
}

internal enum SuiteEnd
{
    Passed,
    Failed,
    Crashed,
    Hung,

    /// <summary>It did not run as it should, and has seen nothing.</summary>
    Broken,

    /// <summary>It was not run: this processor never comes to the bug's lines.</summary>
    NotHere,
}

/// <param name="End">How the run ended.</param>
/// <param name="Test">The test that failed, or ran when the process crashed, if one is known.</param>
/// <param name="Output">What the runner printed.</param>
internal sealed record SuiteResult(SuiteEnd End, string? Test, string Output);
