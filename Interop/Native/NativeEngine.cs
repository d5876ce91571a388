namespace PamuFastPath.Native;

/// <summary>An engine and what C holds of it: its handles, its callbacks, and the count of its control calls.</summary>
internal sealed unsafe class NativeEngine(PamuEngine engine)
{
    private readonly Lock _gate = new(); // guards the handles; never held while anybody waits or is called back
    private readonly HashSet<nint> _handles = []; // of everything made from the engine
    private readonly Dictionary<PamuGroup, nint> _groups = []; // a group has one handle, however it was come by
    private bool _isDestroyed;
    private FaultCallback? _onFault;
    private MessageCallback? _onMessage;
    private EventCallback? _onEvent;

    /// <summary>Control calls so far.</summary>
    internal long IoctlCount;

    /// <summary>Those that were refused.</summary>
    internal long RefusedCount;

    /// <summary>Readers registered now.</summary>
    internal int ReaderCount;

    internal PamuEngine Engine { get; } = engine;

    /// <summary>Who is told of faults.</summary>
    internal FaultCallback? OnFault
    {
        get => Volatile.Read(ref _onFault);
        set => Volatile.Write(ref _onFault, value);
    }

    /// <summary>Who receives messages.</summary>
    internal MessageCallback? OnMessage
    {
        get => Volatile.Read(ref _onMessage);
        set => Volatile.Write(ref _onMessage, value);
    }

    /// <summary>Who is told of events.</summary>
    internal EventCallback? OnEvent
    {
        get => Volatile.Read(ref _onEvent);
        set
        {
            lock (_gate)
            {
                Volatile.Write(ref _onEvent, value);
                Engine.Published = value == null ? null : value.Published;
                Engine.Publisher.WaitsLong = value == null ? null : value.WaitsLong;
            }
        }
    }

    /// <summary>Gives something made from the engine a handle that dies with it.</summary>
    internal nint Add(object made)
    {
        nint handle = Handles.NewNumber();
        Add(handle, made);
        return handle;
    }

    /// <summary>The same for something that has an address of its own.</summary>
    /// <exception cref="ObjectDisposedException">The engine was destroyed meanwhile.</exception>
    internal void Add(nint handle, object made)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDestroyed, typeof(PamuEngine));
            _handles.Add(handle);
            Handles.Open(handle, made);
        }
    }

    /// <summary>The handle of a group.</summary>
    internal nint HandleOf(PamuGroup group)
    {
        lock (_gate)
        {
            if (!_groups.TryGetValue(group, out nint handle))
            {
                handle = Add(new NativeGroup(this, group));
                _groups.Add(group, handle);
            }

            return handle;
        }
    }

    /// <summary>Forgets a group that was removed.</summary>
    internal bool Remove(nint handle, PamuGroup group)
    {
        lock (_gate)
        {
            _groups.Remove(group);
            return Remove(handle);
        }
    }

    /// <returns>Whether it was open: of two callers only one hears so.</returns>
    internal bool Remove(nint handle)
    {
        lock (_gate)
        {
            _handles.Remove(handle);
            return Handles.Close(handle);
        }
    }

    /// <summary>Closes the engine and all handles.</summary>
    internal int Destroy(nint handle)
    {
        if (Engine.Readers.CallerIsInSection())
        {
            return Answer.Refuse(Errno.EDEADLK, "caller", "an engine is destroyed outside the thread's own reader sections");
        }

        try
        {
            Engine.Dispose();
        }
        catch (InvalidOperationException inSection)
        {
            return Answer.Refuse(Errno.EBUSY, "engine", inSection.Message);
        }

        lock (_gate)
        {
            _isDestroyed = true;
            foreach (nint made in _handles)
            {
                Handles.Close(made);
            }
        }

        return Handles.Close(handle) ? 0 : Answer.NotOpen("engine");
    }
}
