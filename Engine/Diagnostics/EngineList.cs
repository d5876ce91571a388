namespace PamuFastPath.Diagnostics;

/// <summary>The engines of this process, for whoever observes all of them: the event source and the meter.</summary>
internal static class EngineList
{
    private static readonly Lock Gate = new();
    private static readonly List<WeakReference<PamuEngine>> Engines = [];
    private static int LastNumber;
    private static bool Observed;

    /// <summary>Whether somebody wants accesses to be counted. Engines that count when observed follow it.</summary>
    internal static bool IsObserved
    {
        get => Volatile.Read(ref Observed);
        set
        {
            lock (Gate)
            {
                if (Observed != value)
                {
                    Volatile.Write(ref Observed, value);
                    Live().ForEach(static engine => engine.ApplyCounting());
                }
            }
        }
    }

    /// <summary>Adds an engine.</summary>
    /// <returns>Its number, the first is 1.</returns>
    internal static int Add(PamuEngine engine)
    {
        lock (Gate)
        {
            Engines.Add(new WeakReference<PamuEngine>(engine));
            return ++LastNumber;
        }
    }

    internal static void Remove(PamuEngine engine)
    {
        lock (Gate)
        {
            Engines.RemoveAll(each => !each.TryGetTarget(out PamuEngine? target) || target == engine);
        }
    }

    /// <summary>The engines that are not disposed, by number.</summary>
    internal static List<PamuEngine> Live()
    {
        lock (Gate)
        {
            var live = new List<PamuEngine>();
            foreach (WeakReference<PamuEngine> each in Engines)
            {
                if (each.TryGetTarget(out PamuEngine? engine))
                {
                    live.Add(engine);
                }
            }

            return live;
        }
    }
}
