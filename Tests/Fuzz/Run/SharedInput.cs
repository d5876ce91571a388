using System.IO.MemoryMappedFiles;

namespace PamuFastPath.Fuzz.Run;

/// <summary>
/// A file that worker and supervisor both have in memory: the worker leaves each input there before it runs it, so that the supervisor has it
/// when the worker crashes or hangs.
/// </summary>
internal sealed class SharedInput : IDisposable
{
    internal const int LengthMax = 1 << 20;

    private const int CountAt = 0;
    private const int LengthAt = 8;
    private const int InputAt = 16;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    internal SharedInput(string path)
    {
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, mapName: null, InputAt + LengthMax);
        _view = _file.CreateViewAccessor();
    }

    /// <summary>Inputs begun so far.</summary>
    internal long Count => _view.ReadInt64(CountAt);

    /// <summary>The input that is running, or ran last.</summary>
    internal byte[] Current
    {
        get
        {
            byte[] input = new byte[_view.ReadInt32(LengthAt)];
            _view.ReadArray(InputAt, input, 0, input.Length);
            return input;
        }
    }

    internal void Begin(ReadOnlySpan<byte> input)
    {
        _view.Write(LengthAt, input.Length);
        _view.SafeMemoryMappedViewHandle.WriteSpan(InputAt, input);
        _view.Write(CountAt, Count + 1);
    }

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }
}
