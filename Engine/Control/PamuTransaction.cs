namespace PamuFastPath;

/// <summary>
/// Several control calls published as one table. Each call is checked against the state the calls before it left; a refused one
/// throws and leaves the transaction as it was. Nothing is seen outside before <see cref="Commit"/>; disposing without it drops everything.
/// </summary>
/// <remarks>
/// Belongs to the thread that began it, and holds the engine's control lock until it ends. Control calls made around it on the same thread
/// answer EDEADLK.
/// </remarks>
public sealed class PamuTransaction : PamuControl, IDisposable
{
    private readonly PamuContainer _container;
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private ContainerState _pending;
    private bool _ended;

    internal PamuTransaction(PamuContainer container)
        : base(container.Engine, container.Fd)
    {
        Engine.BeginTurn().ThrowIfRefused();
        _container = container;
        _pending = container.CurrentState;
        if (_pending.IsDisposed)
        {
            End();
            throw new PamuException(Errno.EBADF, "container", "the container is open");
        }
    }

    private protected override ContainerState State => _pending;

    /// <summary>Puts a group into the container when the transaction commits.</summary>
    /// <exception cref="PamuException">As <see cref="PamuGroup.Attach"/>.</exception>
    public void Attach(PamuGroup group) => Apply((ContainerState state, out ContainerState next) =>
        ControlRules.Attach(Engine.Platform, state, _container, group, out next)).ThrowIfRefused();

    /// <summary>Takes a group out of the container when the transaction commits.</summary>
    /// <exception cref="PamuException">EINVAL: the group is not in this container.</exception>
    public void Detach(PamuGroup group) => Apply((ContainerState state, out ContainerState next) =>
        ControlRules.Detach(state, group, out next)).ThrowIfRefused();

    /// <summary>
    /// Publishes the result as one table and ends the transaction. If any of it takes rights away, or 1,024 replaced tables wait for
    /// a section that does not end, returns after a grace period.
    /// </summary>
    /// <exception cref="PamuException">
    /// EDEADLK: inside a reader section of this thread. ENOMEM. Or what bound hardware answered. The transaction stays open and nothing changed.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The transaction has ended.</exception>
    public void Commit()
    {
        ThrowIfNotMine();
        _container.Commit(_pending).ThrowIfRefused();
        End();
    }

    /// <summary>Ends the transaction; what was not committed is dropped.</summary>
    public void Dispose()
    {
        if (!_ended)
        {
            ThrowIfNotMine();
            End();
        }
    }

    private protected override Refusal Apply(ControlCall call)
    {
        ThrowIfNotMine();
        Refusal refusal = call(_pending, out ContainerState next);
        if (!refusal.IsRefused)
        {
            _pending = next;
        }

        return refusal;
    }

    private void ThrowIfNotMine()
    {
        ObjectDisposedException.ThrowIf(_ended, this);
        if (_thread != Environment.CurrentManagedThreadId)
        {
            throw new InvalidOperationException("a transaction belongs to the thread that began it");
        }
    }

    private void End()
    {
        _ended = true;
        Engine.EndTurn();
    }
}
