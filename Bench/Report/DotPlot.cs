namespace PamuFastPath.Bench.Report;

/// <summary>One row of a dot plot.</summary>
/// <param name="Label">Its name.</param>
/// <param name="Median">Where the dot goes.</param>
/// <param name="Spread">Half the length of the bar through it.</param>
/// <param name="IsOurs">Ours is set off from what we compare with.</param>
internal sealed record Dot(string Label, double Median, double Spread, bool IsOurs);

/// <summary>Times of many things, fastest first, on a logarithmic axis: equal distances are equal ratios.</summary>
internal static class DotPlot
{
    private const int Top = 84;
    private const int RowHeight = 28;
    private const int LabelGap = 16;
    private const double CharacterWidth = 8.4; // of a strong label, on the wide side
    private const int Right = Svg.Width - 110;

    internal static string Draw(string title, string subtitle, IEnumerable<Dot> unsorted)
    {
        Dot[] dots = [.. unsorted.OrderBy(dot => dot.Median)];
        double[] ticks = Ticks(dots[0].Median, dots[^1].Median);
        int left = (int)(dots.Max(dot => dot.Label.Length) * CharacterWidth) + LabelGap;
        double X(double value) => left + (Right - left) * Math.Log(Math.Max(value, ticks[0]) / ticks[0]) / Math.Log(ticks[^1] / ticks[0]);

        var svg = new Svg(title, subtitle);
        int bottom = Top + dots.Length * RowHeight;
        foreach (double tick in ticks)
        {
            svg.Line(X(tick), Top - 6, X(tick), bottom, "grid");
            svg.Text(X(tick), bottom + 20, tick.ToString("G", System.Globalization.CultureInfo.InvariantCulture), "quiet", "middle");
        }

        svg.Text(Right + 98, bottom + 20, "ns, log scale", "quiet", "end");
        for (int i = 0; i < dots.Length; i++)
        {
            Dot dot = dots[i];
            double y = Top + i * RowHeight + RowHeight / 2.0;
            string colour = dot.IsOurs ? "c0" : Svg.Gray;
            svg.Text(left - LabelGap, y + 5, dot.Label, dot.IsOurs ? "strong" : "", "end");
            svg.Line(X(dot.Median - dot.Spread), y, X(dot.Median + dot.Spread), y, $"line {colour}");
            svg.Dot(X(dot.Median), y, 6, $"dot {colour}");
            svg.Text(Svg.Width - 12, y + 5, Svg.Nanoseconds(dot.Median), dot.IsOurs ? "strong" : "", "end");
        }

        return svg.ToString(bottom + 40);
    }

    /// <summary>1, 2 and 5 times powers of ten around the values; the powers alone if that is many.</summary>
    private static double[] Ticks(double least, double most)
    {
        const int TicksMax = 9;
        List<double> ticks = [];
        for (int power = -3; power <= 9; power++)
        {
            ticks.AddRange(new[] { 1.0, 2, 5 }.Select(digit => Math.Round(digit * Math.Pow(10, power), 3)));
        }

        int first = Math.Max(0, ticks.FindLastIndex(tick => tick <= least));
        int last = ticks.FindIndex(tick => tick >= most);
        last = Math.Max(last < 0 ? ticks.Count - 1 : last, first + 1);
        double[] used = [.. ticks[first..(last + 1)]];
        return used.Length <= TicksMax ? used
            : [.. used.Where((tick, i) => i == 0 || i == used.Length - 1 || Math.Log10(tick) % 1 == 0)];
    }
}
