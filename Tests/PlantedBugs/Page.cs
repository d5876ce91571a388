using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace PamuFastPath.Tests.PlantedBugs;

/// <summary>Writes <c>docs/planted-bugs.md</c>.</summary>
internal static partial class Page
{
    internal static void Write(string root, IReadOnlyList<Finding> findings, IReadOnlyList<Bug> notCounted)
    {
        var page = new StringBuilder();
        int byLitmus = findings.Count(finding => finding.IsCaught && finding.Bug.Litmus);
        int byModel = findings.Count(finding => finding.IsCaught && finding.Bug.Model != null);
        int caught = findings.Count(finding => finding.IsCaught);
        page.Append(CultureInfo.InvariantCulture, $"""
            # Planted bugs

            A test suite is worth what it notices. So mistakes that somebody could make are made, a line or two each, one at a time, and the suite is run:
            {findings.Count} bugs, {caught} of them caught: {caught - byLitmus - byModel} by tests and {byLitmus} by the litmus, which ran with the bug, and {byModel} by the model
            of the protocol, which is broken in the same way.

            This page is written by the run (`dotnet run -c Release --project Tests/PlantedBugs -- all`); the bugs are data, in
            `Tests/PlantedBugs/Bugs/`. A bug whose text no longer stands exactly once in its file is an error, so that the list cannot go stale.

            For each bug the engine is compiled with it, and takes its place among the built tests. The tests that should notice run first, the long random
            ones cut short, with the same seeds; if none of them fails, the whole suite runs (without the virtual machine, which takes a minute to boot). The first
            test that fails is named, or the one that was running when the process crashed. The same tests, compiled and run the same way with nothing planted,
            pass: that is checked first, and every test that noticed something is run once more at the end, with nothing planted; what fails then has noticed
            nothing. A hang counts only where it is the sign to expect, and says so. The seconds are from planting to noticing, compiler and test runner
            included, on a shared machine.

            Bugs in kernels that a processor lacks are not tried on it, and counted as such; the list says what each needs. A sample (`-- sample`, in `.ci/run` two of them,
            chosen by the commit) leaves out races and hangs.

            What only a race shows is left to the litmus (`Tests/Litmus`): it races the engine with the bug in it and has to see a violation. What no x86-64
            machine shows at all, or too rarely to wait for, is left to the model of the protocol: the run of `Tests/Spin/run` that breaks the model in the same way
            has to fail as it says. That is an argument, not an experiment: the model does not read the code. Why its break is this line stands with the bug.

            | area | bugs | caught |
            |---|---|---|

            """);
        foreach (IGrouping<string, Finding> area in findings.GroupBy(finding => finding.Bug.Area))
        {
            page.Append(CultureInfo.InvariantCulture, $"| {area.Key} | {area.Count()} | {area.Count(finding => finding.IsCaught)} |\n");
        }

        foreach (IGrouping<string, Finding> area in findings.GroupBy(finding => finding.Bug.Area))
        {
            page.Append(CultureInfo.InvariantCulture, $"\n## {area.Key}\n\n| bug | what it breaks | caught by | s |\n|---|---|---|---|\n");
            foreach (Finding finding in area)
            {
                Bug bug = finding.Bug;
                page.Append(CultureInfo.InvariantCulture, $"| {Change(bug)} | {Cell(bug.Breaks)} | {Cell(finding.By)} | {finding.Seconds:0} |\n");
            }
        }

        page.Append("\n## Changes that no test can see\n\nNot counted: they change the text and nothing that can be observed.\n\n| change | why |\n|---|---|\n");
        foreach (Bug bug in notCounted)
        {
            page.Append(CultureInfo.InvariantCulture, $"| {Change(bug)} | {Cell(bug.Equivalent!)} |\n");
        }

        File.WriteAllText(Path.Combine(root, "docs/planted-bugs.md"), page.ToString());
    }

    private static string Change(Bug bug) => $"**{bug.Name}** ({Path.GetFileName(bug.File)})<br>{Code(bug.From)}<br>{Code(bug.To)}";

    private static string Code(string text) => text.Length == 0 ? "(nothing)" : $"`{Cell(SpaceRun().Replace(text, " "))}`";

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);

    [GeneratedRegex(@"\s+")]
    private static partial Regex SpaceRun();
}
