using System.Text.Json;
using System.Text.Json.Serialization;
using PamuFastPath.Bench.Measure;

namespace PamuFastPath.Bench.Gate;

/// <summary>One figure of an accepted engine.</summary>
/// <param name="Name">The benchmark.</param>
/// <param name="MedianNs">Nanoseconds per operation.</param>
/// <param name="SpreadNs">Half the distance between the quartiles.</param>
/// <param name="Ratio">To the engine accepted before, measured at the same time; null if there was none.</param>
internal sealed record HistoryFigure(string Name, double MedianNs, double SpreadNs, double? Ratio);

/// <summary>One accept.</summary>
internal sealed record HistoryEntry(Machine Machine, string Commit, IReadOnlyList<HistoryFigure> Figures);

/// <summary>The file of accepts: one JSON object per line, oldest first.</summary>
internal static class History
{
    internal const string FileName = "history.jsonl";

    private static readonly JsonSerializerOptions Line = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    internal static void Append(string path, HistoryEntry entry)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        HistoryEntry rounded = entry with
        {
            Figures =
            [
                .. entry.Figures.Select(figure => figure with
                {
                    MedianNs = Rounded(figure.MedianNs),
                    SpreadNs = Rounded(figure.SpreadNs),
                    Ratio = figure.Ratio is double ratio ? Rounded(ratio) : null,
                }),
            ],
        };
        File.AppendAllText(path, JsonSerializer.Serialize(rounded, Line) + "\n");
    }

    /// <summary>The accepts of a file; none if there is no file.</summary>
    /// <exception cref="InvalidDataException">A line is no accept.</exception>
    internal static List<HistoryEntry> Read(string path)
    {
        var entries = new List<HistoryEntry>();
        if (!File.Exists(path))
        {
            return entries;
        }

        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            try
            {
                entries.Add(JsonSerializer.Deserialize<HistoryEntry>(line, Line) is { Figures: not null, Machine: not null } entry ? entry
                    : throw new JsonException("machine or figures are missing"));
            }
            catch (JsonException bad)
            {
                throw new InvalidDataException($"{path}, line {number}: {bad.Message}", bad);
            }
        }

        return entries;
    }

    private static double Rounded(double value) => Math.Round(value, 4);
}
