using System.Diagnostics;
using System.Globalization;

namespace PamuFastPath.Tests.PlantedBugs;

/// <summary>Plants bugs one by one and sees which test notices.</summary>
internal sealed class Hunt
{
    private readonly string _root;
    private readonly string _scratch;
    private readonly MutantCompiler _compiler;
    private readonly Suite _suite;
    private readonly HeaderTests _header;

    internal Hunt(string root)
    {
        _root = root;
        _scratch = Path.Combine(root, "Tests/PlantedBugs/bin/hunt"); // below the repository, which some tests look for upwards
        Directory.CreateDirectory(_scratch);
        _compiler = new MutantCompiler(root, _scratch);
        _suite = new Suite(root, _scratch);
        _header = new HeaderTests(root, _scratch);
    }

    /// <summary>The control: the same tests, compiled and run the same way, with nothing planted. They must pass, or what they say of bugs means nothing.</summary>
    /// <param name="bugs">The bugs whose tests are run.</param>
    /// <param name="isWhole">Whether to run the whole suite for the engine's bugs.</param>
    internal bool IsQuietWithoutBugs(IReadOnlyList<Bug> bugs, bool isWhole)
    {
        foreach (IGrouping<string, Bug> project in bugs.GroupBy(bug => IsHeader(bug.File) ? bug.File : bug.File.Split('/')[0]))
        {
            string file = project.First().File;
            string text = File.ReadAllText(Path.Combine(_root, file));
            string[] tests = isWhole && project.Key == "Engine" ? [] : [.. project.SelectMany(bug => bug.Tests).Distinct()];
            SuiteResult result = IsHeader(file) ? _header.Run(text) : _suite.Run(_compiler.Compile(file, text), tests);
            if (result.End != SuiteEnd.Passed)
            {
                Console.Error.WriteLine($"with nothing planted: {result.End} {result.Test}\n{string.Join('\n', result.Output.Split('\n').TakeLast(30))}");
                return false;
            }
        }

        return true;
    }

    /// <summary>One bug: first the tests that should notice, then, if they do not, all of them.</summary>
    internal Finding Seek(Bug bug)
    {
        var clock = Stopwatch.StartNew();
        string text = bug.Plant(File.ReadAllText(Path.Combine(_root, bug.File)));
        SuiteResult result = IsHeader(bug.File) ? _header.Run(text) : RunSuite(bug, text);
        var finding = new Finding(bug, result.End, result.Test, clock.Elapsed.TotalSeconds);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{(finding.IsCaught ? "caught" : "MISSED"),-7} {finding.Seconds,6:0.0} s  {bug.FullName}: {finding.By}"));
        return finding;
    }

    private SuiteResult RunSuite(Bug bug, string text)
    {
        string assembly = _compiler.Compile(bug.File, text);
        TimeSpan? limit = bug.HangsAfter > 0 ? TimeSpan.FromSeconds(bug.HangsAfter) : null;
        SuiteResult result = _suite.Run(assembly, bug.Tests, limit);
        return result.End == SuiteEnd.Passed ? _suite.Run(assembly, []) : result;
    }

    private static bool IsHeader(string file) => file.EndsWith(".h", StringComparison.Ordinal);
}
