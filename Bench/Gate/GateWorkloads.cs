// Compiled twice: into Bench, against today's engine, and into Accepted, against the frozen copy. Uses nothing but the engine and the
// base library, so that both compilations are the same code.
//
// Unsafe: works in memory that the caller keeps alive, shared by both sides, so that alignment and cache placement cancel.

using System.Runtime.InteropServices;

namespace PamuFastPath.Bench.Gate;

/// <summary>One benchmark of the gate.</summary>
/// <param name="Name">What tables and history call it. Immutable: a changed body gets a new name.</param>
/// <param name="OperationsPerCall">Times are per operation.</param>
/// <param name="FloorNanoseconds">A difference per operation below this is nobody's concern.</param>
/// <param name="IsDataPath">Whether it must not allocate.</param>
/// <param name="Call">Runs it once.</param>
internal sealed record GateWorkload(string Name, int OperationsPerCall, double FloorNanoseconds, bool IsDataPath, Action Call);

/// <summary>The gate's benchmarks. One thread makes and calls them.</summary>
internal sealed unsafe class GateWorkloads : IDisposable
{
    /// <summary>Bytes of the memory that both sides share; 4 KiB aligned.</summary>
    internal const int SharedBytes = RamOffset + RamBytes;

    private const int Count = 1024;
    private const int Words = Count / 64;
    private const uint Liodn = 0x42;
    private const uint DmaLiodn = 0x43;
    private const ulong WindowBytes = 0x100_0000;
    private const ulong DmaWindowBytes = 0x1_0000;
    private const ulong Ram = 0x10_0000_0000;
    private const int RamBytes = 16 * (int)DmaWindowBytes;
    private const int RamOffset = 0x1_0000;

    private readonly PamuEngine _engine = new();
    private readonly PamuReader _reader;
    private readonly GuestMemory _memory = new();
    private readonly DmaPort _port;
    private readonly PamuContainer _few;
    private readonly PamuContainer _many;
    private readonly PamuContainer _control;
    private readonly ulong* _iovas;
    private readonly ulong* _iovasOfMany;
    private readonly ulong* _iovasWithFaults;
    private readonly ulong* _iovasOfDma;
    private readonly ulong* _targets;
    private readonly uint* _lengths;
    private readonly ulong* _masks;
    private readonly byte* _buffer;

    internal GateWorkloads(byte* shared)
    {
        _iovas = (ulong*)shared;
        _iovasOfMany = (ulong*)(shared + 0x2000);
        _iovasWithFaults = (ulong*)(shared + 0x4000);
        _iovasOfDma = (ulong*)(shared + 0x6000);
        _targets = (ulong*)(shared + 0x8000);
        _lengths = (uint*)(shared + 0xA000);
        _masks = (ulong*)(shared + 0xB000);
        _buffer = shared + 0xC000;
        FillShared();

        _few = Container(16, WindowBytes);
        _many = Container(256, WindowBytes);
        _control = Container(16, WindowBytes);
        PamuContainer dma = Container(16, DmaWindowBytes);
        _engine.CreateGroup(0, [(int)Liodn], []).Attach(_few);
        _engine.CreateGroup(1, [(int)DmaLiodn], []).Attach(dma);
        _memory.Add(Ram, shared + RamOffset, RamBytes);
        _reader = _engine.CreateReader("gate");
        _port = new DmaPort(_reader, DmaLiodn, _memory);
    }

    /// <summary>The engine of all of them.</summary>
    internal PamuEngine Engine => _engine;

    /// <summary>Receives results, so that no loop is dead.</summary>
    internal ulong Sink { get; private set; }

    public void Dispose()
    {
        _reader.Dispose();
        _memory.Dispose();
        _engine.Dispose();
    }

    internal List<GateWorkload> All()
    {
        const double SingleFloor = 0.1;
        const double BatchFloor = 0.03;
        const double DmaFloor = 1;
        const double ControlFloor = 100;
        List<GateWorkload> all =
        [
            new("single, one section", Count, SingleFloor, true, SingleInOneSection),
            new("single, sections of 8", Count, SingleFloor, true, SingleInSectionsOf8),
            new("single, own section", Count, SingleFloor, true, SingleInOwnSection),
            new("single, by LIODN", Count, SingleFloor, true, SingleByLiodn),
            new("range over two windows", Count, DmaFloor, true, RangeOverTwoWindows),
            new("batch, lengths", Count, BatchFloor, true, BatchWithLengths),
            new("batch, 256 windows", Count, BatchFloor, true, () => Batch(_many, _iovasOfMany, null)),
            new("batch, 1 % faults", Count, BatchFloor, true, () => Batch(_few, _iovasWithFaults, null)),
        ];
        foreach (BatchKernel kernel in Enum.GetValues<BatchKernel>())
        {
            using ReaderSection section = _reader.Enter(_few);
            if (section.CanRun(kernel))
            {
                all.Add(new($"batch, {kernel}", Count, BatchFloor, true, () => Batch(_few, _iovas, kernel)));
            }
        }

        all.Add(new("DMA write, 64 B", Count, DmaFloor, true, DmaWrite));
        all.Add(new("DMA read, 4 KiB", Count / 16, DmaFloor, true, DmaRead));
        all.Add(new("map and unmap", 1, ControlFloor, false, MapAndUnmap));
        return all;
    }

    private void SingleInOneSection()
    {
        ulong* iovas = _iovas;
        ulong sum = 0;
        using (ReaderSection section = _reader.Enter(_few))
        {
            for (int i = 0; i < Count; i++)
            {
                sum += section.Translate(iovas[i], 64, DmaAccess.Write).Target;
            }
        }

        Sink += sum;
    }

    private void SingleInSectionsOf8()
    {
        ulong* iovas = _iovas;
        ulong sum = 0;
        for (int i = 0; i < Count; i += 8)
        {
            using ReaderSection section = _reader.Enter(_few);
            for (int j = i; j < i + 8; j++)
            {
                sum += section.Translate(iovas[j], 64, DmaAccess.Write).Target;
            }
        }

        Sink += sum;
    }

    private void SingleInOwnSection()
    {
        ulong* iovas = _iovas;
        PamuReader reader = _reader;
        PamuContainer container = _few;
        ulong sum = 0;
        for (int i = 0; i < Count; i++)
        {
            sum += reader.Translate(container, iovas[i], 64, DmaAccess.Write).Target;
        }

        Sink += sum;
    }

    private void SingleByLiodn()
    {
        ulong* iovas = _iovas;
        PamuReader reader = _reader;
        ulong sum = 0;
        for (int i = 0; i < Count; i++)
        {
            sum += reader.Translate(Liodn, iovas[i], 64, DmaAccess.Write).Target;
        }

        Sink += sum;
    }

    private void RangeOverTwoWindows()
    {
        Span<DmaSegment> segments = stackalloc DmaSegment[4];
        ulong* iovas = _iovas;
        PamuReader reader = _reader;
        PamuContainer container = _few;
        ulong sum = 0;
        for (int i = 0; i < Count; i++)
        {
            // 2,048 bytes before the end of a window and as many after it.
            ulong iova = (iovas[i] & (7 * WindowBytes)) + WindowBytes - 2048;
            using ReaderSection section = reader.Enter(container);
            sum += (ulong)section.TranslateRange(iova, 4096, DmaAccess.Write, segments).SegmentCount;
        }

        Sink += sum;
    }

    private void Batch(PamuContainer container, ulong* iovas, BatchKernel? kernel)
    {
        using ReaderSection section = _reader.Enter(container);
        section.TranslateBatch(
            new(iovas, Count),
            64,
            DmaAccess.Write,
            new(_targets, Count),
            new(_masks, Words),
            new(_masks + Words, Words),
            new(_masks + 2 * Words, Words),
            kernel);
    }

    private void BatchWithLengths()
    {
        using ReaderSection section = _reader.Enter(_few);
        section.TranslateBatch(
            new(_iovas, Count),
            new ReadOnlySpan<uint>(_lengths, Count),
            DmaAccess.Write,
            new(_targets, Count),
            new(_masks, Words),
            new(_masks + Words, Words),
            new(_masks + 2 * Words, Words));
    }

    private void DmaWrite()
    {
        ulong* iovas = _iovasOfDma;
        DmaPort port = _port;
        ReadOnlySpan<byte> source = new(_buffer, 64);
        int done = 0;
        for (int i = 0; i < Count; i++)
        {
            done += port.Write(iovas[i], source).BytesDone;
        }

        Sink += (ulong)done;
    }

    private void DmaRead()
    {
        ulong* iovas = _iovasOfDma;
        DmaPort port = _port;
        Span<byte> destination = new(_buffer, 4096);
        int done = 0;
        for (int i = 0; i < Count / 16; i++)
        {
            done += port.Read(iovas[i], destination).BytesDone;
        }

        Sink += (ulong)done;
    }

    /// <summary>Two publications: one that adds, one that removes and waits.</summary>
    private void MapAndUnmap()
    {
        _control.UnmapDma(3 * WindowBytes, WindowBytes);
        _control.MapDma(Ram + 3 * WindowBytes, 3 * WindowBytes, WindowBytes, DmaPermissions.ReadWrite);
    }

    private PamuContainer Container(uint windows, ulong windowBytes)
    {
        PamuContainer container = _engine.CreateContainer();
        container.SetGeometry(0, windows * windowBytes - 1);
        container.SetWindows(windows);
        for (ulong i = 0; i < windows; i++)
        {
            // Neighbours swap places, so that no two windows have contiguous targets and ranges cannot merge.
            container.MapDma(Ram + (i ^ 1) * windowBytes, i * windowBytes, windowBytes, DmaPermissions.ReadWrite);
        }

        return container;
    }

    /// <summary>Both sides write the same values.</summary>
    private void FillShared()
    {
        NativeMemory.Clear(_iovas, SharedBytes);
        var random = new Random(42);
        for (int i = 0; i < Count; i++)
        {
            ulong offset = (ulong)random.NextInt64((long)WindowBytes - 8192);
            _iovas[i] = (ulong)random.Next(16) * WindowBytes + offset;
            _iovasOfMany[i] = (ulong)random.Next(256) * WindowBytes + offset;
            _iovasWithFaults[i] = _iovas[i] + (random.Next(100) == 0 ? 16 * WindowBytes : 0);
            _iovasOfDma[i] = (ulong)random.Next(16 * 16) * 4096;
            _lengths[i] = (uint)random.Next(1, 4096);
        }
    }
}
