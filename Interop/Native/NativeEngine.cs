namespace PamuFastPath.Native;

/// <summary>An engine and what C holds of it: its handles, its callbacks, and the count of its control calls.</summary>
internal sealed class NativeEngine(PamuEngine engine)
{
    private readonly HashSet<nint> _handles = []; // of everything made from the engine; guarded by itself

    /// <summary>Control calls so far.</summary>
    internal long IoctlCount;

    /// <summary>Those that were refused.</summary>
    internal long RefusedCount;

    /// <summary>Readers registered now.</summary>
    internal int ReaderCount;

    internal PamuEngine Engine { get; } = engine;

    /// <summary>Nothing is made from an engine while it is destroyed.</summary>
    internal Lock Gate { get; } = new();

    /// <summary>Gives something made from the engine a handle that dies with it.</summary>
    internal nint Add(object made)
    {
        nint handle = Handles.Add(made);
        lock (_handles)
        {
            _handles.Add(handle);
        }

        return handle;
    }

    /// <summary>The same for something that has an address of its own.</summary>
    internal void Add(nint address, object made)
    {
        Handles.Add(address, made);
        lock (_handles)
        {
            _handles.Add(address);
        }
    }

    /// <returns>Whether it was open.</returns>
    internal bool Remove(nint handle)
    {
        lock (_handles)
        {
            _handles.Remove(handle);
        }

        return Handles.Remove(handle);
    }

    /// <summary>Closes the engine and all handles.</summary>
    internal int Destroy(nint handle)
    {
        if (Engine.Readers.CallerIsInSection())
        {
            return Answer.Refuse(Errno.EDEADLK, "caller", "an engine is destroyed outside the thread's own reader sections");
        }

        lock (Gate)
        {
            try
            {
                Engine.Dispose();
            }
            catch (InvalidOperationException inSection)
            {
                return Answer.Refuse(Errno.EBUSY, "engine", inSection.Message);
            }

            lock (_handles)
            {
                foreach (nint made in _handles)
                {
                    Handles.Remove(made);
                }
            }

            return Handles.Remove(handle) ? 0 : Answer.NotOpen("engine");
        }
    }
}
