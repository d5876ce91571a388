using System.Globalization;
using Spectre.Console;

namespace PamuFastPath.Cli.Conform;

/// <summary>Prints reports for people.</summary>
internal static class ConformPrinter
{
    private const int Columns = 140;

    internal static void Print(ConformanceReport report, TextWriter output)
    {
        string file = PamuCli.OneLine(report.File);
        if (report.TableDumps > 0)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{file}: {report.TableDumps} table dumps are not replayed"));
            if (report.Profiles.Count == 0)
            {
                return;
            }
        }

        bool isTerminal = !Console.IsOutputRedirected;
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(output),
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
        });
        if (!isTerminal)
        {
            console.Profile.Width = Columns;
        }

        console.Write(Summary(report));
        foreach (Mismatch mismatch in report.Total.Mismatches)
        {
            string place = $"{file}:{mismatch.Line}: sequence {mismatch.Sequence}: {mismatch.Operation}";
            output.WriteLine($"{place}: expected {mismatch.Expected}, got {mismatch.Got}");
        }

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{report.Total.Operations} operations, {report.Total.Mismatches.Count} mismatches"));
    }

    private static Table Summary(ConformanceReport report)
    {
        Table table = new Table().Border(TableBorder.Rounded).Title(Markup.Escape(PamuCli.OneLine(report.File)));
        table.AddColumn(new Spectre.Console.TableColumn(""));
        List<Tally> tallies = [.. report.Profiles.Values, report.Total];
        foreach (string name in report.Profiles.Keys.Append("all"))
        {
            table.AddColumn(new Spectre.Console.TableColumn(Markup.Escape(PamuCli.OneLine(name))).RightAligned());
        }

        Add(table, "operations", tallies, tally => tally.Operations);
        Add(table, "compared", tallies, tally => tally.Compared);
        Add(table, "answered by deviation", tallies, tally => tally.Deviating);
        foreach (string id in report.Total.Deviations.Keys)
        {
            Add(table, "  " + id, tallies, tally => tally.Deviations.GetValueOrDefault(id));
        }

        Add(table, "skipped", tallies, tally => tally.Skipped);
        Add(table, "the ledger could not explain", tallies, tally => tally.Unexplained);
        Add(table, "mismatches", tallies, tally => tally.Mismatches.Count);
        IEnumerable<string> percents = tallies.Select(tally => tally.Percent.ToString("0.00", CultureInfo.InvariantCulture) + " %");
        table.AddRow(["compared or answered by deviation", .. percents]);
        return table;
    }

    private static void Add(Table table, string name, List<Tally> tallies, Func<Tally, int> count) =>
        table.AddRow([name, .. tallies.Select(tally => count(tally).ToString(CultureInfo.InvariantCulture))]);
}
