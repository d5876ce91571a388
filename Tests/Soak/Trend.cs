namespace PamuFastPath.Soak;

/// <summary>A line through measured points that a third of them may be far from: the median of the slopes between all pairs (Theil and Sen).</summary>
internal readonly record struct Trend(double PerSecond, double Seconds)
{
    /// <summary>What the line rises by from the first point to the last.</summary>
    internal double Growth => PerSecond * Seconds;

    internal static Trend Of(IReadOnlyList<(double Second, double Value)> points)
    {
        var slopes = new List<double>();
        for (int i = 0; i < points.Count; i++)
        {
            for (int j = 0; j < i; j++)
            {
                slopes.Add((points[i].Value - points[j].Value) / (points[i].Second - points[j].Second));
            }
        }

        slopes.Sort();
        int half = slopes.Count / 2;
        double median = slopes.Count % 2 == 1 ? slopes[half] : (slopes[half - 1] + slopes[half]) / 2;
        return new Trend(median, points[^1].Second - points[0].Second);
    }
}
