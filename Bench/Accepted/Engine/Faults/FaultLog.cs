using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using PamuFastPath.Diagnostics;

namespace PamuFastPath;

/// <summary>
/// A bounded, lock-free queue of refused accesses: any number of threads record, any number read. When it is full, new records are dropped
/// and counted, so the first faults of a storm, which tell most, are kept.
/// </summary>
/// <remarks>Thread-safe. Each cell carries a sequence number that says whose turn it is (a bounded multi-producer, multi-consumer ring).</remarks>
[SuppressMessage("Naming", "CA1711:Identifiers should not have incorrect suffix", Justification = "It is a log of faults.")]
public sealed class FaultLog
{
    /// <summary>Records the log of an engine holds.</summary>
    public const int DefaultCapacity = 4096;

    private readonly Cell[] _cells;
    private readonly int _mask;
    private PaddedCounter _head; // next position to write
    private PaddedCounter _tail; // next position to read
    private long _dropped;
    private readonly FaultEventLimit _events = new();

    /// <summary>Makes a log.</summary>
    /// <param name="capacity">Records it holds: a power of two, 2 to 2^24.</param>
    public FaultLog(int capacity = DefaultCapacity)
    {
        if (!BitOperations.IsPow2(capacity) || capacity is < 2 or > 1 << 24)
        {
            throw new ArgumentOutOfRangeException(nameof(capacity), capacity, "a power of two, 2 to 2^24");
        }

        _cells = new Cell[capacity];
        _mask = capacity - 1;
        for (int i = 0; i < capacity; i++)
        {
            _cells[i].Sequence = i;
        }
    }

    /// <summary>Records that found the log full.</summary>
    public long DroppedCount => Volatile.Read(ref _dropped);

    /// <summary>Faults so far, recorded or dropped.</summary>
    public long TotalCount => Volatile.Read(ref _head.Value) + DroppedCount;

    /// <summary>Faults that were not written as events, because there were too many in a second. Only counted while somebody listens.</summary>
    public long EventsSuppressed => _events.Suppressed;

    /// <summary>The number of the engine whose faults these are; 0 for none.</summary>
    internal int Engine { get; set; }

    /// <summary>Records a fault. Never waits.</summary>
    /// <returns>Whether it was kept; false if the log was full.</returns>
    public bool Record(in FaultRecord fault)
    {
        PamuEventSource.Log.FaultDone(Engine, fault, _events);

        return Append(fault);
    }

    /// <summary>The same for a fault that happened, and was told of, before: one that is restored.</summary>
    internal bool Append(in FaultRecord fault)
    {
        long position = Volatile.Read(ref _head.Value);
        while (true)
        {
            ref Cell cell = ref _cells[position & _mask];
            long turn = Volatile.Read(ref cell.Sequence) - position; // acquire: the reader that freed the cell is done with it
            if (turn == 0)
            {
                long seen = Interlocked.CompareExchange(ref _head.Value, position + 1, position);
                if (seen == position)
                {
                    cell.Fault = fault;
                    Volatile.Write(ref cell.Sequence, position + 1); // release: pairs with the acquire in TryTake
                    return true;
                }

                position = seen;
            }
            else if (turn < 0)
            {
                Interlocked.Increment(ref _dropped);
                return false;
            }
            else
            {
                position = Volatile.Read(ref _head.Value);
            }
        }
    }

    /// <summary>Takes the oldest record.</summary>
    /// <returns>False if there is none, or the oldest is still being written by another thread.</returns>
    public bool TryTake(out FaultRecord fault)
    {
        long position = Volatile.Read(ref _tail.Value);
        while (true)
        {
            ref Cell cell = ref _cells[position & _mask];
            long turn = Volatile.Read(ref cell.Sequence) - (position + 1); // acquire: pairs with the release in Record
            if (turn == 0)
            {
                long seen = Interlocked.CompareExchange(ref _tail.Value, position + 1, position);
                if (seen == position)
                {
                    fault = cell.Fault;
                    Volatile.Write(ref cell.Sequence, position + _cells.Length); // release: the cell may be written again
                    return true;
                }

                position = seen;
            }
            else if (turn < 0)
            {
                fault = default;
                return false;
            }
            else
            {
                position = Volatile.Read(ref _tail.Value);
            }
        }
    }

    /// <summary>The positions [First, End) of the records that wait now.</summary>
    internal (long First, long End) Waiting()
    {
        long first = Volatile.Read(ref _tail.Value);
        return (first, Volatile.Read(ref _head.Value));
    }

    /// <summary>Whether so many more records would find room now.</summary>
    internal bool HasRoomFor(int count)
    {
        (long first, long end) = Waiting();
        return count <= _cells.Length - (end - first);
    }

    /// <summary>
    /// Copies the records at positions [<paramref name="first"/>, <paramref name="end"/>) that still wait, and takes none. A record that is still
    /// being written is not there yet; one that is taken during the call is left out, with all before it: what is copied is never one that had
    /// been behind another that is missing.
    /// </summary>
    internal List<FaultRecord> Peek(long first, long end)
    {
        var seen = new List<(long Position, FaultRecord Fault)>();
        for (long position = Math.Max(first, end - _cells.Length); position < end; position++)
        {
            if (TryPeek(position, out FaultRecord fault))
            {
                seen.Add((position, fault));
            }
        }

        long taken = Volatile.Read(ref _tail.Value);
        return [.. seen.Where(one => one.Position >= taken).Select(one => one.Fault)];
    }

    /// <summary>Copies one record if it waits: whole, or not at all.</summary>
    private bool TryPeek(long position, out FaultRecord fault)
    {
        ref Cell cell = ref _cells[position & _mask];
        if (Volatile.Read(ref cell.Sequence) != position + 1) // acquire: pairs with the release in Append
        {
            fault = default;
            return false;
        }

        fault = cell.Fault;

        // The copy may be torn if the record was taken and the cell written again meanwhile. The number changed before that (TryTake), so looking at
        // it once more, after the copy, shows it.
        Interlocked.MemoryBarrier(); // a load barrier would do, which .NET 9 has not
        return Volatile.Read(ref cell.Sequence) == position + 1;
    }

    private struct Cell
    {
        internal long Sequence;
        internal FaultRecord Fault;
    }

    /// <summary>A counter with a cache line (and the one prefetched with it) to itself.</summary>
    [System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Explicit, Size = 256)]
    private struct PaddedCounter
    {
        [System.Runtime.InteropServices.FieldOffset(128)]
        internal long Value;
    }
}
