using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace PamuFastPath.Tests.PlantedBugs;

/// <summary>Writes <c>docs/planted-bugs.md</c>.</summary>
internal static partial class Page
{
    internal static void Write(string root, IReadOnlyList<Finding> findings, IReadOnlyList<Bug> equivalent)
    {
        var page = new StringBuilder();
        page.Append(CultureInfo.InvariantCulture, $"""
            # Planted bugs

            A test suite is worth what it notices. So mistakes that somebody could make are made, one line each, one at a time, and the suite is run: {findings.Count}
            bugs, {findings.Count(finding => finding.IsCaught)} of them caught. This page is written by the run (`dotnet run -c Release --project Tests/PlantedBugs -- all`); the bugs are data, in
            `Tests/PlantedBugs/Bugs/`. A bug whose text no longer stands exactly once in its file is an error, so that the list cannot go stale.

            For each bug the engine is compiled with it, and takes its place among the built tests. The tests that should notice run first, the long random
            ones cut short, with the same seeds; if none of them fails, the whole suite runs (without the virtual machine, which takes a minute to boot). The first
            test that fails is named. The same tests, compiled and run the same way with nothing planted, pass: that is checked first. A hang counts only
            where it is the sign to expect, and says so. The seconds are from planting to noticing, compiler and test runner included, on a shared
            machine.

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
                page.Append(CultureInfo.InvariantCulture, $"| **{bug.Name}** ({Path.GetFileName(bug.File)})<br>{Code(bug.From)}<br>{Code(bug.To)} ");
                page.Append(CultureInfo.InvariantCulture, $"| {Cell(bug.Breaks)} | {Cell(finding.By)} | {finding.Seconds:0} |\n");
            }
        }

        page.Append("""

            ## Changes that no test can see

            Not counted: they change the text and nothing that can be observed.

            | change | why |
            |---|---|

            """);
        foreach (Bug bug in equivalent)
        {
            page.Append(CultureInfo.InvariantCulture, $"| **{bug.Name}** ({Path.GetFileName(bug.File)})<br>{Code(bug.From)}<br>{Code(bug.To)} | {Cell(bug.Equivalent!)} |\n");
        }

        File.WriteAllText(Path.Combine(root, "docs/planted-bugs.md"), page.ToString());
    }

    private static string Code(string text) => text.Length == 0 ? "(nothing)" : $"`{Cell(SpaceRun().Replace(text, " "))}`";

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);

    [GeneratedRegex(@"\s+")]
    private static partial Regex SpaceRun();
}
