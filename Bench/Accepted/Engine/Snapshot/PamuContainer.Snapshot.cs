namespace PamuFastPath;

/// <summary>
/// Says where memory is now that was at a <c>vaddr</c> when a container was saved. Asked once per DMA window, inside
/// <see cref="PamuContainer.Restore(ReadOnlySpan{byte}, MovedMemory?)"/>, under the control lock; it must not make control calls.
/// </summary>
/// <param name="vaddr">Where the window's memory was.</param>
/// <param name="length">Its bytes.</param>
/// <param name="now">Where it is now, on a page; the platform's page source is then asked for its target.</param>
/// <returns>Whether it is the container's to use; false refuses the snapshot with EFAULT, as does an exception.</returns>
public delegate bool MovedMemory(ulong vaddr, ulong length, out ulong now);

/// <summary>Save and restore. The format is docs/snapshot.md.</summary>
public sealed unsafe partial class PamuContainer
{
    /// <summary>
    /// The container as bytes, of one moment: the platform it needs, geometry, windows, MSI banks, stash, groups, generation, and the faults of its
    /// groups' devices that wait in the engine's log (which stay there). Takes no lock and may be called anywhere, also inside sections and
    /// beside control calls, of which the snapshot holds all or nothing; an open transaction is not in it. A fault that is taken from the log
    /// during the call may be missing.
    /// </summary>
    /// <exception cref="PamuException">EBADF: the container is closed.</exception>
    public byte[] Save()
    {
        ContainerState state;
        (long First, long End) waiting;
        do
        {
            // The log is looked at between two looks at the state: both are of the same moment if it did not change.
            state = State;
            waiting = Engine.Faults.Waiting();
        }
        while (!ReferenceEquals(state, State));

        if (state.IsDisposed)
        {
            throw new PamuException(Errno.EBADF, "container", "the container is open");
        }

        return SnapshotWriter.Write(Engine.Platform, state, FaultsOf(state, waiting.First, waiting.End));
    }

    /// <summary>The same into a stream, in one write. What the stream throws is passed on.</summary>
    /// <param name="stream">Receives the snapshot.</param>
    /// <exception cref="PamuException">EBADF: the container is closed.</exception>
    public void Save(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        stream.Write(Save());
    }

    /// <summary>
    /// Makes this container, which must be fresh, what a snapshot says: everything, published as one table, and in bound hardware, too; or nothing
    /// at all. A group of the snapshot is made if its number is free; one that is there already is used if it has the same LIODNs and MSI banks and
    /// is in no container. The faults go to the end of the engine's log.
    /// </summary>
    /// <remarks>
    /// A snapshot may be anything, this refuses or restores a valid container. But it decides which addresses devices reach, in hardware, too: pass
    /// <paramref name="moved"/> to say so yourself, window by window, if you don't trust where it comes from.
    /// </remarks>
    /// <param name="snapshot">The snapshot, nothing before and nothing behind it.</param>
    /// <param name="moved">
    /// Says where memory is now. Null: vaddrs and targets are as they were saved, and the page source is not asked.
    /// </param>
    /// <exception cref="PamuException">
    /// EINVAL: truncated, altered, not a snapshot, or a state that control calls don't leave. EPROTO: of a newer version. EXDEV: of another
    /// platform; the message says what differs. EBUSY: the container is not fresh, a group's number or LIODN is taken, or the fault log has no room.
    /// EFAULT: memory is not there. EBADF: the container is closed. EDEADLK: with a transaction open on this thread. ENOMEM. Or what bound hardware answered.
    /// </exception>
    public void Restore(ReadOnlySpan<byte> snapshot, MovedMemory? moved = null) =>
        Restore(SnapshotReader.Read(snapshot, Engine.Platform), moved).ThrowIfRefused();

    /// <summary>
    /// The same from a stream, of which exactly one snapshot is read. What the stream throws is passed on. Memory is taken as the bytes arrive,
    /// whatever length they claim.
    /// </summary>
    /// <param name="stream">Where the snapshot begins.</param>
    /// <param name="moved">Says where memory is now; null: as saved.</param>
    /// <exception cref="PamuException">As <see cref="Restore(ReadOnlySpan{byte}, MovedMemory?)"/>.</exception>
    public void Restore(Stream stream, MovedMemory? moved = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        Restore(PamuSnapshot.Read(stream), moved);
    }

    private Refusal Restore(SnapshotContent content, MovedMemory? moved)
    {
        using ControlTurn turn = Engine.TakeTurn(out Refusal refusal);
        if (refusal.IsRefused)
        {
            return refusal;
        }

        if (_state.IsDisposed)
        {
            return new Refusal(Errno.EBADF, "container", "the container is open");
        }

        if (!ControlRules.IsFresh(_state))
        {
            return Refusal.Busy("container", "fresh: nothing set, no group");
        }

        ContainerState next = content.State;
        if (moved != null && ControlRules.Move(Engine.Platform, next, moved, out next) is { IsRefused: true } notThere)
        {
            return notThere;
        }

        if (!Engine.Faults.HasRoomFor(content.Faults.Length))
        {
            return Refusal.Busy("faults", $"the fault log has room for the snapshot's {content.Faults.Length}");
        }

        using var groups = new GroupsInHand(Engine);
        refusal = Engine.FindOrMake(content.Groups, groups);
        if (refusal.IsRefused)
        {
            return refusal;
        }

        next = next with { Groups = [.. groups.All] };
        if (next.Generation == _generation && LiveChange.Between(_state, next) != LiveChange.None)
        {
            return Refusal.Invalid("generation", "what devices can reach has changed since the first table, so it is not the first");
        }

        refusal = Commit(next);
        if (refusal.IsRefused)
        {
            return refusal;
        }

        groups.Keep();
        foreach (ref readonly FaultRecord fault in content.Faults.AsSpan())
        {
            Engine.Faults.Append(fault); // if other devices filled the log meanwhile: dropped and counted, as always
        }

        return Refusal.None;
    }

    /// <summary>The faults at these positions of the log that belong to the groups' devices.</summary>
    private List<FaultRecord> FaultsOf(ContainerState state, long first, long end)
    {
        if (first == end)
        {
            return [];
        }

        var liodns = new HashSet<uint>();
        foreach (PamuGroup group in state.Groups)
        {
            foreach (int liodn in group.Liodns)
            {
                liodns.Add((uint)liodn);
            }
        }

        List<FaultRecord> faults = Engine.Faults.Peek(first, end);
        faults.RemoveAll(fault => !liodns.Contains(fault.Liodn) || !FaultChunk.IsFault(fault));
        return faults;
    }
}
