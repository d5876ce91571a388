using System.Globalization;

namespace PamuFastPath.Bench.Report;

/// <summary>One line: its points in order of x.</summary>
internal sealed record Series(string Label, IReadOnlyList<(double X, double Y)> Points);

/// <summary>Cost against a size that doubles: logarithmic x, linear y from 0, each line labelled at its end.</summary>
internal static class LineChart
{
    private const int Top = 104;
    private const int Bottom = 390;
    private const int Left = 64;
    private const int Right = Svg.Width - 250;
    private const int LabelGap = 19;

    internal static string Draw(string title, string subtitle, string xLabel, IReadOnlyList<Series> series)
    {
        double[] xs = [.. series.SelectMany(line => line.Points).Select(point => point.X).Distinct().Order()];
        double step = NiceStep(series.SelectMany(line => line.Points).Max(point => point.Y) / 5);
        double most = Math.Ceiling(series.SelectMany(line => line.Points).Max(point => point.Y) / step) * step;
        double X(double x) => xs.Length == 1 ? (Left + Right) / 2.0
            : Left + (Right - Left) * Math.Log(x / xs[0]) / Math.Log(xs[^1] / xs[0]);
        double Y(double y) => Bottom - (Bottom - Top) * y / most;

        var svg = new Svg(title, subtitle);
        for (double tick = 0; tick <= most + step / 2; tick += step)
        {
            svg.Line(Left, Y(tick), Right, Y(tick), "grid");
            svg.Text(Left - 10, Y(tick) + 5, tick.ToString("0.##", CultureInfo.InvariantCulture), "quiet", "end");
        }

        foreach (double x in xs)
        {
            svg.Text(X(x), Bottom + 22, x.ToString("N0", CultureInfo.InvariantCulture), "quiet", "middle");
        }

        svg.Text((Left + Right) / 2.0, Bottom + 46, xLabel, "quiet", "middle");
        svg.Text(Left - 10, Top - 16, "ns", "quiet", "end");

        double[] labels = Spaced([.. series.Select(line => Y(line.Points[^1].Y))]);
        for (int i = 0; i < series.Count; i++)
        {
            string colour = $"c{i % Svg.Colours}";
            svg.Polyline(series[i].Points.Select(point => (X(point.X), Y(point.Y))), $"line {colour}");
            foreach ((double x, double y) in series[i].Points)
            {
                svg.Dot(X(x), Y(y), 4, $"dot {colour}");
            }

            svg.Text(Right + 14, labels[i] + 5, $"{series[i].Label}, {Svg.Nanoseconds(series[i].Points[^1].Y)}", $"series {colour}");
        }

        return svg.ToString(Bottom + 62);
    }

    private static double NiceStep(double rough)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double digits = rough / power;
        return power * (digits <= 1 ? 1 : digits <= 2 ? 2 : digits <= 5 ? 5 : 10);
    }

    /// <summary>The same heights, moved down as far as needed to be a text line apart, and all up again if that leaves the chart.</summary>
    private static double[] Spaced(double[] heights)
    {
        int[] order = [.. Enumerable.Range(0, heights.Length).OrderBy(i => heights[i])];
        double[] spaced = [.. heights];
        for (int i = 1; i < order.Length; i++)
        {
            spaced[order[i]] = Math.Max(spaced[order[i]], spaced[order[i - 1]] + LabelGap);
        }

        for (int i = order.Length - 1; i >= 0; i--)
        {
            double limit = i == order.Length - 1 ? Bottom : spaced[order[i + 1]] - LabelGap;
            spaced[order[i]] = Math.Min(spaced[order[i]], limit);
        }

        return spaced;
    }
}
