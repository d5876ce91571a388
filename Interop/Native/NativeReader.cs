// A reader whose sections are entered by the inline half of pamu.h.
//
// Unsafe: writes to the caller's pamu_reader. Invariants:
//   - the block is the caller's until the reader is closed: by unregistering it, by removing it by force, or with its engine;
//   - a closed block has the closed slot, which sends the inline half to the closed table before it reads another field; both live as long as the process.
//     It is closed before its own slot can be another reader's;
//   - slot, epoch, LIODN cells and the cell of unknown LIODNs are the engine's, which frees none of them while a block of its may be open.

using System.Collections.Concurrent;
using System.Diagnostics;

namespace PamuFastPath.Native;

internal sealed unsafe class NativeReader
{
    private static readonly ConcurrentDictionary<nint, NativeReader> Registered = new();
    private static long LastNumber;

    private readonly Lock _gate = new(); // guards the block's being filled in and closed
    private readonly ReaderBlock* _block;
    private ulong _owner = Threads.Self();
    private bool _isClosed;

    private NativeReader(NativeEngine engine, ReaderBlock* block, string name)
    {
        Engine = engine;
        _block = block;
        Reader = new PamuReader(engine.Engine, name, Close); // may be closed with its engine at any time from here on
    }

    internal NativeEngine Engine { get; }

    internal PamuReader Reader { get; }

    internal bool IsOwnThread => Volatile.Read(ref _owner) == Threads.Self();

    /// <summary>Whether it was unregistered, removed, or its engine destroyed.</summary>
    internal bool IsClosed => Reader.Slot == PamuReader.ClosedSlot;

    /// <summary>The reader registered in a block; the block itself is not read.</summary>
    internal static NativeReader? Find(ReaderBlock* block) => Registered.GetValueOrDefault((nint)block);

    /// <summary>Registers the calling thread.</summary>
    internal static int Register(NativeEngine engine, ReaderBlock* block, string name)
    {
        if (Find(block) != null)
        {
            return Answer.Refuse(Errno.EBUSY, "reader", "not registered yet");
        }

        var reader = new NativeReader(engine, block, name);
        lock (reader._gate)
        {
            if (reader._isClosed)
            {
                return Answer.NotOpen("engine"); // it was destroyed meanwhile
            }

            if (Registered.TryAdd((nint)block, reader))
            {
                reader.Fill();
                Interlocked.Increment(ref engine.ReaderCount);
                return 0;
            }
        }

        reader.Reader.Dispose();
        return Answer.Refuse(Errno.EBUSY, "reader", "not registered yet");
    }

    /// <summary>Makes the calling thread the owner.</summary>
    internal void TakeOver()
    {
        Reader.TakeOver();
        Volatile.Write(ref _owner, Threads.Self());
        _block->Owner = _owner;
    }

    /// <summary>Declares the reader's thread dead.</summary>
    internal void RemoveByForce() => Reader.RemoveByForce();

    private void Fill()
    {
        LiodnMap liodns = Engine.Engine.Liodns;
        *_block = new ReaderBlock
        {
            Slot = Reader.Slot,
            Epoch = Engine.Engine.Publisher.Epoch,
            Liodns = liodns.Cells,
            Unknown = liodns.Unknown,
            Closed = PamuEngine.ClosedCell->Current,
            LiodnCount = liodns.Count,
            Owner = _owner,
            Number = (ulong)Interlocked.Increment(ref LastNumber),
            Self = _block,
            Counters = ReaderBlock.AskSlot,
        };
    }

    /// <summary>From now on the block leads to a table that refuses everything.</summary>
    private void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            if (!Registered.TryRemove(KeyValuePair.Create((nint)_block, this)))
            {
                return;
            }

            Interlocked.Decrement(ref Engine.ReaderCount);
            Debug.Assert(_block->Closed == PamuEngine.ClosedCell->Current, "the closed table never changes");
            _block->Number = 0;

            // Only the slot: the reader's thread may be on its way through the other fields now, and reads none of them once it sees a closed slot.
            Volatile.Write(ref *(nint*)&_block->Slot, (nint)PamuReader.ClosedSlot);
        }
    }
}
