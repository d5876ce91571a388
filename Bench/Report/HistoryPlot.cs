using PamuFastPath.Bench.Gate;

namespace PamuFastPath.Bench.Report;

/// <summary>The accepts of one machine: a small plot per benchmark, from 0, so that a flat line means what it looks like.</summary>
internal static class HistoryPlot
{
    private const int Columns = 2;
    private const int Top = 84;
    private const int CellWidth = (Svg.Width - 2 * Left) / Columns;
    private const int CellHeight = 88;
    private const int Left = 24;
    private const int PlotHeight = 40;
    private const int PlotWidth = CellWidth - 40;

    internal static string Draw(string title, string subtitle, IReadOnlyList<HistoryEntry> entries)
    {
        var svg = new Svg(title, subtitle);
        string[] names = [.. entries[^1].Figures.Select(figure => figure.Name)];
        for (int i = 0; i < names.Length; i++)
        {
            (double X, double Y) corner = (Left + i % Columns * CellWidth, Top + i / Columns * CellHeight);
            Cell(svg, corner.X, corner.Y, names[i], entries);
        }

        return svg.ToString(Top + (names.Length + Columns - 1) / Columns * CellHeight + 4);
    }

    private static void Cell(Svg svg, double left, double top, string name, IReadOnlyList<HistoryEntry> entries)
    {
        // Its accepts are the x axis of all cells; a benchmark that came later starts later.
        (int Accept, double Ns)[] points =
        [
            .. entries
                .Select((entry, accept) => (accept, entry.Figures.FirstOrDefault(figure => figure.Name == name)?.MedianNs ?? double.NaN))
                .Where(point => double.IsFinite(point.Item2)),
        ];
        double most = points.Max(point => point.Ns);
        double X(int accept) => entries.Count == 1 ? left + PlotWidth / 2.0 : left + (double)PlotWidth * accept / (entries.Count - 1);
        double Y(double ns) => top + 20 + PlotHeight * (1 - ns / most);

        svg.Text(left, top + 8, name);
        svg.Text(left + PlotWidth, top + 8, Svg.Nanoseconds(points[^1].Ns), "strong", "end");
        svg.Line(left, top + 20 + PlotHeight, left + PlotWidth, top + 20 + PlotHeight, "grid");
        svg.Polyline(points.Select(point => (X(point.Accept), Y(point.Ns))), "line c0");
        foreach ((int accept, double ns) in points)
        {
            svg.Dot(X(accept), Y(ns), 3, "dot c0");
        }
    }
}
