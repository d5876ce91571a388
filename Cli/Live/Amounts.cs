using System.Globalization;

namespace PamuFastPath.Cli.Live;

/// <summary>How rates and durations are written.</summary>
internal static class Amounts
{
    private static readonly string[] Thousands = ["", " k", " M", " G", " T"];
    private static readonly string[] Times = ["ns", "µs", "ms", "s"];

    /// <summary>Three or four digits: 999, 1.25 M.</summary>
    public static string Rate(double value)
    {
        int unit = 0;
        for (; value >= 1000 && unit < Thousands.Length - 1; value /= 1000)
        {
            unit++;
        }

        return Digits(value, unit) + Thousands[unit];
    }

    /// <summary>Bytes a second, in decimal units as networks and disks have them.</summary>
    public static string Bytes(double value) => Rate(value) is var text && text.Contains(' ', StringComparison.Ordinal) ? text + "B" : text + " B";

    public static string Time(ulong nanoseconds)
    {
        double value = nanoseconds;
        int unit = 0;
        for (; value >= 1000 && unit < Times.Length - 1; value /= 1000)
        {
            unit++;
        }

        return $"{Digits(value, unit)} {Times[unit]}";
    }

    private static string Digits(double value, int unit) => value.ToString(
        unit == 0 || value >= 100 ? "0" : value >= 10 ? "0.0" : "0.00",
        CultureInfo.InvariantCulture);
}
