using System.Globalization;
using System.Text.Json;
using Microsoft.Diagnostics.Tracing;
using PamuFastPath.Cli.Run.Reports;
using PamuFastPath.Diagnostics;
using Spectre.Console;

namespace PamuFastPath.Cli.Live;

/// <summary>What a .nettrace file holds of the engine's events.</summary>
internal sealed class TraceSummary
{
    /// <summary>Lines of the timeline that are printed; the JSON has all.</summary>
    private const int LinesShown = 200;

    private static readonly JsonSerializerOptions JsonOptions = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    private readonly string _file;
    private readonly List<TimelineEvent> _timeline = [];

    private TraceSummary(string file) => _file = file;

    /// <summary>One event.</summary>
    /// <param name="Milliseconds">Since the beginning of the recording.</param>
    /// <param name="Thread">The thread of the operating system it happened on.</param>
    /// <param name="Name">The event's name.</param>
    /// <param name="Fields">Its payload, name and value.</param>
    private sealed record TimelineEvent(double Milliseconds, int Thread, string Name, IReadOnlyDictionary<string, object?> Fields)
    {
        public string Text => string.Join(", ", Fields.Select(static pair => $"{pair.Key} {Shown(pair.Key, pair.Value)}"));

        private static string Shown(string name, object? value) => value switch
        {
            ulong number when name.Contains("iova", StringComparison.OrdinalIgnoreCase) => $"0x{number:x}",
            IFormattable some => some.ToString(null, CultureInfo.InvariantCulture),
            _ => $"{value}",
        };
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="CliException">It cannot be read, or is no trace.</exception>
    public static TraceSummary Read(string file)
    {
        var summary = new TraceSummary(file);
        try
        {
            if (Directory.Exists(file) || !File.Exists(file))
            {
                throw new FileNotFoundException();
            }

            using var source = new EventPipeEventSource(file);
            source.Dynamic.All += summary.Add;
            source.Process();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            throw new CliException(FileTrouble.Describe("trace", file, e));
        }
#pragma warning disable CA1031 // The parser throws what it likes at bytes that are no trace.
        catch (Exception)
        {
            throw new CliException($"{file}: trace: not a .nettrace file, or a damaged one");
        }
#pragma warning restore CA1031

        return summary;
    }

    public void Print(bool json, TextWriter output)
    {
        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(new { File = _file, Counts = Counts(), Timeline = _timeline }, JsonOptions));
            return;
        }

        IAnsiConsole console = OutputConsole.Over(output);
        if (_timeline.Count == 0)
        {
            console.WriteLine("No events of the engine are in it.");
            return;
        }

        var table = new TextTable(">ms", ">thread", "event", "what");
        foreach (TimelineEvent one in _timeline.Take(LinesShown))
        {
            table.Add(one.Milliseconds.ToString("f3", CultureInfo.InvariantCulture), $"{one.Thread}", one.Name, one.Text);
        }

        table.Write(console);
        if (_timeline.Count > LinesShown)
        {
            console.WriteLine($"... and {_timeline.Count - LinesShown:N0} more; --json has all of them.");
        }

        console.WriteLine();
        var counts = new TextTable("event", ">count");
        foreach ((string name, int count) in Counts())
        {
            counts.Add(name, count.ToString("N0", CultureInfo.InvariantCulture));
        }

        counts.Write(console);
    }

    private void Add(TraceEvent e)
    {
        if (e.ProviderName == PamuEventSource.ProviderName)
        {
            IReadOnlyDictionary<string, object?> fields = new EventFields(e).All;
            _timeline.Add(new TimelineEvent(e.TimeStampRelativeMSec, e.ThreadID, e.EventName, fields));
        }
    }

    private SortedDictionary<string, int> Counts() =>
        new(_timeline.GroupBy(static one => one.Name).ToDictionary(static group => group.Key, static group => group.Count()), StringComparer.Ordinal);
}
