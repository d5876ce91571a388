using System.IO.Compression;
using System.Text.Json.Nodes;
using PamuFastPath.Cli.Conform;

namespace PamuFastPath.Tests.Conformance;

/// <summary>The recordings in the repository, and changed copies of them.</summary>
internal static class Recordings
{
    internal static string Operations { get; } = PathOf("ops.jsonl.gz");

    internal static string Directed { get; } = PathOf("directed-ops.jsonl.gz");

    /// <summary>The lines of one recorded sequence, begin to end.</summary>
    internal static List<string> Sequence(string path, int sequence)
    {
        List<string> lines = [.. ReadLines(path)];
        int begin = lines.FindIndex(line => IsLine(line, "begin", sequence));
        int end = lines.FindIndex(line => IsLine(line, "end", sequence));
        return lines[begin..(end + 1)];
    }

    internal static List<string> ReadLines(string path)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        return [.. reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }

    internal static JsonObject Parse(string line) => JsonNode.Parse(line)!.AsObject();

    /// <summary>Replays lines against the engine, or another subject.</summary>
    internal static Tally Replay(IEnumerable<string> lines, Func<int, IConformanceSubject>? boot = null)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllLines(path, lines);
            return new ConformanceReplay(boot ?? (maxWindows => new EngineSubject(maxWindows))).Run(path).Total;
        }
        finally
        {
            File.Delete(path);
        }
    }

    internal static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Data", "golden", name);

    private static bool IsLine(string line, string op, int sequence) =>
        line.StartsWith($"{{\"op\":\"{op}\"", StringComparison.Ordinal) && (int)Parse(line)["seq"]! == sequence;
}
