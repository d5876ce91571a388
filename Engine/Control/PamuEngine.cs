// One emulated machine.
//
// Unsafe: owns the cells whose tables refuse everything: the one of unknown LIODNs lives as long as the engine, the one of closed
// containers as long as the process, so that whoever kept a pointer to it never finds it gone.

using System.Collections.Immutable;
using PamuFastPath.Diagnostics;

namespace PamuFastPath;

/// <summary>One emulated machine: its platform, LIODN map, readers, containers and fault log. Everything else is made here.</summary>
/// <remarks>Thread-safe. Dispose it last: it closes readers and containers and frees all tables.</remarks>
public sealed unsafe partial class PamuEngine : IDisposable
{
    private static readonly List<object> KeptForReaders = []; // so that leak checkers see that somebody has it

    private readonly Lock _control = new(); // held for a whole control call, its grace period included
    private readonly Lock _names = new(); // guards the dictionaries; never held while anybody waits
    private readonly Dictionary<int, PamuContainer> _containers = [];
    private readonly Dictionary<int, PamuGroup> _groups = [];
    private readonly HashSet<int> _heldLiodns = [];
    private readonly TableCell* _unknownCell;
    private bool _inTurn;
    private bool _isDisposed;

    /// <summary>Makes an engine.</summary>
    /// <param name="platform">What the machine is like; null for the defaults.</param>
    /// <exception cref="PamuException">ENOMEM.</exception>
    public PamuEngine(PamuPlatform? platform = null)
    {
        Platform = platform ?? new PamuPlatform();
        ClosedPlaces.Make();
        Counters = new CounterBook(Platform.MsiBanks.Count);
        Readers = new ReaderRegistry(Counters);
        Publisher = new Publisher(Readers);
        try
        {
            _unknownCell = TableCell.Make(TableBuilder.BuildRefusing(FaultKind.UnknownLiodn));
            Liodns = new LiodnMap(Platform.LiodnCount, _unknownCell);
        }
        catch
        {
            TableCell.Free(_unknownCell);
            Publisher.Free(withEpoch: true);
            throw;
        }

        _countingWhen = Platform.Counting;
        _countsWindows = Platform.CountsWindows;
        Number = EngineList.Add(this); // from here on others see it
        Faults.Engine = Number;
        Publisher.Engine = Number;
        FollowObservers();
    }

    /// <summary>The engine's number in this process, from 1: what events and instruments call it.</summary>
    public int Number { get; }

    /// <summary>What the machine is like.</summary>
    public PamuPlatform Platform { get; }

    /// <summary>The refused accesses that DMA ports recorded.</summary>
    public FaultLog Faults { get; } = new();

    /// <summary>The open containers, by number.</summary>
    public IReadOnlyList<PamuContainer> Containers
    {
        get
        {
            lock (_names)
            {
                return [.. _containers.Values];
            }
        }
    }

    /// <summary>The groups, in a container or not.</summary>
    public IReadOnlyList<PamuGroup> Groups
    {
        get
        {
            lock (_names)
            {
                return [.. _groups.Values];
            }
        }
    }

    /// <summary>Names of the readers that are inside a section at this moment.</summary>
    public IReadOnlyList<string> ReadersInSection => Readers.NamesInSection();

    internal CounterBook Counters { get; }

    internal ControlCounts Control { get; } = new();

    internal ReaderRegistry Readers { get; }

    internal Publisher Publisher { get; }

    internal LiodnMap Liodns { get; }

    /// <summary>What readers of a closed container find.</summary>
    internal static TableCell* ClosedCell => ClosedPlaces.Cell;

    /// <summary>Told of each table that is published, under the control lock: container, generation, nanoseconds. Null: nobody.</summary>
    internal Action<int, ulong, long>? Published { get; set; }

    /// <summary>Opens a container. Its number is the smallest that is free.</summary>
    /// <exception cref="PamuException">ENOMEM.</exception>
    public PamuContainer CreateContainer() => CreateContainer(cellCopy: null);

    /// <summary>The same, with a copy of the cell pointer kept up to date where native code reads it; it stays valid as long as the engine.</summary>
    internal PamuContainer CreateContainer(nint* cellCopy)
    {
        lock (_names)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            int fd = 0;
            while (_containers.ContainsKey(fd))
            {
                fd++;
            }

            var container = new PamuContainer(this, fd, cellCopy);
            _containers.Add(fd, container);
            return container;
        }
    }

    /// <summary>Finds an open container by its number.</summary>
    /// <returns>The container, or null.</returns>
    public PamuContainer? FindContainer(int fd)
    {
        lock (_names)
        {
            return _containers.GetValueOrDefault(fd);
        }
    }

    /// <summary>Makes a group.</summary>
    /// <param name="id">Its number, unique in this engine.</param>
    /// <param name="liodns">
    /// The LIODNs its devices carry, 0 to 65,535, held by no other group. One beyond the platform's count is refused when the group is attached.
    /// </param>
    /// <param name="msiBanks">Indices of the MSI banks its devices use.</param>
    /// <exception cref="PamuException">EBUSY: the number or a LIODN is taken. EINVAL: no LIODN number. ENODEV: no such bank.</exception>
    public PamuGroup CreateGroup(int id, IEnumerable<int> liodns, IEnumerable<int> msiBanks)
    {
        ImmutableArray<int> own = [.. liodns];
        ImmutableArray<int> banks = [.. msiBanks];
        lock (_names)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_groups.ContainsKey(id))
            {
                throw new PamuException(Errno.EBUSY, nameof(id), $"there is a group {id} already");
            }

            foreach (int liodn in own)
            {
                if (liodn is < 0 or > ushort.MaxValue || own.IndexOf(liodn) != own.LastIndexOf(liodn))
                {
                    throw new PamuException(Errno.EINVAL, nameof(liodns), $"{liodn} is no LIODN, or named twice");
                }

                if (_heldLiodns.Contains(liodn))
                {
                    throw new PamuException(Errno.EBUSY, nameof(liodns), $"LIODN 0x{liodn:x} is held by another group");
                }
            }

            foreach (int bank in banks)
            {
                if ((uint)bank >= (uint)Platform.MsiBanks.Count)
                {
                    throw new PamuException(Errno.ENODEV, nameof(msiBanks), $"there is no MSI bank {bank}");
                }
            }

            var group = new PamuGroup(this, id, own, banks);
            _groups.Add(id, group);
            _heldLiodns.UnionWith(own);
            return group;
        }
    }

    /// <summary>Removes a group that is in no container; its number and LIODNs are free again.</summary>
    /// <exception cref="PamuException">EBUSY: the group is in a container. EINVAL: not a group of this engine. EDEADLK.</exception>
    public void RemoveGroup(PamuGroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        using ControlTurn turn = TakeTurn(out Refusal refusal); // not inside a transaction, which may be about to attach it
        refusal.ThrowIfRefused();
        if (group.Container != null)
        {
            throw new PamuException(Errno.EBUSY, nameof(group), "the group is in a container");
        }

        lock (_names)
        {
            if (_groups.GetValueOrDefault(group.Id) != group)
            {
                throw new PamuException(Errno.EINVAL, nameof(group), "a group of this engine");
            }

            Forget(group);
        }
    }

    /// <summary>Finds a group by its number.</summary>
    /// <returns>The group, or null.</returns>
    public PamuGroup? FindGroup(int id)
    {
        lock (_names)
        {
            return _groups.GetValueOrDefault(id);
        }
    }

    /// <summary>
    /// Declares the readers of a name dead, as <see cref="PamuReader.RemoveByForce"/>: for those whose object went with their thread. Only for
    /// readers that will never read again.
    /// </summary>
    /// <returns>How many readers had the name.</returns>
    public int RemoveReadersByForce(string name) => Readers.RemoveByForce(name);

    /// <summary>Registers the calling thread as a reader.</summary>
    /// <param name="name">A name for events and errors; default: the thread's.</param>
    /// <exception cref="PamuException">ENOMEM: the engine has its limit of 65,536 readers, or there is no memory for one more.</exception>
    public PamuReader CreateReader(string? name = null) =>
        new(this, name ?? Thread.CurrentThread.Name ?? $"thread {Environment.CurrentManagedThreadId}");

    /// <summary>Closes containers and readers and frees every table. No reader may be inside a section.</summary>
    /// <exception cref="InvalidOperationException">A reader is inside a section.</exception>
    public void Dispose()
    {
        // Before the lock: whoever holds it may be waiting for this thread's section.
        if (Readers.CallerIsInSection())
        {
            throw new InvalidOperationException("the calling thread is inside a reader section");
        }

        lock (_control)
        {
            if (_isDisposed)
            {
                return;
            }

            if (Readers.NamesInSection() is [string first, ..])
            {
                throw new InvalidOperationException($"reader '{first}' is inside a section");
            }

            while (NextToClose() is PamuContainer container)
            {
                container.Dispose();
            }

            EventFeed.WriteLast(this);
            EngineList.Remove(this);
            bool isQuiet = Readers.Free();
            Publisher.Free(withEpoch: isQuiet);
            nint[] counters = Counters.Free(isQuiet);
            if (isQuiet)
            {
                Liodns.Free();
                TableCell.Free(_unknownCell);
            }
            else
            {
                KeepWhatReadersTouch(counters);
            }
        }
    }

    /// <summary>A container that is still open. When there is none, the engine is closed, and none is made any more.</summary>
    private PamuContainer? NextToClose()
    {
        lock (_names)
        {
            PamuContainer? next = _containers.Values.FirstOrDefault();
            _isDisposed = next == null;
            return next;
        }
    }

    /// <summary>
    /// A reader that was still open may be between loading its slot's address and announcing itself there. What it reads and counts in then stays for
    /// ever: 30 KiB and its counters, paid by whoever closes an engine before its readers.
    /// </summary>
    private void KeepWhatReadersTouch(nint[] counters)
    {
        lock (KeptForReaders)
        {
            KeptForReaders.AddRange([Readers.Chunks, (nint)Publisher.Epoch, (nint)Liodns.Cells, (nint)_unknownCell, counters]);
        }
    }

    internal void Forget(PamuContainer container)
    {
        lock (_names)
        {
            _containers.Remove(container.Fd);
        }
    }

    /// <summary>Takes the control lock for one call; refused inside another call or a transaction of the same thread.</summary>
    internal ControlTurn TakeTurn(out Refusal refusal)
    {
        refusal = BeginTurn();
        return new ControlTurn(refusal.IsRefused ? null : this);
    }

    internal Refusal BeginTurn()
    {
        if (!_control.TryEnter())
        {
            // Whoever holds the lock may be waiting for this thread's section to end.
            if (Readers.CallerIsInSection())
            {
                return Refusal.Deadlock("caller", "inside a reader section, no control call is made while another thread makes one");
            }

            _control.Enter();
        }

        if (_inTurn)
        {
            // The lock is re-entrant and a turn is never left open by another thread: this one is inside a turn of its own.
            _control.Exit();
            return Refusal.Deadlock("caller", "control calls are not nested: this thread is inside a control call or a transaction");
        }

        if (_isDisposed)
        {
            _control.Exit();
            return new Refusal(Errno.EBADF, "engine", "the engine is open");
        }

        _inTurn = true;
        return Refusal.None;
    }

    internal void EndTurn()
    {
        _inTurn = false;
        _control.Exit();
    }
}

/// <summary>The control lock, held for one call.</summary>
internal readonly ref struct ControlTurn(PamuEngine? engine)
{
    public void Dispose() => engine?.EndTurn();
}
