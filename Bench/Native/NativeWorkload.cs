using System.Runtime.InteropServices;
using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Native;

/// <summary>The same accesses through the C library and through C#: each over a table of its own, alike.</summary>
internal sealed unsafe class NativeWorkload : IDisposable
{
    /// <summary>How many batches one call of a batch method does.</summary>
    internal const int Batches = 16;

    /// <summary>Bytes of the windows of ports, whose RAM is really there.</summary>
    internal const ulong PortWindowBytes = 0x1_0000;

    private readonly BenchLibrary _library;
    private readonly nint _bench;
    private readonly NativeArray<ulong> _iovas;
    private readonly NativeArray<ulong> _targets;
    private readonly NativeArray<ulong>[] _masks;
    private readonly NativeArray<byte> _ram;
    private readonly GuestMemory _memory = new();
    private readonly DmaPort _port;

    internal NativeWorkload(BenchLibrary library, int windows, int count, ulong windowBytes = BenchTable.DefaultWindowBytes)
    {
        _library = library;
        Table = new BenchTable(windows, windowBytes: windowBytes);
        _bench = library.Open((uint)windows, windowBytes, BenchTable.TargetBase);
        if (_bench == 0)
        {
            throw new InvalidOperationException("the library refuses the bench's table");
        }

        _iovas = new NativeArray<ulong>(count);
        _targets = new NativeArray<ulong>(count);
        _masks = [.. Enumerable.Range(0, 3).Select(_ => new NativeArray<ulong>((count + 63) / 64))];
        AddressStream.Fill(_iovas.Span, Table);
        _ram = new NativeArray<byte>(windowBytes == PortWindowBytes ? windows * (int)windowBytes : 0);
        _port = new DmaPort(Table.Reader, 0, _memory);
        if (_ram.Length > 0)
        {
            _memory.Add(BenchTable.TargetBase, _ram.Pointer, (ulong)_ram.Length);
            Demand(library.AddMemory(_bench, BenchTable.TargetBase, _ram.Pointer, (ulong)_ram.Length));
        }
    }

    internal BenchTable Table { get; }

    internal int Count => _iovas.Length;

    internal string Kernel => Marshal.PtrToStringUTF8((nint)_library.Kernel(_bench))!;

    internal BatchKernel KernelInCSharp
    {
        get
        {
            using ReaderSection section = Table.Reader.Enter(Table.Container);
            return section.Kernel;
        }
    }

    internal ulong OwnSectionInC() => _library.OwnSection(_bench, _iovas.Pointer, (nuint)Count);

    internal ulong OwnSection() => SingleLoops.Independent(new OwnSection(Table.Reader, Table.Container), _iovas.Pointer, Count);

    internal ulong ByLiodnInC() => _library.ByLiodn(_bench, _iovas.Pointer, (nuint)Count);

    internal ulong ByLiodn() => SingleLoops.Independent(new ByLiodn(Table.Reader, 0), _iovas.Pointer, Count);

    internal ulong InSectionInC() => _library.InSection(_bench, _iovas.Pointer, (nuint)Count);

    internal ulong InSection() => SingleLoops.Independent(new BareLookup(Table.Container), _iovas.Pointer, Count);

    internal void BatchInC() => Demand(_library.Batch(
        _bench, Batches, _iovas.Pointer, (nuint)Count, _targets.Pointer, _masks[0].Pointer, _masks[1].Pointer, _masks[2].Pointer));

    internal void Batch()
    {
        for (int i = 0; i < Batches; i++)
        {
            using ReaderSection section = Table.Reader.Enter(Table.Container);
            section.TranslateBatch(
                _iovas.Span, SingleLoops.AccessBytes, DmaAccess.Write, _targets.Span, _masks[0].Span, _masks[1].Span, _masks[2].Span);
        }
    }

    internal void PortWritesInC()
    {
        byte* bytes = stackalloc byte[SingleLoops.AccessBytes];
        Demand(_library.PortWrite(_bench, _iovas.Pointer, (nuint)Count, bytes));
    }

    internal void PortWrites()
    {
        Span<byte> bytes = stackalloc byte[SingleLoops.AccessBytes];
        foreach (ulong iova in _iovas.Span)
        {
            _ = _port.Write(iova, bytes);
        }
    }

    /// <summary>Both halves give the same answers, or nothing is worth measuring.</summary>
    /// <exception cref="InvalidOperationException">They do not.</exception>
    internal void Check()
    {
        BatchInC();
        ulong[] fromC = _targets.Span.ToArray();
        _targets.Span.Clear();
        Batch();
        ulong sum = 0;
        foreach (ulong target in fromC)
        {
            sum += target;
        }

        if (!_targets.Span.SequenceEqual(fromC) || OwnSectionInC() != sum || OwnSection() != sum || ByLiodnInC() != sum || InSectionInC() != sum)
        {
            throw new InvalidOperationException("C and C# translate differently");
        }
    }

    private static void Demand(int result)
    {
        if (result != 0)
        {
            throw new InvalidOperationException($"the library answers {result}");
        }
    }

    public void Dispose()
    {
        _library.Close(_bench);
        Table.Dispose();
        _iovas.Dispose();
        _targets.Dispose();
        Array.ForEach(_masks, mask => mask.Dispose());
        _memory.Dispose();
        _ram.Dispose();
    }
}
