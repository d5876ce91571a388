using System.Text.Json;
using PamuFastPath.Bench.Measure;

namespace PamuFastPath.Bench.Report;

/// <summary>One line of the comparison: what <c>compare</c> measured of one thing. Anything but the time may be absent.</summary>
internal sealed record ComparisonRow
{
    public string? Id { get; init; }

    /// <summary>What it is part of; see <see cref="ReportPage"/> for those that have a plot.</summary>
    public string? Group { get; init; }

    public string? Name { get; init; }

    public int? Windows { get; init; }

    public int? Elements { get; init; }

    public double? MedianNs { get; init; }

    public double? SpreadNs { get; init; }

    public double? Ratio { get; init; }

    public string? RatioOf { get; init; }

    public string? Target { get; init; }

    public bool? Met { get; init; }

    internal string Label => Name ?? Id ?? "";
}

/// <summary>What <c>compare</c> wrote: everything measured in one run on one machine.</summary>
internal sealed record Comparison
{
    internal const string FileName = "compare.json";

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    public Machine? Machine { get; init; }

    public IReadOnlyList<ComparisonRow> Rows { get; init; } = [];

    /// <summary>Reads a comparison; an empty one if there is no file.</summary>
    /// <exception cref="InvalidDataException">The file is no comparison.</exception>
    internal static Comparison Read(string path)
    {
        if (!File.Exists(path))
        {
            return new Comparison();
        }

        try
        {
            using FileStream file = File.OpenRead(path);
            return JsonSerializer.Deserialize<Comparison>(file, Json) ?? throw new JsonException("null is no comparison");
        }
        catch (JsonException bad)
        {
            throw new InvalidDataException($"{path}: {bad.Message}", bad);
        }
    }

    internal void Write(string path) => File.WriteAllText(path, JsonSerializer.Serialize(this, Json) + "\n");

    internal List<ComparisonRow> In(params ReadOnlySpan<string> groups)
    {
        var found = new List<ComparisonRow>();
        foreach (string group in groups)
        {
            found.AddRange(Rows.Where(row => row.Group == group && row.MedianNs is > 0));
        }

        return found;
    }
}
