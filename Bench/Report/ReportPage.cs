using System.Globalization;
using System.Text;
using PamuFastPath.Bench.Gate;
using PamuFastPath.Bench.Measure;

namespace PamuFastPath.Bench.Report;

/// <summary>Renders a folder of results: plots, and a page with the tables behind them.</summary>
internal static class ReportPage
{
    private const string BaselinesPlot = "baselines.svg";
    private const string BatchPlot = "batch.svg";
    private const string WindowsPlot = "windows.svg";
    private const string BatchSizePlot = "batch-size.svg";
    private const string HistoryPlotFile = "history.svg";

    private static readonly (string Group, string Heading)[] Tables =
    [
        ("single", "Single translation"),
        ("baseline", "Baselines"),
        ("batch", "Batch translation"),
        ("windows", "Cost against window count"),
        ("batch-size", "Cost against batch size"),
        ("concurrent", "Readers and publications"),
    ];

    /// <summary>Reads the results in a folder and writes plots and README.md next to them.</summary>
    /// <returns>The names of the files written.</returns>
    /// <exception cref="InvalidDataException">A file of results cannot be read.</exception>
    internal static List<string> Write(string folder)
    {
        Comparison comparison = Comparison.Read(Path.Combine(folder, Comparison.FileName));
        List<HistoryEntry> history = OfLatestMachine(History.Read(Path.Combine(folder, History.FileName)));
        var files = new List<(string Name, string Text)>();
        AddPlots(files, comparison, history);
        files.Add(("README.md", Page(files, comparison, history)));
        foreach ((string name, string text) in files)
        {
            File.WriteAllText(Path.Combine(folder, name), text);
        }

        return [.. files.Select(file => file.Name)];
    }

    private static void AddPlots(List<(string Name, string Text)> files, Comparison comparison, List<HistoryEntry> history)
    {
        string where = comparison.Machine is Machine machine ? $"{machine.Cpu}, {machine.Isa}, {machine.Runtime}, {machine.Date}" : "";
        List<ComparisonRow> single = comparison.In("single", "baseline");
        if (single.Count != 0)
        {
            files.Add((BaselinesPlot, DotPlot.Draw("One translation: PamuFastPath (blue) and the baselines", where, Dots(single))));
        }

        List<ComparisonRow> batch = comparison.In("batch");
        if (batch.Count != 0)
        {
            files.Add((BatchPlot, DotPlot.Draw("Batch translation, per element", where, Dots(batch))));
        }

        List<Series> windows = Lines(comparison.In("windows"), row => row.Windows);
        if (windows.Count != 0)
        {
            files.Add((WindowsPlot, LineChart.Draw("Cost of a translation as windows grow", where, "windows", windows)));
        }

        List<Series> sizes = Lines(comparison.In("batch-size"), row => row.Elements);
        if (sizes.Count != 0)
        {
            files.Add((BatchSizePlot, LineChart.Draw("Cost of an element as batches grow", where, "elements in a batch", sizes)));
        }

        if (history.Count != 0)
        {
            Machine latest = history[^1].Machine;
            string subtitle = $"{latest.Cpu}, {latest.Isa}: {history.Count} accepted, {history[0].Machine.Date} to {latest.Date}; "
                + "each scale starts at 0";
            files.Add((HistoryPlotFile, HistoryPlot.Draw("The gate's benchmarks from accept to accept", subtitle, history)));
        }
    }

    private static IEnumerable<Dot> Dots(List<ComparisonRow> rows)
    {
        // Rows of one name differ in something; the label has to say in what.
        ILookup<string, ComparisonRow> byName = rows.ToLookup(row => row.Label);
        return rows.DistinctBy(row => (row.Label, row.Windows, row.Elements)).Select(row => new Dot(
            LabelOf(row, byName[row.Label]),
            row.MedianNs!.Value,
            row.SpreadNs ?? 0,
            row.Group != "baseline" && !row.Label.StartsWith("copy", StringComparison.OrdinalIgnoreCase)));
    }

    private static string LabelOf(ComparisonRow row, IEnumerable<ComparisonRow> sameName)
    {
        string windows = sameName.DistinctBy(r => r.Windows).Count() > 1 ? $", {row.Windows} windows" : "";
        string elements = sameName.DistinctBy(r => r.Elements).Count() > 1 ? $", batch of {row.Elements:N0}" : "";
        return row.Label + windows + elements;
    }

    private static List<Series> Lines(List<ComparisonRow> rows, Func<ComparisonRow, int?> x) =>
    [
        .. rows.Where(row => x(row) is > 0)
            .GroupBy(row => row.Label)
            .Select(line => new Series(
                line.Key,
                [.. line.Select(row => ((double)x(row)!.Value, row.MedianNs!.Value)).OrderBy(point => point.Item1)])),
    ];

    private static List<HistoryEntry> OfLatestMachine(List<HistoryEntry> entries) =>
        [.. entries.Where(entry => entry.Machine.Cpu == entries[^1].Machine.Cpu && entry.Machine.Isa == entries[^1].Machine.Isa)];

    private static string Page(List<(string Name, string Text)> plots, Comparison comparison, List<HistoryEntry> history)
    {
        var page = new StringBuilder("# Performance\n\n");
        page.Append("Written by `dotnet run -c Release --project Bench -- report` from the results in this folder; do not edit.\n");
        if (comparison.Machine is Machine machine)
        {
            page.Append(CultureInfo.InvariantCulture, $"\nMeasured on {machine.Cpu}, {machine.Cores} cores, {machine.Isa}, ")
                .Append(CultureInfo.InvariantCulture, $"{machine.Runtime}, {machine.Os}, {machine.Date}.\n");
            page.Append("Times are medians in nanoseconds per translation; spread is half the distance between the quartiles.\n");
        }

        foreach ((string name, _) in plots)
        {
            page.Append(CultureInfo.InvariantCulture, $"\n![{Path.GetFileNameWithoutExtension(name)}]({name})\n");
        }

        foreach ((string group, string heading) in Tables)
        {
            AppendTable(page, heading, comparison.In(group));
        }

        string[] known = [.. Tables.Select(table => table.Group)];
        AppendTable(page, "Others", [.. comparison.Rows.Where(row => !known.Contains(row.Group) && row.MedianNs is > 0)]);
        AppendHistory(page, history);
        return page.ToString();
    }

    private static void AppendTable(StringBuilder page, string heading, List<ComparisonRow> rows)
    {
        if (rows.Count == 0)
        {
            return;
        }

        page.Append(CultureInfo.InvariantCulture, $"\n## {heading}\n\n")
            .Append("| what | windows | elements | median | spread | ratio | target | met |\n")
            .Append("|---|---:|---:|---:|---:|---|---|---|\n");
        foreach (ComparisonRow row in rows)
        {
            string ratio = row.Ratio is double r ? $"{Number(r, "0.00")}x {row.RatioOf}".Trim() : "";
            string met = row.Met switch { true => "yes", false => "**no**", null => "" };
            page.Append(CultureInfo.InvariantCulture, $"| {Cell(row.Label)} | {row.Windows} | {row.Elements:N0} ")
                .Append(CultureInfo.InvariantCulture, $"| {Number(row.MedianNs, "N3")} | {Number(row.SpreadNs, "N3")} ")
                .Append(CultureInfo.InvariantCulture, $"| {Cell(ratio)} | {Cell(row.Target ?? "")} | {met} |\n");
        }
    }

    private static void AppendHistory(StringBuilder page, List<HistoryEntry> history)
    {
        if (history.Count == 0)
        {
            return;
        }

        HistoryEntry latest = history[^1];
        page.Append("\n## The gate's benchmarks, as accepted ")
            .Append(CultureInfo.InvariantCulture, $"on {latest.Machine.Date} at {latest.Commit}\n\n")
            .Append("| benchmark | median | spread | to the accept before | to the first on this machine |\n|---|---:|---:|---:|---:|\n");
        foreach (HistoryFigure figure in latest.Figures)
        {
            double? first = history.SelectMany(entry => entry.Figures).First(other => other.Name == figure.Name).MedianNs;
            page.Append(CultureInfo.InvariantCulture, $"| {Cell(figure.Name)} | {Number(figure.MedianNs, "N3")} ")
                .Append(CultureInfo.InvariantCulture, $"| {Number(figure.SpreadNs, "N3")} ")
                .Append(CultureInfo.InvariantCulture, $"| {Number(figure.Ratio, "0.00")} ")
                .Append(CultureInfo.InvariantCulture, $"| {Number(figure.MedianNs / first, "0.00")} |\n");
        }
    }

    private static string Number(double? value, string format) =>
        value?.ToString(format, CultureInfo.InvariantCulture) ?? "";

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal).ReplaceLineEndings(" ");
}
