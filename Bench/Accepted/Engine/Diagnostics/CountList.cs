using System.Globalization;
using System.Text;

namespace PamuFastPath.Diagnostics;

/// <summary>
/// How events carry a list of counts: as text, <c>index:count</c> for each that is not 0, in order, a space between two. Text, because readers of
/// a recording that began after the process did cannot decode arrays: the runtime describes events without them only.
/// </summary>
public static class CountList
{
    /// <summary>
    /// Longest text, in characters: an event of 64 KiB holds one of these beside everything else a container has. What does not fit is added up at the
    /// end, as <c>rest:count</c>. 256 windows and 8 fault kinds always fit, banks do up to some hundreds.
    /// </summary>
    public const int LengthMax = 15_000;

    private const int EntryMax = 32;

    internal static string Of(ReadOnlySpan<ulong> counts)
    {
        var text = new StringBuilder();
        ulong rest = 0;
        for (int i = 0; i < counts.Length; i++)
        {
            if (counts[i] == 0)
            {
                continue;
            }

            if (text.Length > LengthMax - 2 * EntryMax)
            {
                rest += counts[i];
                continue;
            }

            text.Append(CultureInfo.InvariantCulture, $"{(text.Length == 0 ? "" : " ")}{i}:{counts[i]}");
        }

        return rest == 0 ? text.ToString() : text.Append(CultureInfo.InvariantCulture, $" rest:{rest}").ToString();
    }

    /// <summary>Reads a text back.</summary>
    /// <param name="text">What an event carries; entries that are none are passed over.</param>
    /// <param name="length">How many counts there are; those further on are passed over.</param>
    /// <returns>As many counts, 0 where the text has none.</returns>
    public static ulong[] Read(string text, int length)
    {
        ArgumentNullException.ThrowIfNull(text);
        ulong[] counts = new ulong[length];
        foreach (Range range in text.AsSpan().Split(' '))
        {
            ReadOnlySpan<char> entry = text.AsSpan()[range];
            int colon = entry.IndexOf(':');
            if (colon > 0
                && int.TryParse(entry[..colon], NumberStyles.None, CultureInfo.InvariantCulture, out int index)
                && index < length
                && ulong.TryParse(entry[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out ulong count))
            {
                counts[index] = count;
            }
        }

        return counts;
    }
}
