namespace PamuFastPath.Bench.Measure;

/// <summary>Samples of one thing, in no order.</summary>
internal readonly struct Distribution(double[] samples)
{
    private readonly double[] _sorted = [.. samples.Order()];

    internal int Count => _sorted.Length;

    internal double Median => Quantile(0.5);

    /// <summary>Half the distance between the quartiles.</summary>
    internal double Spread => (Quantile(0.75) - Quantile(0.25)) / 2;

    /// <summary>
    /// The quotients of two series, sample by sample: taken next to each other, so that what slowed the machine down slowed both.
    /// </summary>
    internal static Distribution Ratio(double[] measured, double[] against) => new([.. measured.Zip(against, (m, a) => m / a)]);

    internal double Quantile(double q)
    {
        double at = q * (_sorted.Length - 1);
        int below = (int)at;
        int above = Math.Min(below + 1, _sorted.Length - 1);
        return _sorted[below] + (at - below) * (_sorted[above] - _sorted[below]);
    }
}
