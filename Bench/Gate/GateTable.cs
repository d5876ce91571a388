using System.Globalization;
using Spectre.Console;

namespace PamuFastPath.Bench.Gate;

/// <summary>The gate's result as a table on the terminal.</summary>
internal static class GateTable
{
    private const int WidthWithoutTerminal = 100;

    internal static void Print(IReadOnlyList<GateRow> rows)
    {
        if (Console.IsOutputRedirected)
        {
            AnsiConsole.Profile.Width = WidthWithoutTerminal;
            AnsiConsole.Profile.Capabilities.Ansi = false;
        }

        Table table = new Table().Border(TableBorder.Rounded)
            .AddColumn("benchmark")
            .AddColumn(new Spectre.Console.TableColumn("accepted, ns").RightAligned())
            .AddColumn(new Spectre.Console.TableColumn("now, ns").RightAligned())
            .AddColumn(new Spectre.Console.TableColumn("ratio").RightAligned())
            .AddColumn(new Spectre.Console.TableColumn("processes").RightAligned())
            .AddColumn("verdict");
        foreach (GateRow row in rows)
        {
            IEnumerable<double> ratios = row.Measurement.Processes.Select(GateDecision.RatioOf);
            table.AddRow(
                Markup.Escape(row.Measurement.Name),
                Number(row.AcceptedMedian, "F3"),
                Number(row.NowMedian, "F3"),
                Number(row.Ratio, "F3"),
                $"{Number(ratios.Min(), "F2")} - {Number(ratios.Max(), "F2")}",
                Text(row.Verdict));
        }

        AnsiConsole.Write(table);
    }

    private static string Number(double value, string format) =>
        double.IsFinite(value) ? value.ToString(format, CultureInfo.InvariantCulture) : "";

    private static string Text(Verdict verdict) => verdict switch
    {
        Verdict.Same => "same",
        Verdict.Faster => "[green]faster[/]",
        Verdict.Slower => "[red]SLOWER[/]",
        Verdict.Allocates => "[red]ALLOCATES[/]",
        Verdict.Missing => "[red]MISSING[/]",
        _ => "new",
    };
}
