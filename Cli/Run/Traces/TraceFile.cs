namespace PamuFastPath.Cli.Run.Traces;

/// <summary>The lines of a trace file, plain or gzip (told by its first bytes, not by its name), with their numbers.</summary>
internal sealed class TraceFile : IDisposable
{
    /// <summary>No row is longer; a file without line ends must not fill the memory.</summary>
    private const int LineBytesMax = 4096;
    private const int BufferBytes = 1 << 18;

    private readonly InputFile _file;
    private readonly byte[] _buffer = new byte[BufferBytes];
    private int _start; // of what was read and not handed out
    private int _end;
    private bool _atEnd;

    private TraceFile(string name, InputFile file)
    {
        Name = name;
        _file = file;
    }

    public string Name { get; }

    /// <summary>Number of the line handed out last, from 1.</summary>
    public long Line { get; private set; }

    /// <summary>How much of the file is read, 0 to 1; 0 for a pipe.</summary>
    public double Progress => _file.Progress;

    public static TraceFile Open(string name)
    {
        try
        {
            return new TraceFile(name, InputFile.Open(name));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new CliException(FileTrouble.Describe("trace", name, e));
        }
    }

    /// <summary>Hands out the next line without its end, good until the next call.</summary>
    public bool TryReadLine(out ReadOnlySpan<byte> line)
    {
        while (true)
        {
            ReadOnlySpan<byte> rest = _buffer.AsSpan(_start, _end - _start);
            int length = rest.IndexOf((byte)'\n');
            if (length >= 0 || (_atEnd && rest.Length > 0))
            {
                line = length >= 0 ? rest[..length] : rest;
                _start += length >= 0 ? length + 1 : rest.Length;
                line = line is [.., (byte)'\r'] ? line[..^1] : line;
                Line++;
                return true;
            }

            if (_atEnd)
            {
                line = default;
                return false;
            }

            if (rest.Length > LineBytesMax)
            {
                throw new CliException($"{Name}:{Line + 1}: the line is longer than {LineBytesMax} bytes");
            }

            Fill();
        }
    }

    /// <summary>A complaint about the line handed out last.</summary>
    public CliException Error(string reason) => new($"{Name}:{Line}: {reason}");

    public void Dispose() => _file.Dispose();

    private void Fill()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        _end -= _start;
        _start = 0;
        try
        {
            // Until the buffer is full or the data ends, so that the mark of the end is in one piece.
            int count = _file.Text.ReadAtLeast(_buffer.AsSpan(_end), _buffer.Length - _end, throwOnEndOfStream: false);
            _atEnd = count < _buffer.Length - _end;
            _end += count;
        }
        catch (InvalidDataException)
        {
            throw new CliException($"{Name}: after line {Line}: the gzip data is corrupt");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(FileTrouble.Describe("trace", Name, e));
        }

        if (_atEnd && _file.IsGzip)
        {
            Span<byte> rest = _buffer.AsSpan(_start, _end - _start);
            if (!rest.EndsWith(InputFile.EndMark))
            {
                throw new CliException($"{Name}: after line {Line}: the gzip data is cut off");
            }

            _end -= InputFile.EndMark.Length;
        }
    }
}
