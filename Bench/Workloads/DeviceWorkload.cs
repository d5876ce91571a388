namespace PamuFastPath.Bench.Workloads;

/// <summary>
/// A device with RAM behind its windows: 16 windows of 64 KiB, so that the RAM stays in the second cache and the copy does not hide
/// the way to it.
/// </summary>
internal sealed unsafe class DeviceWorkload : IDisposable
{
    internal const int Accesses = 256;
    private const ulong WindowBytes = 0x1_0000;

    private readonly BenchTable _table = new(windowBytes: WindowBytes);
    private readonly NativeArray<ulong> _iovas = new(Accesses);
    private readonly NativeArray<byte> _ram = new((int)WindowBytes * BenchTable.DefaultWindows);
    private readonly NativeArray<byte> _buffer = new(AddressStream.LengthMax);
    private readonly GuestMemory _memory = new();
    private readonly DmaPort _port;

    internal DeviceWorkload()
    {
        AddressStream.Fill(_iovas.Span, _table);
        _memory.Add(BenchTable.TargetBase, _ram.Pointer, (ulong)_ram.Length);
        _port = new DmaPort(_table.Reader, 0, _memory);
    }

    internal int Read(int bytes)
    {
        int done = 0;
        foreach (ulong iova in _iovas.Span)
        {
            done += _port.Read(iova, _buffer.Span[..bytes]).BytesDone;
        }

        return done;
    }

    internal int Write(int bytes)
    {
        int done = 0;
        foreach (ulong iova in _iovas.Span)
        {
            done += _port.Write(iova, _buffer.Span[..bytes]).BytesDone;
        }

        return done;
    }

    /// <summary>The physical reference: the same bytes, without asking where they are.</summary>
    internal int CopyIn(int bytes)
    {
        foreach (ulong iova in _iovas.Span)
        {
            new ReadOnlySpan<byte>(_ram.Pointer + iova, bytes).CopyTo(_buffer.Span);
        }

        return bytes;
    }

    /// <summary>The same for writes.</summary>
    internal int CopyOut(int bytes)
    {
        foreach (ulong iova in _iovas.Span)
        {
            _buffer.Span[..bytes].CopyTo(new Span<byte>(_ram.Pointer + iova, bytes));
        }

        return bytes;
    }

    /// <summary>4 KiB inside one window, a section each.</summary>
    internal int RangesInOneWindow() => Ranges(static iova => iova);

    /// <summary>4 KiB over the end of a window, so that there are two pieces: from 1 KiB before the end of any but the last.</summary>
    internal int RangesOverTwoWindows() =>
        Ranges(static iova => (iova / WindowBytes % (BenchTable.DefaultWindows - 1) + 1) * WindowBytes - 1024);

    private int Ranges(Func<ulong, ulong> start)
    {
        Span<DmaSegment> segments = stackalloc DmaSegment[4];
        int pieces = 0;
        foreach (ulong iova in _iovas.Span)
        {
            using ReaderSection section = _table.Reader.Enter(_table.Container);
            pieces += section.TranslateRange(start(iova), AddressStream.LengthMax, DmaAccess.Write, segments).SegmentCount;
        }

        return pieces;
    }

    public void Dispose()
    {
        _memory.Dispose();
        _ram.Dispose();
        _buffer.Dispose();
        _iovas.Dispose();
        _table.Dispose();
    }
}
