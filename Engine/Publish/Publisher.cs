// Publication and reclamation of tables (design decisions 2 to 4).
//
// The protocol, reader side (PamuReader.cs, ReaderSection.cs):
//   R1  announce   store the global epoch to the reader's slot            (plain store)
//   R2  load       load the cell's table pointer                          (plain load, after R1 in program order)
//   R3  use        read the table
//   R4  leave      store 0 to the slot                                    (release: R3 stays before it)
// Writer side (this file):
//   W1  swap       store the new table pointer to the cell
//   W2  advance    epoch e -> e + 1; the old table is retired at e
//   W3  barrier    process-wide: every thread passes a full fence
//   W4  scan       read the slots (acquire); wait while a slot holds an epoch in 1..e
//   W5  free       tables retired at or before e
//
// Why it holds. A processor may delay R1 past R2, so the writer can miss an announcement. Then W3, which fences the reader's
// processor, came before R1 left it; R2 comes after R1 and so after W3, and loads what W1 stored: the reader does not have the old
// table. If the writer does see the announcement, it waits for R4, and R4's release with W4's acquire puts R3 before W5. An
// announced epoch can only be too old (loaded long before R1), which makes the writer wait for a section it need not wait for.
// A reader that announces e + 1 or later loaded that epoch (acquire) after W2 and so R2 sees W1.
//
// Unsafe: owns the native epoch and frees tables. Invariants:
//   - a table is in exactly one place: unpublished (its builder's), current in one cell, or in the retired list;
//   - a retired table is freed only by Reclaim, after a barrier that followed its retirement;
//   - the epoch starts at 1, since 0 in a slot means "in no section", and at one step per publication never wraps.

using System.Diagnostics;
using PamuFastPath.Diagnostics;

namespace PamuFastPath;

internal sealed unsafe class Publisher
{
    /// <summary>Retired tables that may pile up before an adding call pays a barrier to reclaim them (64 images: 660 KiB).</summary>
    private const int RetiredBeforeReclaim = 64;

    /// <summary>
    /// Retired tables behind a section that does not end before adding calls wait for it, too (10.3 MiB): whoever drives the calls may be a guest.
    /// </summary>
    internal const int RetiredMost = 1024;

    /// <summary>How long a grace period may last before the reader it waits for is named in an event.</summary>
    internal static readonly TimeSpan LongWait = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new(); // guards the cell swap, the epoch step and the retired list
    private readonly List<Retired> _retired = [];
    private readonly ReaderRegistry _readers;
    private readonly ulong* _epoch;
    private long _published;
    private int _reclaimAt = RetiredBeforeReclaim;

    internal Publisher(ReaderRegistry readers)
    {
        _readers = readers;
        _epoch = (ulong*)NativeBlocks.Take(ReaderSlot.SlotBytes, ReaderSlot.SlotBytes, "epoch");
        *_epoch = 1;
    }

    private readonly record struct Retired(nint Table, ulong Epoch);

    /// <summary>The global epoch that readers announce.</summary>
    internal ulong* Epoch => _epoch;

    /// <summary>Tables that are replaced and not yet freed. For tests and diagnostics.</summary>
    internal int RetiredCount
    {
        get
        {
            lock (_gate)
            {
                return _retired.Count;
            }
        }
    }

    /// <summary>
    /// Test hook: when set, grace periods do not wait and do not fence. The concurrency tests set it to see themselves fail.
    /// </summary>
    internal bool SkipGraceForTest { get; set; } = BrokenGrace.SkipsAll;

    /// <summary>Told of a grace period that lasts long, under the control lock: the reader's name, milliseconds. Null: nobody.</summary>
    internal Action<string, long>? WaitsLong { get; set; }

    /// <summary>Tables published so far, the first ones of containers not counted.</summary>
    internal long PublishedCount => Volatile.Read(ref _published);

    /// <summary>The engine's number, for events.</summary>
    internal int Engine { get; set; }

    /// <summary>
    /// Makes <paramref name="next"/> the current table of <paramref name="cell"/> (W1, W2). Does not wait; the old table is freed later.
    /// </summary>
    /// <returns>The epoch that a grace period for the old table has to outwait.</returns>
    internal ulong Publish(TableCell* cell, TableHeader* next)
    {
        ulong retiredAt;
        bool reclaim;
        lock (_gate)
        {
            TableHeader* old = cell->Current;
            Debug.Assert(old != null && old != next, "a cell always has a table, and a new one is new");

            // W1. Release: the image is written before it can be seen. Other side: R2, the acquire load in ReaderSection.
            Volatile.Write(ref *(nint*)&cell->Current, (nint)next);

            // W2. Release: a reader that loads the new epoch (acquire, R1) sees the new pointer.
            retiredAt = *_epoch;
            Volatile.Write(ref *_epoch, retiredAt + 1);

            _published++;
            _retired.Add(new Retired((nint)old, retiredAt));
            reclaim = _retired.Count >= _reclaimAt;
        }

        if (reclaim)
        {
            Reclaim();
        }

        return retiredAt;
    }

    /// <summary>Counts an epoch without a new table: for rights that are not in a table, such as an entry of the LIODN map.</summary>
    internal ulong Advance()
    {
        lock (_gate)
        {
            ulong passed = *_epoch;
            Volatile.Write(ref *_epoch, passed + 1);
            return passed;
        }
    }

    /// <summary>
    /// W3 to W5: returns when no reader can still be using anything that was current at <paramref name="epoch"/> or before.
    /// The caller must not be inside a section of its own (<see cref="ReaderRegistry.CallerIsInSection"/>).
    /// </summary>
    internal void WaitForReaders(ulong epoch)
    {
        Debug.Assert(!_readers.CallerIsInSection(), "waiting for oneself would never end");
        if (SkipGraceForTest)
        {
            FreeRetired(epoch);
            return;
        }

        // W3. Other side: R1 and R2, which have no fence between them. It must come after W1 and before the first slot is read;
        // without it a reader's announcement may still be in its store buffer while the reader already holds the old table.
        FenceAllThreads();

        int count = _readers.SlotCount; // after the barrier: a reader that registers later sees the new table
        for (int i = 0; i < count; i++)
        {
            ReaderSlot* slot = _readers.Slot(i);
            if (MayHoldOld(slot, epoch))
            {
                WaitForReader(i, slot, epoch);
            }
        }

        FreeRetired(epoch);
    }

    /// <summary>Whether readers hold so many replaced tables that the next publication has to wait for them.</summary>
    internal bool IsFull()
    {
        if (RetiredCount >= RetiredMost)
        {
            Reclaim(); // whoever held them may have left since
        }

        return RetiredCount >= RetiredMost;
    }

    /// <summary>Frees what no reader can hold any more, without waiting for anybody.</summary>
    internal void Reclaim()
    {
        ulong newest;
        lock (_gate)
        {
            newest = *_epoch - 1;
        }

        FenceAllThreads(); // as W3, for everything retired up to `newest`
        ulong oldestActive = ulong.MaxValue;
        int count = _readers.SlotCount;
        for (int i = 0; i < count; i++)
        {
            ulong announced = Volatile.Read(ref _readers.Slot(i)->Epoch);
            if (announced != 0)
            {
                oldestActive = Math.Min(oldestActive, announced);
            }
        }

        // A section that announced a holds tables that were current at a or later: those retired before a are nobody's.
        FreeRetired(Math.Min(newest, oldestActive - 1));
    }

    /// <summary>Frees the tables, after a grace period for all of them. The epoch only when no reader can exist any more.</summary>
    internal void Free(bool withEpoch)
    {
        FreeRetired(ulong.MaxValue);
        if (withEpoch)
        {
            NativeBlocks.Free(_epoch);
        }
    }

    /// <summary>W4, one look. Acquire: pairs with the release in R4, so that the reader's last use of the table is over.</summary>
    private static bool MayHoldOld(ReaderSlot* slot, ulong epoch)
    {
        ulong announced = Volatile.Read(ref slot->Epoch);
        return announced != 0 && announced <= epoch;
    }

    private static void FenceAllThreads()
    {
        if (!BrokenGrace.SkipsBarrier)
        {
            Interlocked.MemoryBarrierProcessWide();
        }
    }

    private void WaitForReader(int index, ReaderSlot* slot, ulong epoch)
    {
        long started = Environment.TickCount64;
        bool reported = false;
        var spin = new SpinWait();
        while (MayHoldOld(slot, epoch))
        {
            // Never Sleep(1) in the beginning: sections last nanoseconds and an unmap should too.
            spin.SpinOnce(sleep1Threshold: 1_000);
            if (!reported && spin.NextSpinWillYield && Environment.TickCount64 - started > (long)LongWait.TotalMilliseconds)
            {
                reported = true;
                ReportLongWait(index, started);
            }
        }
    }

    private void ReportLongWait(int index, long started)
    {
        if (_readers.Record(index) is ReaderRecord record)
        {
            long milliseconds = Environment.TickCount64 - started;
            PamuEventSource.Log.GraceWaitLong(record.Name, milliseconds, record.Thread.IsAlive, Engine);
            WaitsLong?.Invoke(record.Name, milliseconds);
        }
    }

    private void FreeRetired(ulong upTo)
    {
        lock (_gate)
        {
            int kept = 0;
            for (int i = 0; i < _retired.Count; i++)
            {
                Retired retired = _retired[i];
                if (retired.Epoch <= upTo)
                {
                    TableBuilder.Free((TableHeader*)retired.Table);
                }
                else
                {
                    _retired[kept++] = retired;
                }
            }

            _retired.RemoveRange(kept, _retired.Count - kept);

            // A reader parked in a section keeps tables alive; then the next attempt comes only after as many again.
            _reclaimAt = kept + RetiredBeforeReclaim;
        }
    }
}
