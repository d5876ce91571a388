// Compiled twice: into Litmus, against the engine, and into Unfenced, against the engine without its barrier. Uses nothing but the engine and the
// base library, so that both compilations are the same code.
//
// Unsafe: looks into tables as translation does, and longer. A broken race reads freed memory and may crash: run it in a process of its own.

using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace PamuFastPath.Litmus;

/// <summary>What the writer's calls are like.</summary>
internal enum Calls
{
    /// <summary>They take rights away: publish, wait.</summary>
    Wait,

    /// <summary>They add: publish, free what can be freed without a wait.</summary>
    Reclaim,
}

/// <summary>What is wrong on purpose.</summary>
internal enum Fault
{
    None,
    LoadBeforeAnnouncing,
    LeaveBeforeUse,
    NoWait,

    /// <summary>Not the protocol: a reader throws before it is in place.</summary>
    ThrowBeforeStart,

    /// <summary>Not the protocol: the writer throws when all readers are in place.</summary>
    ThrowAfterStart,
}

/// <summary>
/// A writer publishes tables as fast as it can; readers enter short sections. A reader in a table that was freed, or whose successor's call has returned, is a
/// violation.
/// </summary>
/// <remarks>
/// Without the barrier it fails when a store buffer holds an announcement for so long that the writer swaps the table, finds the slot
/// empty and goes on. So each reader first writes to memory that is in no cache: those stores wait for their lines, and the announcement waits behind
/// them. The loads of the section do not wait.
/// </remarks>
internal sealed unsafe class PublicationRace : IDisposable
{
    private const int LineBytes = 128;
    private const int ColdBytes = 64 << 20; // far more than a cache's share of one processor
    private const int ColdStores = 48; // fewer than a store buffer holds
    private const int LooksMax = 128;
    private const ulong WindowBytes = 0x1000;

    private readonly PamuEngine _engine = new();
    private readonly PamuContainer _container;
    private readonly TableGeometry _geometry = new(0, WindowBytes - 1, 1);
    private readonly Calls _calls;
    private readonly Fault _fault;
    private readonly byte* _cold = (byte*)NativeMemory.AlignedAlloc(ColdBytes, LineBytes);
    private readonly ulong* _returned; // tables of lower generations are those that calls which have returned took away
    private long _sections;
    private long _publications;
    private int _inPlace; // readers that have been in a section
    private volatile bool _stop;
    private volatile string? _violation;

    internal PublicationRace(Calls calls, Fault fault)
    {
        _calls = calls;
        _fault = fault;
        _engine.Publisher.SkipGraceForTest = fault == Fault.NoWait;
        _container = _engine.CreateContainer();
        NativeMemory.Fill(_cold, ColdBytes, 1); // now, so that no section waits for the kernel's pages
        _returned = (ulong*)NativeMemory.AlignedAlloc(LineBytes, LineBytes);
        *_returned = 0;
    }

    /// <summary>Runs until something is wrong, or for <paramref name="duration"/>, from the moment on at which all readers are in place.</summary>
    /// <param name="duration">How long, if nothing is wrong.</param>
    /// <param name="readers">How many.</param>
    /// <param name="started">Called at that moment, before the first publication.</param>
    /// <returns>What was wrong, or null; and how much was done.</returns>
    internal (string? Violation, long Sections, long Publications) Run(TimeSpan duration, int readers, Action started)
    {
        Thread[] threads = [.. Enumerable.Range(0, readers).Select(i => new Thread(() => Read(i)))];
        Array.ForEach(threads, thread => thread.Start());
        while (Volatile.Read(ref _inPlace) < readers)
        {
            Thread.Sleep(1);
        }

        try
        {
            started();
            Write(duration);
        }
        finally
        {
            _stop = true;
            Array.ForEach(threads, thread => thread.Join()); // before what they read is freed
        }

        return (_violation, _sections, _publications);
    }

    public void Dispose()
    {
        _engine.Dispose();
        NativeMemory.AlignedFree(_cold);
        NativeMemory.AlignedFree(_returned);
    }

    private void Write(TimeSpan duration)
    {
        ThrowIf(Fault.ThrowAfterStart);
        Processor.Bind(0);
        var clock = Stopwatch.StartNew();
        TableCell* cell = _container.Cell;
        ulong generation = _container.Generation;
        Span<LiveWindow> windows = [LiveWindow.Empty];
        while (!_stop && clock.Elapsed < duration)
        {
            generation++;
            windows[0] = new LiveWindow(generation << 12, WindowBytes, DmaPermissions.ReadWrite, -1);
            TableHeader* next = TableBuilder.Build(_geometry, windows, generation, countersOffset: 0);
            ulong retiredAt = _engine.Publisher.Publish(cell, next);
            if (_calls == Calls.Wait)
            {
                _engine.Publisher.WaitForReaders(retiredAt);
                Volatile.Write(ref *_returned, generation);
            }
            else
            {
                _engine.Publisher.Reclaim();
            }

            _publications++;
        }
    }

    private void Read(int number)
    {
        ThrowIf(Fault.ThrowBeforeStart);
        Processor.Bind(1 + number);
        var random = new Random(number);
        TableCell* cell = _container.Cell;
        long sections = 0;
        while (!_stop)
        {
            using PamuReader reader = _engine.CreateReader(); // readers come and go
            for (int i = 0; i < 10_000 && !_stop; i++)
            {
                Section(reader, cell, random);
                if (sections++ == 0)
                {
                    Interlocked.Increment(ref _inPlace);
                }
            }
        }

        Interlocked.Add(ref _sections, sections);
    }

    private void Section(PamuReader reader, TableCell* cell, Random random)
    {
        int looks = random.Next(1, LooksMax);
        uint place = (uint)random.Next();
        TableHeader* early = (TableHeader*)Volatile.Read(ref *(nint*)&cell->Current);
        FillStoreBuffer(place);
        ReaderSection section = reader.Enter(_container);
        TableHeader* table = _fault == Fault.LoadBeforeAnnouncing ? early : Header(section);
        if (_fault == Fault.LeaveBeforeUse)
        {
            section.Dispose();
        }

        Look(table, looks);
        if (_fault != Fault.LeaveBeforeUse)
        {
            section.Dispose();
        }
    }

    private void Look(TableHeader* table, int looks)
    {
        ulong generation = Volatile.Read(ref table->Generation);
        for (int i = 0; i < looks; i++)
        {
            if (Volatile.Read(ref table->Magic) != TableLayout.Magic || Volatile.Read(ref table->Generation) != generation)
            {
                Fail($"a reader was in table {generation} when it was freed");
            }

            ulong returned = Volatile.Read(ref *_returned);
            if (returned > generation)
            {
                Fail($"a reader was in table {generation} after the call that published table {returned} had returned");
            }
        }
    }

    /// <summary>Stores that wait for lines from memory, one behind the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void FillStoreBuffer(uint place)
    {
        for (int i = 0; i < ColdStores; i++)
        {
            place = (place * 1_664_525) + 1_013_904_223;
            Volatile.Write(ref _cold[(place >> 6) % ColdBytes], (byte)i); // the low bits of such a sequence hardly vary
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TableHeader* Header(in ReaderSection section) =>
        (TableHeader*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(section.Table.Image));

    private void ThrowIf(Fault fault)
    {
        if (_fault == fault)
        {
            throw new InvalidOperationException("on purpose");
        }
    }

    private void Fail(string what)
    {
        _violation ??= what;
        _stop = true;
    }
}
