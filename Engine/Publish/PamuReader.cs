// A reader: the right of one thread to enter sections.
//
// Unsafe: holds native pointers to its slot and to the engine's epoch. Invariants:
//   - both stay valid as long as the engine (ReaderRegistry, Publisher); a disposed or removed reader points at a slot that is
//     never quiescent instead, which sends Enter to its slow path, and that throws;
//   - Enter is called by the owning thread only (asserted in debug builds).

using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace PamuFastPath;

/// <summary>
/// One thread's access to the engine's tables. Make one per thread with <see cref="PamuEngine.CreateReader"/>, keep it, and enter
/// a section around each access or around many.
/// </summary>
/// <remarks>
/// Not thread-safe: a reader belongs to the thread that made it, until <see cref="TakeOver"/>. Entering and leaving are plain
/// stores; they never wait, lock or allocate. A section that is held keeps every unmap in the engine waiting, and after 1,024
/// replaced tables every call that publishes one. A control call that would wait for a section of its own thread is EDEADLK; sections of other engines
/// are not looked at: whoever has several leaves all before a control call to one.
/// </remarks>
public sealed unsafe class PamuReader : IDisposable
{
    /// <summary>What the slot pointer of a closed reader points at: never quiescent, so that Enter cannot take the fast path.</summary>
    internal static ReaderSlot* ClosedSlot => ClosedPlaces.Slot;

    private readonly PamuEngine _engine;
    private readonly ReaderRecord _record;
    private readonly LiodnMap _liodns;
    private readonly ulong* _epoch;
    private readonly Action? _closing;
    private ReaderSlot* _slot;

    /// <param name="engine">Whose tables are read.</param>
    /// <param name="name">For events and errors.</param>
    /// <param name="closing">Called when the reader is closed, before its slot can be anybody else's or be freed. Null: nobody.</param>
    internal PamuReader(PamuEngine engine, string name, Action? closing = null)
    {
        _engine = engine;
        _closing = closing;
        _liodns = engine.Liodns;
        _epoch = engine.Publisher.Epoch;
        _record = engine.Readers.Register(this, name, out _slot);
    }

    /// <summary>Gives the slot back when a thread lost its reader; one that is inside a section is asked again until the section has ended.</summary>
    ~PamuReader()
    {
        // A constructor that threw leaves no record.
        if (_record != null && !_engine.Readers.Unregister(_record))
        {
            GC.ReRegisterForFinalize(this);
        }
    }

    /// <summary>The engine whose tables this reader reads.</summary>
    public PamuEngine Engine => _engine;

    /// <summary>The name given at creation; events and errors use it.</summary>
    public string Name => _record.Name;

    /// <summary>Whether the reader is inside a section.</summary>
    public bool IsInSection
    {
        get
        {
            ReaderSlot* slot = _slot; // once: another thread may close the reader by force
            return slot != ClosedSlot && slot->Epoch != 0;
        }
    }

    /// <summary>
    /// Enters a section on a container's current table. Whatever control calls do meanwhile, the table stays as it is until the
    /// section is left. Sections nest; the outermost counts. The container must be of this reader's engine: debug builds check it.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The reader is closed.</exception>
    /// <exception cref="NullReferenceException">There is no container.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReaderSection Enter(PamuContainer container)
    {
        ReaderSlot* slot = _slot;
        ref nint cell = ref container.CellPlace; // throws for null here: after the announcement nobody would take it back
        CheckOwn(container);
        bool nested = Announce(slot);
        return new ReaderSection(slot, PamuContainer.CellIn(ref cell), nested);
    }

    /// <summary>
    /// Enters a section on the table of the container that holds a LIODN. A LIODN nobody holds has a table whose every access is
    /// <see cref="FaultKind.UnknownLiodn"/>.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The reader is closed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReaderSection Enter(uint liodn)
    {
        ReaderSlot* slot = _slot;
        bool nested = Announce(slot);
        return new ReaderSection(slot, _liodns.Cell(liodn), nested);
    }

    /// <summary>One access in a section of its own, by container.</summary>
    /// <param name="container">The container whose table is used.</param>
    /// <param name="iova">First IOVA of the access.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="access">Direction, seen from the device.</param>
    /// <exception cref="ObjectDisposedException">The reader is closed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Translation Translate(PamuContainer container, ulong iova, ulong length, DmaAccess access)
    {
        ReaderSlot* slot = _slot;
        ref nint cell = ref container.CellPlace; // throws for null here: after the announcement nobody would take it back
        CheckOwn(container);
        if (slot->Epoch != 0)
        {
            return TranslateNested(container, iova, length, access);
        }

        // The same steps as Enter, Translate, Dispose; written out because translation cannot throw, so no `finally` is needed, and
        // because the nested case is already told apart.
        AnnounceOutermost(slot);
        var section = new ReaderSection(slot, PamuContainer.CellIn(ref cell), nested: false);
        Translation answer = section.Translate(iova, length, access);
        section.Dispose();
        return answer;
    }

    /// <summary>One access in a section of its own, by the LIODN the device's accesses carry.</summary>
    /// <param name="liodn">Any value; one nobody holds answers <see cref="FaultKind.UnknownLiodn"/>.</param>
    /// <param name="iova">First IOVA of the access.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="access">Direction, seen from the device.</param>
    /// <exception cref="ObjectDisposedException">The reader is closed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Translation Translate(uint liodn, ulong iova, ulong length, DmaAccess access)
    {
        ReaderSlot* slot = _slot;
        if (slot->Epoch != 0)
        {
            return TranslateNested(liodn, iova, length, access);
        }

        AnnounceOutermost(slot);
        var section = new ReaderSection(slot, _liodns.Cell(liodn), nested: false);
        Translation answer = section.Translate(iova, length, access);
        section.Dispose();
        return answer;
    }

    /// <summary>Makes the calling thread the owner. The reader must be outside its sections, and the old owner must be done with it.</summary>
    /// <exception cref="InvalidOperationException">The reader is inside a section.</exception>
    public void TakeOver()
    {
        if (IsInSection)
        {
            throw new InvalidOperationException($"reader '{Name}' is inside a section");
        }

        _slot->OwnerThread = Environment.CurrentManagedThreadId;
        _record.Thread = Thread.CurrentThread;
    }

    /// <summary>
    /// Declares this reader dead from another thread: a section it is in counts as ended. For readers whose thread died inside a
    /// section, and only for those: a live one would go on reading memory that may be freed. Closes the reader.
    /// </summary>
    public void RemoveByForce() => _engine.Readers.RemoveByForce(_record);

    /// <summary>Gives the slot back. The reader must be outside its sections.</summary>
    /// <exception cref="InvalidOperationException">The reader is inside a section.</exception>
    public void Dispose()
    {
        if (IsInSection)
        {
            throw new InvalidOperationException($"reader '{Name}' is inside a section");
        }

        Close();
        GC.SuppressFinalize(this);
    }

    /// <summary>R1 of the protocol in Publisher.cs.</summary>
    /// <returns>Whether the reader was in a section already, whose older announcement then stays.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Announce(ReaderSlot* slot)
    {
        if (slot->Epoch != 0)
        {
            AssertUsable(slot);
            return true;
        }

        AnnounceOutermost(slot);
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void AnnounceOutermost(ReaderSlot* slot)
    {
        Debug.Assert(slot->Epoch == 0, "the reader is in no section");
        Debug.Assert(slot->OwnerThread == Environment.CurrentManagedThreadId, "a reader belongs to one thread");

        // R1. The epoch is loaded with acquire, so that a reader which announces e + 1 also sees the pointer swapped before the
        // epoch became e + 1 (W2 in Publisher). The announcement must stand before the table load (R2) in program order: the writer's
        // process-wide barrier (W3) makes up for the fence that is missing here, but not for a compiler that swaps the two.
        Volatile.Write(ref slot->Epoch, Volatile.Read(ref *_epoch));
        GC.KeepAlive(this); // until the announcement is made, a finalizer could take the slot for a free one
    }

    /// <summary>
    /// Another engine's grace periods do not look at this reader. Checked in debug builds only: it would cost a tenth of an access.
    /// </summary>
    [Conditional("DEBUG")]
    private void CheckOwn(PamuContainer container)
    {
        if (container.Engine != _engine)
        {
            throw new ArgumentException($"reader '{Name}' reads containers of its own engine only", nameof(container));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Translation TranslateNested(PamuContainer container, ulong iova, ulong length, DmaAccess access)
    {
        using ReaderSection section = Enter(container);
        return section.Translate(iova, length, access);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Translation TranslateNested(uint liodn, ulong iova, ulong length, DmaAccess access)
    {
        using ReaderSection section = Enter(liodn);
        return section.Translate(iova, length, access);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AssertUsable(ReaderSlot* slot)
    {
        if (slot == ClosedSlot)
        {
            throw new ObjectDisposedException(nameof(PamuReader), $"reader '{Name}' is closed");
        }
    }

    /// <summary>Where the announcements go: the closed slot once the reader is closed.</summary>
    internal ReaderSlot* Slot => _slot;

    /// <summary>The thread the reader belongs to.</summary>
    internal Thread OwnerThread => _record.Thread;

    /// <summary>From now on every Enter throws. Called by this class, and by the engine when it is disposed.</summary>
    internal void Close()
    {
        if (_slot != ClosedSlot)
        {
            CloseByForce();
            _engine.Readers.Unregister(_record);
        }
    }

    /// <summary>The same, but the slot is not given back.</summary>
    internal void CloseByForce()
    {
        _closing?.Invoke();
        _slot = ClosedSlot;
    }
}
