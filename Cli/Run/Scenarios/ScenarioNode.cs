using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace PamuFastPath.Cli.Run.Scenarios;

/// <summary>
/// One value of a scenario file with its place, because every complaint names line and field (which JsonDocument cannot). Converts
/// itself to what the reader asks for, or complains.
/// </summary>
internal sealed class ScenarioNode
{
    /// <summary>Far more than a scenario needs, and little enough to hold in memory.</summary>
    private const int FileBytesMax = 16 << 20;

    private readonly string _file;
    private readonly int _line;
    private readonly string _path;
    private readonly JsonTokenType _kind;
    private readonly string _text;
    private readonly List<(string Name, ScenarioNode Node)> _children = [];

    private ScenarioNode(string file, int line, string path, JsonTokenType kind, string text)
    {
        _file = file;
        _line = line;
        _path = path;
        _kind = kind;
        _text = text;
    }

    /// <summary>Where the value stands: <c>file:line: field</c>, the start of every message about it.</summary>
    public string Place => _path.Length == 0 ? $"{_file}:{_line}" : $"{_file}:{_line}: {_path}";

    public static ScenarioNode Load(string file)
    {
        byte[] bytes;
        try
        {
            // Opened first: the length of what is no plain file is refused by Open or unknown.
            using FileStream stream = File.OpenRead(file);
            if (stream.Length > FileBytesMax)
            {
                throw new CliException($"{file}: larger than a scenario can be ({FileBytesMax >> 20} MiB)");
            }

            bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new CliException(FileTrouble.Describe("scenario", file, e));
        }

        if (bytes.Length == 0)
        {
            throw new CliException($"{file}:1: the file is empty");
        }

        return Parse(file, bytes);
    }

    public CliException Error(string reason) => new($"{Place}: {reason}");

    /// <summary>An object of the given shape: no field unknown, none twice, none missing.</summary>
    public ScenarioObject AsObject(Shape shape)
    {
        Expect(JsonTokenType.StartObject, "an object");
        var fields = new Dictionary<string, ScenarioNode>();
        foreach ((string name, ScenarioNode node) in _children)
        {
            if (!shape.Has(name))
            {
                throw node.Error($"unknown field (known here: {string.Join(", ", shape.Fields)})");
            }

            if (!fields.TryAdd(name, node))
            {
                throw node.Error("the field is there twice");
            }
        }

        foreach (string name in shape.Required)
        {
            if (!fields.ContainsKey(name))
            {
                throw Error($"the field '{name}' is missing");
            }
        }

        return new ScenarioObject(this, shape, fields);
    }

    /// <summary>An object whose field names are the user's own.</summary>
    public IReadOnlyList<(string Name, ScenarioNode Node)> AsMap()
    {
        Expect(JsonTokenType.StartObject, "an object");
        return _children;
    }

    public IEnumerable<ScenarioNode> AsArray()
    {
        Expect(JsonTokenType.StartArray, "an array");
        return _children.Select(static child => child.Node);
    }

    public string AsString()
    {
        Expect(JsonTokenType.String, "a string");
        return _text;
    }

    public bool AsBool() => _kind switch
    {
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        _ => throw Error("must be true or false"),
    };

    /// <summary>A decimal number, or a string "0x…" with '_' anywhere after the 0x.</summary>
    public ulong AsNumber(ulong max = ulong.MaxValue)
    {
        ulong value = _kind switch
        {
            JsonTokenType.Number => FromDecimal(),
            JsonTokenType.String => FromHex(),
            _ => throw Error("must be a number or a hex string"),
        };
        return value <= max ? value : throw Error($"{_text} is too large (at most {max})");
    }

    public int AsInt(int max = int.MaxValue) => (int)AsNumber((ulong)max);

    public T AsOneOf<T>(IReadOnlyDictionary<string, T> names)
    {
        string name = AsString();
        return names.TryGetValue(name, out T? value) ? value : throw Error($"'{name}' is none of {string.Join(", ", names.Keys)}");
    }

    private ulong FromDecimal()
    {
        if (ulong.TryParse(_text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value))
        {
            return value;
        }

        bool isWhole = _text.TrimStart('-').All(char.IsAsciiDigit);
        throw Error(!isWhole ? $"{_text} is not a whole number" : _text[0] == '-' ? $"{_text} is negative" : $"{_text} is too large");
    }

    private ulong FromHex()
    {
        string digits = _text.StartsWith("0x", StringComparison.Ordinal) ? _text[2..].Replace("_", "", StringComparison.Ordinal) : "";
        if (digits.Length == 0 || !digits.All(char.IsAsciiHexDigit))
        {
            throw Error($"'{_text}' is not a hex number");
        }

        return ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value)
            ? value
            : throw Error($"{_text} is too large");
    }

    private void Expect(JsonTokenType kind, string what)
    {
        if (_kind != kind)
        {
            throw Error($"must be {what}");
        }
    }

    private static ScenarioNode Parse(string file, byte[] bytes)
    {
        ReadOnlySpan<byte> text = bytes;
        ReadOnlySpan<byte> mark = Encoding.UTF8.Preamble;
        text = text.StartsWith(mark) ? text[mark.Length..] : text;
        var reader = new Utf8JsonReader(
            text, new JsonReaderOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip, MaxDepth = 16 });
        try
        {
            var lines = new LineCounter(text);
            reader.Read();
            ScenarioNode root = Value(file, "", ref reader, ref lines);
            reader.Read(); // nothing may follow
            return root;
        }
        catch (JsonException e)
        {
            string reason = e.Message.Split(" LineNumber:")[0].Split(" Path:")[0];
            throw new CliException($"{file}:{e.LineNumber + 1}: not JSON: {reason}");
        }
        catch (InvalidOperationException)
        {
            throw new CliException($"{file}: not JSON: a string is not UTF-8, or half of a surrogate pair");
        }
    }

    private static ScenarioNode Value(string file, string path, ref Utf8JsonReader reader, ref LineCounter lines)
    {
        JsonTokenType kind = reader.TokenType;
        string text = kind switch
        {
            JsonTokenType.String => reader.GetString()!,
            JsonTokenType.Number => Encoding.UTF8.GetString(reader.HasValueSequence ? reader.ValueSequence.ToArray() : reader.ValueSpan),
            _ => "",
        };
        var node = new ScenarioNode(file, lines.LineOf(reader.TokenStartIndex), path, kind, text);
        if (kind == JsonTokenType.StartObject)
        {
            while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
            {
                string name = reader.GetString()!;
                reader.Read();
                node._children.Add((name, Value(file, path.Length == 0 ? name : $"{path}.{name}", ref reader, ref lines)));
            }
        }
        else if (kind == JsonTokenType.StartArray)
        {
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                node._children.Add(("", Value(file, $"{path}[{node._children.Count}]", ref reader, ref lines)));
            }
        }

        return node;
    }

    /// <summary>Turns byte offsets, asked for in ascending order, into line numbers.</summary>
    private ref struct LineCounter(ReadOnlySpan<byte> text)
    {
        private readonly ReadOnlySpan<byte> _text = text;
        private int _line = 1;
        private int _counted;

        public int LineOf(long offset)
        {
            _line += _text[_counted..(int)offset].Count((byte)'\n');
            _counted = (int)offset;
            return _line;
        }
    }
}
