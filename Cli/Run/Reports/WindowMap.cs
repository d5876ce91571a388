using System.Globalization;
using System.Text;
using PamuFastPath.Cli.Run.Traces;

namespace PamuFastPath.Cli.Run.Reports;

/// <summary>
/// The aperture as a grid, a cell per window, read as text is: heat for hits on a log scale, a hatch where nothing is mapped, a frame
/// around MSI windows, a mark where accesses faulted.
/// </summary>
internal sealed class WindowMap
{
    private const int HeatSteps = 8;
    private const double Width = 1110;
    private const double Gutter = 112;

    private readonly RunResult _result;
    private readonly Dictionary<int, PamuWindow> _mapped;
    private readonly long _mostHits;
    private readonly int _columns;
    private readonly double _cellWidth;
    private readonly double _cellHeight;

    public WindowMap(RunResult result)
    {
        _result = result;
        _mapped = result.Windows.ToDictionary(static window => window.Index);
        _mostHits = result.Replay?.Windows.Max(static window => window.Hits) ?? 0;
        _columns = result.WindowCount <= 16 ? result.WindowCount : result.WindowCount <= 64 ? 16 : 32;
        _cellWidth = (Width - Gutter) / _columns;
        _cellHeight = _columns <= 16 ? 54 : 34;
    }

    public string Svg()
    {
        int rows = _result.WindowCount / _columns;
        var svg = new StringBuilder();
        svg.Append(Invariant($"<svg viewBox=\"0 -1 {Width} {rows * _cellHeight + 2}\" role=\"img\" "));
        svg.Append("aria-label=\"window map of the aperture\">");
        svg.Append(Hatch("map-hatch"));
        for (int row = 0; row < rows; row++)
        {
            string iova = Units.Address(_result.Aperture.Start + (ulong)(row * _columns) * _result.WindowSize);
            svg.Append(Invariant($"<text class=\"mono\" x=\"0\" y=\"{(row + 0.5) * _cellHeight + 4}\" fill=\"var(--soft)\">{iova}</text>"));
        }

        for (int index = 0; index < _result.WindowCount; index++)
        {
            Cell(svg, index);
        }

        return svg.Append("</svg>").ToString();
    }

    public string Legend()
    {
        var legend = new StringBuilder("<div class=\"legend\">");
        if (_mostHits > 0)
        {
            legend.Append("<div><div>hits, log scale</div><div class=\"ramp\">");
            for (int step = 1; step <= HeatSteps; step++)
            {
                string from = Units.Count((long)Math.Ceiling(Math.Pow(_mostHits, (step - 1) / (double)HeatSteps)));
                legend.Append(CultureInfo.InvariantCulture, $"<i style=\"border-color:var(--h{step})\">{from}</i>");
            }

            legend.Append("</div></div>");
        }

        legend.Append(Sample("mapped, not hit", "<rect width=\"18\" height=\"18\" rx=\"3\" fill=\"var(--mapped)\"/>"));
        legend.Append(Sample(
            "not mapped", $"{Hatch("legend-hatch")}<rect width=\"18\" height=\"18\" rx=\"3\" fill=\"url(#legend-hatch)\"/>"));
        const string frame =
            "<rect x=\"1\" y=\"1\" width=\"16\" height=\"16\" rx=\"3\" fill=\"none\" stroke=\"var(--msi)\" stroke-width=\"2\"";
        legend.Append(Sample("MSI window", $"{frame}/>"));
        legend.Append(Sample("MSI window, no group uses the bank", $"{frame} stroke-dasharray=\"3 2.3\"/>"));
        if (_result.Replay is { Faults: > 0 })
        {
            legend.Append(Sample("faults", "<path d=\"M4 3h11v11z\" fill=\"var(--bad)\"/>"));
        }

        return legend.Append("</div>").ToString();
    }

    private void Cell(StringBuilder svg, int index)
    {
        double x = Gutter + index % _columns * _cellWidth;
        double y = index / _columns * _cellHeight;
        WindowHits? hits = _result.Replay?.Windows[index];
        bool isMapped = _mapped.TryGetValue(index, out PamuWindow window);
        bool isMsi = isMapped && window.MsiBank >= 0;
        int heat = Heat(hits?.Hits ?? 0);
        string fill = heat > 0 ? $"var(--h{heat})" : isMapped ? "var(--mapped)" : "url(#map-hatch)";
        string ink = heat == 0 ? "var(--soft)" : heat >= 5 ? "var(--on-high)" : "var(--on-low)";
        string frame = !isMsi ? "" : $" stroke=\"var(--msi)\" stroke-width=\"2.5\"{(window.IsLive ? "" : " stroke-dasharray=\"4 3\"")}";
        svg.Append("<g><title>").Append(Title(index, isMapped ? window : null, hits)).Append("</title>");
        svg.Append(Invariant($"<rect x=\"{x + 1.5:0.##}\" y=\"{y + 1.5:0.##}\" width=\"{_cellWidth - 3:0.##}\" "));
        svg.Append(Invariant($"height=\"{_cellHeight - 3:0.##}\" rx=\"3.5\" fill=\"{fill}\"{frame}/>"));
        double middle = x + _cellWidth / 2;
        if (isMapped)
        {
            // Small cells have room for one of the two.
            bool isRoomy = _columns <= 16;
            string label = isMsi && !isRoomy ? $"M{window.MsiBank}" : $"{index}";
            string below = isMsi ? $"msi bank {window.MsiBank}"
                : hits is { Hits: > 0 } ? Units.Count(hits.Hits)
                : Units.PowerOfTwo(window.Size);
            Text(svg, middle, y + _cellHeight / 2 + (isRoomy ? -3 : 4), label, ink, isRoomy || isMsi ? 13 : 11);
            if (isRoomy)
            {
                Text(svg, middle, y + _cellHeight / 2 + 14, below, ink, 11);
            }
        }

        if (hits is { Faults: > 0 })
        {
            double right = x + _cellWidth - 2;
            svg.Append(Invariant($"<path d=\"M{right - 10:0.##} {y + 2:0.##}h10v10z\" fill=\"var(--bad)\" stroke=\"var(--card)\"/>"));
        }

        svg.Append("</g>");
    }

    private string Title(int index, PamuWindow? window, WindowHits? hits)
    {
        ulong start = _result.Aperture.Start + (ulong)index * _result.WindowSize;
        string use = window is not PamuWindow mapped ? "not mapped"
            : mapped.MsiBank >= 0 ? $"msi bank {mapped.MsiBank}{(mapped.IsLive ? "" : ", not enabled")}"
            : $"{Units.PowerOfTwo(mapped.Size)} at {Units.Address(mapped.Target)}, {Units.Permissions(mapped.Permissions)}";
        string hit = hits == null ? ""
            : $"; reads {Units.Count(hits.Reads)}, writes {Units.Count(hits.Writes)}, "
                + $"messages {Units.Count(hits.Messages)}, faults {Units.Count(hits.Faults)}";
        return $"window {index}: {Units.Address(start)}, {use}{hit}";
    }

    /// <summary>0 for no hits, else 1 to <see cref="HeatSteps"/> by the logarithm.</summary>
    private int Heat(long hits) => hits == 0 ? 0
        : _mostHits == 1 ? HeatSteps
        : Math.Min(HeatSteps, 1 + (int)(HeatSteps * Math.Log(hits) / Math.Log(_mostHits)));

    private static void Text(StringBuilder svg, double x, double y, string text, string ink, int size) => svg.Append(Invariant(
        $"<text x=\"{x:0.##}\" y=\"{y:0.##}\" text-anchor=\"middle\" font-size=\"{size}\" fill=\"{ink}\">{text}</text>"));

    private static string Hatch(string id) =>
        $"<defs><pattern id=\"{id}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
        + "<rect width=\"6\" height=\"6\" fill=\"var(--empty)\"/><rect width=\"1.6\" height=\"6\" fill=\"var(--hatch)\"/></pattern></defs>";

    private static string Sample(string label, string shapes) =>
        $"<span><svg viewBox=\"0 0 18 18\" aria-hidden=\"true\">{shapes}</svg>{label}</span>";

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
