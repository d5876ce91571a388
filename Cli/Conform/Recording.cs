using System.Globalization;
using System.Text;
using System.Text.Json;

namespace PamuFastPath.Cli.Conform;

/// <summary>A recording that cannot be read. The message names file, line and reason.</summary>
public sealed class RecordingException(string message) : Exception(message);

/// <summary>Reads a recording, plain or gzip (told by its first bytes), line by line.</summary>
internal sealed class Recording : IDisposable
{
    private static readonly string EndMark = Encoding.UTF8.GetString(InputFile.EndMark);

    private readonly string _path;
    private readonly InputFile _file;
    private readonly StreamReader _reader;
    private int _line;
    private bool _endIsSeen;

    internal Recording(string path)
    {
        _path = path;
        try
        {
            _file = InputFile.Open(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new RecordingException(FileTrouble.Describe("recording", path, e));
        }

        _reader = new StreamReader(_file.Text);
    }

    /// <summary>How much of the file is read, 0 to 1; 0 for a pipe.</summary>
    internal double Progress => _file.Progress;

    public void Dispose()
    {
        _reader.Dispose();
        _file.Dispose();
    }

    /// <summary>The lines that say something; notes and empty lines are passed over.</summary>
    /// <exception cref="RecordingException">A line, or the file, is malformed.</exception>
    internal IEnumerable<RecordedLine> ReadLines()
    {
        while (ReadLine() is string text)
        {
            _line++;
            if (text.Length > 0 && Parse(text) is RecordedLine line)
            {
                yield return line;
            }
        }

        if (_file.IsGzip && !_endIsSeen)
        {
            throw Error(_line, "the gzip data is cut off after this line");
        }

        if (_line == 0)
        {
            throw new RecordingException($"{_path}: the file is empty");
        }
    }

    /// <summary>The error for a line that is well formed but makes no sense where it stands.</summary>
    internal RecordingException Error(int line, string reason) => new($"{_path}:{line}: {reason}");

    private string? ReadLine()
    {
        try
        {
            string? line = _reader.ReadLine();
            if (!_file.IsGzip || line == null || !line.EndsWith(EndMark, StringComparison.Ordinal))
            {
                return line;
            }

            // The mark may follow a last line that has no line end.
            _endIsSeen = true;
            return line.Length == EndMark.Length ? null : line[..^EndMark.Length];
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw Error(_line + 1, $"the file cannot be read on: {e.Message}");
        }
    }

    private RecordedLine? Parse(string text)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(text);
            return Parse(new Fields(json.RootElement));
        }
        catch (JsonException e)
        {
            throw Error(_line, string.Create(CultureInfo.InvariantCulture, $"no JSON object (byte {e.BytePositionInLine})"));
        }
        catch (InvalidOperationException)
        {
            throw Error(_line, "no JSON object (half a surrogate pair)"); // half a pair is found only when the text is looked at
        }
        catch (FormatException e)
        {
            throw Error(_line, e.Message);
        }
    }

    private RecordedLine? Parse(Fields fields)
    {
        if (!fields.Has("op") && fields.Has("liodns"))
        {
            return new TableDumpLine(_line);
        }

        string name = fields.Text("op");
        switch (name)
        {
            case "note":
                return null;
            case "begin":
                int windows = fields.Int("max_windows");
                return windows is >= 1 and <= 256 && int.IsPow2(windows)
                    ? new BeginLine(_line, fields.Int("seq"), windows, fields.TextOr("profile", "directed"))
                    : throw new FormatException($"max_windows: {windows} is no power of two from 1 to 256");
            case "end":
                return new EndLine(_line, fields.Int("seq"));
            case "open":
                return new OpenLine(_line, fields.Int("c"));
            case "state":
                return new StateLine(_line, RecordedFields.State(fields));
            case "iova_to_phys":
                return new ProbesLine(_line, fields.Int("c"), RecordedFields.Probes(fields));
            default:
                return new OpLine(_line, name, RecordedFields.Op(name, fields));
        }
    }
}
