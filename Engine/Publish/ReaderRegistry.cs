// The readers of one engine and their slots.
//
// Unsafe: owns the native slots. Invariants:
//   - slots are allocated in chunks that never move and are freed only with the engine, so a slot pointer stays valid as long as
//     the engine, whatever becomes of its reader;
//   - a slot is written by the thread that owns its reader; writers only read it (but for removal by force);
//   - a slot is reused only after its reader was disposed outside a section: its epoch is 0 then. A slot removed by force is never
//     reused, since its reader might still write to it.

using System.Diagnostics;
using PamuFastPath.Diagnostics;

namespace PamuFastPath;

internal sealed unsafe class ReaderRegistry(CounterBook counters)
{
    private const int SlotsPerChunk = 64;

    /// <summary>Readers an engine can have at once, and slots it can ever need while none is removed by force.</summary>
    internal const int ReadersMax = 65_536;

    private readonly Lock _gate = new();
    private readonly ReaderSlot*[] _chunks = new ReaderSlot*[ReadersMax / SlotsPerChunk];
    private readonly ReaderRecord?[] _records = new ReaderRecord?[ReadersMax];
    private readonly Stack<int> _free = new();
    private int _slotCount;
    private bool _freed;

    /// <summary>Slots handed out so far; slots below it are valid to read.</summary>
    internal int SlotCount => Volatile.Read(ref _slotCount); // acquire: pairs with the release in Register, after the slot is set up

    /// <summary>The addresses of all slots there are.</summary>
    internal object Chunks => _chunks;

    internal ReaderSlot* Slot(int index) => _chunks[index / SlotsPerChunk] + index % SlotsPerChunk;

    internal ReaderRecord? Record(int index) => Volatile.Read(ref _records[index]);

    /// <summary>Registers a reader of the calling thread. The slot is handed out under the lock that <see cref="Free"/> takes it back under.</summary>
    internal ReaderRecord Register(PamuReader reader, string name, out ReaderSlot* ownSlot)
    {
        Thread thread = Thread.CurrentThread;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_freed, typeof(PamuEngine));
            bool reused = _free.TryPop(out int index);
            if (!reused)
            {
                index = _slotCount;
                if (index == ReadersMax)
                {
                    throw new PamuException(Errno.ENOMEM, "reader", $"an engine has at most {ReadersMax} readers");
                }

                ref ReaderSlot* chunk = ref _chunks[index / SlotsPerChunk];
                if (chunk == null)
                {
                    chunk = (ReaderSlot*)NativeBlocks.Take(SlotsPerChunk * ReaderSlot.SlotBytes, ReaderSlot.SlotBytes, "reader");
                }
            }

            ReaderSlot* slot = Slot(index);
            Debug.Assert(slot->Epoch == 0, "a free slot is quiescent");
            slot->OwnerThread = thread.ManagedThreadId;
            CountedReader counted;
            try
            {
                counted = counters.Join(slot);
            }
            catch
            {
                if (reused)
                {
                    _free.Push(index);
                }

                throw;
            }

            var record = new ReaderRecord(index, name, thread, reader, counted);
            Volatile.Write(ref _records[index], record);
            if (!reused)
            {
                // Release: a writer that sees the new count sees the slot set up (SlotCount).
                Volatile.Write(ref _slotCount, index + 1);
            }

            ownSlot = slot;
            return record;
        }
    }

    /// <returns>False if the reader is inside a section: its slot stays taken.</returns>
    internal bool Unregister(ReaderRecord record)
    {
        lock (_gate)
        {
            if (_freed || _records[record.Index] != record)
            {
                return true; // removed by force before, or the engine is gone
            }

            // Acquire: pairs with the release in R4, so that what the last section counted is seen.
            if (Volatile.Read(ref Slot(record.Index)->Epoch) != 0)
            {
                return false;
            }

            Volatile.Write(ref _records[record.Index], null);
            counters.Leave(record.Counted);
            _free.Push(record.Index);
            return true;
        }
    }

    /// <summary>Declares a reader dead: its section counts as ended and its slot is never used again.</summary>
    internal void RemoveByForce(ReaderRecord record)
    {
        lock (_gate)
        {
            if (!_freed && _records[record.Index] == record)
            {
                Drop(record.Index);
            }
        }
    }

    /// <summary>The same for every reader of a name: for readers whose object is lost.</summary>
    /// <returns>How many there were.</returns>
    internal int RemoveByForce(string name)
    {
        lock (_gate)
        {
            int removed = 0;
            for (int i = 0; !_freed && i < _slotCount; i++)
            {
                if (_records[i]?.Name == name)
                {
                    Drop(i);
                    removed++;
                }
            }

            return removed;
        }
    }

    private void Drop(int index)
    {
        ReaderRecord record = _records[index]!;
        if (record.Reader.TryGetTarget(out PamuReader? reader))
        {
            reader.CloseByForce(); // its slot may be freed with the engine, and the object be used after that
        }

        counters.Lose(record.Counted);
        Volatile.Write(ref _records[index], null);
        Volatile.Write(ref Slot(index)->Epoch, 0); // ends the wait of whoever waits for this slot (Publisher)
    }

    /// <summary>The names of readers that are inside a section now.</summary>
    internal List<string> NamesInSection()
    {
        var names = new List<string>();
        lock (_gate)
        {
            for (int i = 0; !_freed && i < _slotCount; i++)
            {
                if (Volatile.Read(ref Slot(i)->Epoch) != 0 && _records[i] is ReaderRecord record)
                {
                    names.Add(record.Name);
                }
            }
        }

        return names;
    }

    /// <summary>
    /// Whether the calling thread is inside a section of a reader it owns. Exact: only the thread itself could change that. Thread objects are
    /// compared: the number of a thread that died may be given to another.
    /// </summary>
    internal bool CallerIsInSection()
    {
        var caller = Thread.CurrentThread;
        lock (_gate)
        {
            for (int i = 0; !_freed && i < _slotCount; i++)
            {
                if (Volatile.Read(ref Slot(i)->Epoch) != 0 && _records[i]?.Thread == caller)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Closes every reader and frees the slots, unless a reader was still open: its thread may have the address of its slot already.</summary>
    /// <returns>Whether all had been closed before, so that nobody can be about to announce itself.</returns>
    internal bool Free()
    {
        lock (_gate)
        {
            bool isQuiet = true;
            _freed = true;
            foreach (ReaderRecord? record in _records.AsSpan(0, _slotCount))
            {
                if (record != null)
                {
                    isQuiet = false;
                    if (record.Reader.TryGetTarget(out PamuReader? reader))
                    {
                        reader.Close();
                    }
                }
            }

            if (isQuiet)
            {
                foreach (ReaderSlot* chunk in _chunks)
                {
                    NativeBlocks.Free(chunk);
                }
            }

            return isQuiet;
        }
    }
}

/// <summary>What is known of a registered reader.</summary>
internal sealed class ReaderRecord(int index, string name, Thread thread, PamuReader reader, CountedReader counted)
{
    internal int Index { get; } = index;

    internal string Name { get; } = name;

    /// <summary>Where it counts. One that was removed by force keeps its counters, as its slot, until the engine is freed.</summary>
    internal CountedReader Counted { get; } = counted;

    internal Thread Thread { get; set; } = thread;

    /// <summary>Weak, so that a reader a thread lost can be collected and give its slot back.</summary>
    internal WeakReference<PamuReader> Reader { get; } = new(reader);
}
