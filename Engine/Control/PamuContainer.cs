// A container: its state, and the current table made from it.
//
// Unsafe: owns the cell that holds the current table. Invariants:
//   - the cell always holds a whole table, and is read inside sections only, after the announcement: when the container is disposed,
//     the cell is swapped for the closed one first and freed after a grace period;
//   - a copy of the cell pointer for native readers stays valid as long as the engine, and is swapped together with it;
//   - state, cell and LIODN map change under the engine's control lock only.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PamuFastPath.Diagnostics;

namespace PamuFastPath;

/// <summary>
/// The unit of control: one geometry, one set of windows, many groups. Made by <see cref="PamuEngine.CreateContainer()"/>. The inherited
/// calls are the typed door, <see cref="Ioctl(uint, Span{byte})"/> is the byte-level one; both lead to the same code.
/// </summary>
/// <remarks>
/// Thread-safe: control calls of one engine take turns under one lock; queries take none. Every call changes everything it says or
/// nothing. A call that takes rights away returns only when no reader can still use the old translation, and is refused with EDEADLK
/// inside a reader section of the calling thread; so is one that only adds, once 1,024 replaced tables wait for a section that does
/// not end. Addresses and sizes are bytes.
/// </remarks>
public sealed unsafe partial class PamuContainer : PamuControl, IDisposable
{
    private readonly CounterAccount _account;
    private nint _cell;
    private readonly nint* _cellCopy;
    private ContainerState _state;
    private ulong _generation = 1;
    private IHardwareMirror? _hardware;
    private volatile bool _isClosed; // the state says so before the grace period, this when reader and hardware have let go

    internal PamuContainer(PamuEngine engine, int fd, nint* cellCopy)
        : base(engine, fd)
    {
        _state = ContainerState.Initial(engine.Platform);
        _account = engine.Counters.Open(this);
        try
        {
            _cell = (nint)TableCell.Make(Build(_state, _generation));
        }
        catch
        {
            engine.Counters.Close(_account);
            throw;
        }

        _cellCopy = cellCopy;
        if (cellCopy != null)
        {
            *cellCopy = _cell;
        }
    }

    /// <summary>Counts the tables published so far; 1 for the first. A restored container goes on from where the saved one was.</summary>
    public ulong Generation => Volatile.Read(ref _generation);

    /// <summary>
    /// What was done with the container so far. While accesses are not counted (<see cref="PamuEngine.Counting"/>), their counts stand still.
    /// Good after the container was disposed, too.
    /// </summary>
    public ContainerStatistics GetStatistics() => Statistics(Engine.Counters.Look(_account));

    internal CounterAccount Account => _account;

    internal ContainerStatistics Statistics(AccessCounts accesses)
    {
        ContainerState state = State;
        int live = 0;
        for (int i = 0; i < state.Windows.Length; i++)
        {
            live += state.LiveWindow(i).IsEmpty ? 0 : 1;
        }

        return new ContainerStatistics(
            Fd, Generation, state.ApertureStart, state.ApertureLast, (int)state.WindowCount, live, accesses);
    }

    /// <summary>Where the pointer to the cell stands.</summary>
    internal ref nint CellPlace
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref _cell;
    }

    /// <summary>Where readers find the current table. Inside a section only.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static TableCell* CellIn(ref nint place) => (TableCell*)Volatile.Read(ref place); // acquire: pairs with the swap in Dispose

    /// <summary>The same for whoever needs no check before an announcement.</summary>
    internal TableCell* Cell => CellIn(ref _cell);

    private protected override ContainerState State => Volatile.Read(ref _state);

    internal ContainerState CurrentState => State;

    /// <summary>
    /// Starts a transaction: its calls are checked and collected, and published as one table by <see cref="PamuTransaction.Commit"/>.
    /// The engine's control lock is held until then, so other threads' control calls wait.
    /// </summary>
    /// <exception cref="PamuException">EDEADLK: this thread has a transaction open.</exception>
    public PamuTransaction BeginTransaction() => new(this);

    /// <summary>The container requests at the byte level. Never throws, and changes nothing when it fails.</summary>
    /// <param name="request">The request number, in the plain or the powerpc form.</param>
    /// <param name="argument">
    /// The argument bytes, native-endian; shorter than the request needs is EFAULT. Requests that take a value read 4 or 8 bytes.
    /// </param>
    /// <returns>0 or a positive result, or a negative errno.</returns>
    public long Ioctl(uint request, Span<byte> argument)
    {
        ulong value = argument.Length >= 8 ? MemoryMarshal.Read<ulong>(argument)
            : argument.Length >= 4 ? MemoryMarshal.Read<uint>(argument) : 0;
        bool needsValue = PamuRequests.Plain(request) is PamuRequests.CheckExtension or PamuRequests.SetIommu;
        return needsValue
            ? argument.Length >= 4 ? Ioctl(request, value) : -(long)Errno.EFAULT
            : ContainerDoor.Ioctl(this, request, 0, new SpanArgument(argument));
    }

    /// <summary>The same for requests that take their argument by value, or none. One that takes a pointer is EFAULT.</summary>
    /// <param name="request">The request number, in the plain or the powerpc form.</param>
    /// <param name="value">The argument.</param>
    /// <returns>0 or a positive result, or a negative errno.</returns>
    public long Ioctl(uint request, ulong value = 0) => ContainerDoor.Ioctl(this, request, value, new SpanArgument([]));

    /// <summary>The same with the argument behind an address, read and written through <paramref name="memory"/>.</summary>
    /// <param name="request">The request number, in the plain or the powerpc form.</param>
    /// <param name="argument">The address, or the value for requests that take one.</param>
    /// <param name="memory">How argument memory is reached.</param>
    /// <returns>0 or a positive result, or a negative errno.</returns>
    public long Ioctl<TMemory>(uint request, ulong argument, TMemory memory)
        where TMemory : IArgumentMemory, allows ref struct =>
        ContainerDoor.Ioctl(this, request, argument, memory);

    /// <summary>
    /// Binds hardware to the container: what the container holds now is applied to it, and every later control call is one step over software
    /// and hardware. What adds rights is done in hardware first; what removes rights is published and waited for first. If the hardware
    /// refuses, the call answers its errno and neither has changed. The container owns the mirror from now on and disposes of it.
    /// </summary>
    /// <param name="hardware">The hardware; of one container only.</param>
    /// <exception cref="PamuException">
    /// EBUSY: hardware is bound already. EBADF: the container is closed. EDEADLK: with a transaction open on this thread. Or what the hardware
    /// answered. Then it is not bound, and still the caller's to dispose of.
    /// </exception>
    public void BindHardware(IHardwareMirror hardware)
    {
        ArgumentNullException.ThrowIfNull(hardware);
        using ControlTurn turn = Engine.TakeTurn(out Refusal refusal);
        refusal.ThrowIfRefused();
        if (_state.IsDisposed)
        {
            throw new PamuException(Errno.EBADF, "container", "the container is open");
        }

        if (_hardware != null)
        {
            throw new PamuException(Errno.EBUSY, nameof(hardware), "a container has one piece of hardware");
        }

        HardwareImage image = HardwareImage.Of(_state);
        hardware.Check(image).ThrowIfRefused();
        hardware.Apply(image).ThrowIfRefused();
        _hardware = hardware;
    }

    /// <summary>
    /// Takes the groups out and closes the container and its hardware. On return no reader uses its translations, whichever thread closed it; a reader that
    /// enters later finds a table that refuses everything.
    /// </summary>
    /// <exception cref="PamuException">EDEADLK: inside a reader section, or with a transaction open, on this thread.</exception>
    public void Dispose()
    {
        if (_isClosed)
        {
            return;
        }

        using ControlTurn turn = Engine.TakeTurn(out Refusal refusal);
        if (_isClosed)
        {
            return; // with its engine, meanwhile
        }

        refusal.ThrowIfRefused();
        if (_state.IsDisposed)
        {
            return;
        }

        RefuseInsideSection().ThrowIfRefused();
        var cell = (TableCell*)_cell;
        Volatile.Write(ref _cell, (nint)PamuEngine.ClosedCell); // release; other side: the acquire in CellIn
        if (_cellCopy != null)
        {
            Volatile.Write(ref *_cellCopy, (nint)PamuEngine.ClosedCell);
        }

        foreach (PamuGroup group in _state.Groups)
        {
            ClearLiodns(group);
            group.Container = null;
        }

        Volatile.Write(ref _state, _state with { IsDisposed = true, Groups = [] });
        Engine.Forget(this);
        _ = WaitForReaders(Engine.Publisher.Advance());
        Engine.Counters.Close(_account);
        TableCell.Free(cell);
        _hardware?.Dispose();
        _isClosed = true;
    }

    internal Refusal Attach(PamuGroup group) =>
        Apply((ContainerState state, out ContainerState next) => ControlRules.Attach(Engine.Platform, state, this, group, out next));

    internal Refusal Detach(PamuGroup group) =>
        Apply((ContainerState state, out ContainerState next) => ControlRules.Detach(state, group, out next));

    private protected override Refusal Apply(ControlCall call)
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

        refusal = call(_state, out ContainerState next);
        return refusal.IsRefused ? refusal : Commit(next);
    }
}
