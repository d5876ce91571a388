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
    private readonly LitmusTests _litmus;
    private readonly ModelTests _model;

    internal Hunt(string root)
    {
        _root = root;
        _scratch = Path.Combine(root, "Tests/PlantedBugs/bin/hunt"); // below the repository, which some tests look for upwards
        Directory.CreateDirectory(_scratch);
        _compiler = new MutantCompiler(root, _scratch);
        _suite = new Suite(root, _scratch);
        _header = new HeaderTests(root, _scratch);
        _litmus = new LitmusTests(root, _scratch);
        _model = new ModelTests(root);
    }

    /// <summary>What is run with a bug: the tests of the C header, the litmus, or the suite with one project's assembly replaced.</summary>
    private enum Kind
    {
        Header,
        Litmus,
        Model,
        Suite,
    }

    /// <summary>The control: the same tests, compiled and run the same way, with nothing planted. They must pass, or what they say of bugs means nothing.</summary>
    /// <param name="bugs">The bugs whose tests are run.</param>
    /// <param name="isWhole">Whether to run the whole suite for the engine's bugs.</param>
    internal bool IsQuietWithoutBugs(IReadOnlyList<Bug> bugs, bool isWhole)
    {
        foreach (IGrouping<(Kind Kind, string Project), Bug> same in bugs.GroupBy(PlaceOf))
        {
            string[] tests = isWhole && same.Key.Project == "Engine" ? [] : [.. same.SelectMany(bug => bug.Tests).Distinct()];
            SuiteResult result = RunWithout(same.First(), tests);
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
        if (!Processor.Has(bug.Needs))
        {
            return Said(new Finding(bug, SuiteEnd.NotHere, null, 0));
        }

        string text = bug.Plant(File.ReadAllText(Path.Combine(_root, bug.File)));
        TimeSpan? limit = bug.HangsAfter > 0 ? TimeSpan.FromSeconds(bug.HangsAfter) : null;
        SuiteResult result = Run(bug, text, bug.Tests, limit);
        if (result.End == SuiteEnd.Passed && PlaceOf(bug).Kind == Kind.Suite)
        {
            result = Run(bug, text, [], limit: null);
        }

        return Said(new Finding(bug, result.End, result.Test, clock.Elapsed.TotalSeconds));
    }

    /// <summary>
    /// Asks what noticed once more, with nothing planted, all of it in one run for each project. What fails then, too, has noticed nothing.
    /// </summary>
    /// <returns>The findings, those marked that are no findings.</returns>
    internal List<Finding> Confirm(IReadOnlyList<Finding> findings)
    {
        var confirmed = new List<Finding>(findings);
        foreach (IGrouping<(Kind Kind, string Project), Finding> same in findings.GroupBy(finding => PlaceOf(finding.Bug)))
        {
            List<string> tests = [.. same.SelectMany(finding => finding.Noticed).Distinct()];
            while (tests.Count > 0 && RunWithout(same.First().Bug, tests) is { End: not SuiteEnd.Passed } result)
            {
                // Names are looked for as parts, so that what fails may have a longer one. Where the header's tests or the litmus fail, or nobody
                // knows which test it was, all they said is void.
                bool IsNoise(string test) => same.Key.Kind != Kind.Suite || result.Test?.StartsWith(test, StringComparison.Ordinal) == true;
                bool isOfOne = tests.Exists(IsNoise);
                Console.WriteLine($"with nothing planted: {result.End} {result.Test}");
                for (int i = 0; i < confirmed.Count; i++)
                {
                    if (PlaceOf(confirmed[i].Bug) == same.Key && (!isOfOne || confirmed[i].Noticed.Any(IsNoise)))
                    {
                        confirmed[i] = confirmed[i] with { IsNoise = true };
                    }
                }

                tests.RemoveAll(test => !isOfOne || IsNoise(test));
            }
        }

        return confirmed;
    }

    private static Finding Said(Finding finding)
    {
        string what = finding.IsCaught ? "caught" : finding.End == SuiteEnd.NotHere ? "-" : "MISSED";
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-7} {finding.Seconds,6:0.0} s  {finding.Bug.FullName}: {finding.By}"));
        return finding;
    }

    private static (Kind Kind, string Project) PlaceOf(Bug bug)
    {
        Kind kind = bug.Litmus ? Kind.Litmus : bug.Model != null ? Kind.Model : bug.File.EndsWith(".h", StringComparison.Ordinal) ? Kind.Header : Kind.Suite;
        return (kind, kind == Kind.Header ? bug.File : bug.File.Split('/')[0]);
    }

    /// <summary>The model is not of today's sources: it says the same whether a bug is in them or not.</summary>
    private SuiteResult RunWithout(Bug bug, IReadOnlyList<string> tests) => PlaceOf(bug).Kind == Kind.Model
        ? new SuiteResult(SuiteEnd.Passed, null, "")
        : Run(bug, File.ReadAllText(Path.Combine(_root, bug.File)), tests, limit: null);

    /// <summary>Runs what should notice a bug with a text in place of its file.</summary>
    private SuiteResult Run(Bug bug, string text, IReadOnlyList<string> tests, TimeSpan? limit)
    {
        Kind kind = PlaceOf(bug).Kind;
        if (kind == Kind.Header)
        {
            return _header.Run(text, limit);
        }

        string assembly = _compiler.Compile(bug.File, text); // for the model, too: the bug has to be one that compiles
        return kind switch
        {
            Kind.Litmus => _litmus.Run(assembly),
            Kind.Model => _model.Run(bug.Model!),
            _ => _suite.Run(assembly, tests, limit),
        };
    }
}
