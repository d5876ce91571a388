using System.Globalization;

namespace PamuFastPath.Cli.Run;

/// <summary>An access that the user wants explained: <c>IOVA[+LENGTH][,read|,write]</c>.</summary>
/// <param name="Iova">First IOVA.</param>
/// <param name="Length">Bytes; 1 if not given.</param>
/// <param name="Directions">The one given, or both.</param>
internal sealed record ExplainedAccess(ulong Iova, ulong Length, IReadOnlyList<DmaAccess> Directions)
{
    /// <summary>Reads what the user wrote.</summary>
    /// <exception cref="CliException">It is not of that form.</exception>
    public static ExplainedAccess Parse(string text)
    {
        string[] parts = text.Split(',');
        string[] range = parts[0].Split('+');
        DmaAccess[]? directions = parts switch
        {
            [_] => [DmaAccess.Read, DmaAccess.Write],
            [_, "read"] => [DmaAccess.Read],
            [_, "write"] => [DmaAccess.Write],
            _ => null,
        };
        ulong length = 1;
        return directions != null && range.Length is 1 or 2 && TryNumber(range[0], out ulong iova) && (range.Length == 1 || TryNumber(range[1], out length))
            ? new ExplainedAccess(iova, length, directions!)
            : throw new CliException($"pamu: --explain is IOVA[+LENGTH][,read|,write], numbers decimal or 0x..., not '{text}'");
    }

    /// <summary>Explains it against a container's table as it is now.</summary>
    public IEnumerable<TranslationExplanation> Against(PamuReader reader, PamuContainer container)
    {
        var explanations = new List<TranslationExplanation>();
        using ReaderSection section = reader.Enter(container);
        foreach (DmaAccess direction in Directions)
        {
            explanations.Add(section.Explain(Iova, Length, direction));
        }

        return explanations;
    }

    private static bool TryNumber(string text, out ulong number)
    {
        string digits = text.Replace("_", "", StringComparison.Ordinal);
        return digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(digits.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
            : ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
