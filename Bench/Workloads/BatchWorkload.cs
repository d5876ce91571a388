namespace PamuFastPath.Bench.Workloads;

/// <summary>The arrays of one batch, and the table they are translated with.</summary>
internal sealed unsafe class BatchWorkload : IDisposable
{
    private readonly NativeArray<ulong> _iovas;
    private readonly NativeArray<uint> _lengths;
    private readonly NativeArray<ulong> _targets;
    private readonly NativeArray<ulong> _faults;
    private readonly NativeArray<ulong> _crosses;
    private readonly NativeArray<ulong> _messages;

    /// <summary>A batch of generated accesses, a share of them faults and a share messages.</summary>
    internal BatchWorkload(
        BenchTable table,
        int count = DefaultCount,
        AddressPattern pattern = AddressPattern.Random,
        double faults = 0,
        double messages = 0)
        : this(table.Reader, table.Container, count)
    {
        AddressStream.Fill(_iovas.Span, table, pattern);
        AddressStream.FillLengths(_lengths.Span);
        if (messages > 0)
        {
            AddressStream.AddMessages(_iovas.Span, table, messages);
        }

        AddressStream.AddFaults(_iovas.Span, table, faults);
    }

    /// <summary>A batch of given accesses.</summary>
    internal BatchWorkload(PamuReader reader, PamuContainer container, ReadOnlySpan<ulong> iovas, ReadOnlySpan<uint> lengths)
        : this(reader, container, iovas.Length)
    {
        iovas.CopyTo(_iovas.Span);
        lengths.CopyTo(_lengths.Span);
    }

    private BatchWorkload(PamuReader reader, PamuContainer container, int count)
    {
        Reader = reader;
        Container = container;
        _iovas = new NativeArray<ulong>(count);
        _lengths = new NativeArray<uint>(count);
        _targets = new NativeArray<ulong>(count);
        _faults = new NativeArray<ulong>((count + 63) / 64);
        _crosses = new NativeArray<ulong>((count + 63) / 64);
        _messages = new NativeArray<ulong>((count + 63) / 64);
    }

    /// <summary>The default point of all axes.</summary>
    internal const int DefaultCount = 1024;

    internal PamuReader Reader { get; }

    internal PamuContainer Container { get; }

    internal int Count => _iovas.Length;

    internal ulong* Iovas => _iovas.Pointer;

    /// <summary>The physical reference: the same arrays, read and written once.</summary>
    internal void Copy() => _iovas.Span.CopyTo(_targets.Span);

    /// <summary>One length for all, a section of its own.</summary>
    internal BatchResult Translate(BatchKernel? kernel = null)
    {
        using ReaderSection section = Reader.Enter(Container);
        return section.TranslateBatch(
            _iovas.Span, SingleLoops.AccessBytes, DmaAccess.Write, _targets.Span, _faults.Span, _crosses.Span, _messages.Span, kernel);
    }

    /// <summary>Each element its own length.</summary>
    internal BatchResult TranslateWithLengths(BatchKernel? kernel = null)
    {
        using ReaderSection section = Reader.Enter(Container);
        return section.TranslateBatch(
            _iovas.Span, _lengths.Span, DmaAccess.Write, _targets.Span, _faults.Span, _crosses.Span, _messages.Span, kernel);
    }

    /// <summary>Whether the processor and the table allow a kernel.</summary>
    internal bool CanRun(BatchKernel kernel)
    {
        using ReaderSection section = Reader.Enter(Container);
        return section.CanRun(kernel);
    }

    public void Dispose()
    {
        _iovas.Dispose();
        _lengths.Dispose();
        _targets.Dispose();
        _faults.Dispose();
        _crosses.Dispose();
        _messages.Dispose();
    }
}
