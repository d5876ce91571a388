using System.Globalization;
using System.Text.Json;

namespace PamuFastPath.Cli.Conform;

/// <summary>The fields of one JSON object, with errors that name the field.</summary>
internal readonly struct Fields
{
    private readonly JsonElement _json;

    internal Fields(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("not a JSON object");
        }

        _json = json;
    }

    internal bool Has(string name) => _json.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null;

    internal string Text(string name) => Get(name) is { ValueKind: JsonValueKind.String } value
        ? value.GetString()!
        : throw Bad(name, "a string");

    internal string TextOr(string name, string otherwise) => Has(name) ? Text(name) : otherwise;

    internal int Int(string name) => Number(name, Get(name));

    internal int? IntOrNull(string name) => Get(name).ValueKind == JsonValueKind.Null ? null : Int(name);

    internal uint U32(string name) => Get(name) is { ValueKind: JsonValueKind.Number } value && value.TryGetUInt32(out uint number)
        ? number
        : throw Bad(name, "a number of 32 bits");

    /// <summary>A flag written as 0 or 1.</summary>
    internal bool Bit(string name) => Int(name) switch
    {
        0 => false,
        1 => true,
        _ => throw Bad(name, "0 or 1"),
    };

    internal ulong Hex(string name) => Hex(name, Get(name));

    internal Fields Object(string name) => Get(name) is { ValueKind: JsonValueKind.Object } value
        ? new Fields(value)
        : throw Bad(name, "an object");

    internal List<T> List<T>(string name, Func<string, JsonElement, T> item)
    {
        JsonElement array = Get(name);
        return array.ValueKind == JsonValueKind.Array
            ? [.. array.EnumerateArray().Select(element => item(name, element))]
            : throw Bad(name, "an array");
    }

    internal static int Number(string name, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) ? number : throw Bad(name, "a whole number");

    internal static ulong Hex(string name, JsonElement value)
    {
        string? text = value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        return text != null && text.StartsWith("0x", StringComparison.Ordinal)
            && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong number)
            ? number
            : throw Bad(name, "a hex string such as \"0x1000\"");
    }

    internal static FormatException Bad(string name, string what) => new($"{name}: not {what}");

    private JsonElement Get(string name) =>
        _json.TryGetProperty(name, out JsonElement value) ? value : throw new FormatException($"{name}: missing");
}
