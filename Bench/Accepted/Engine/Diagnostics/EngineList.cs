namespace PamuFastPath.Diagnostics;

/// <summary>Who looks at the counts.</summary>
[Flags]
internal enum Observer
{
    /// <summary>Nobody.</summary>
    None = 0,

    /// <summary>A session of the event source.</summary>
    Events = 1,

    /// <summary>A reader of the meter.</summary>
    Meter = 2,
}

/// <summary>The engines of this process, for whoever observes all of them: the event source and the meter.</summary>
internal static class EngineList
{
    private static readonly Lock Gate = new();
    private static readonly List<WeakReference<PamuEngine>> Engines = [];
    private static ProcessTotals Ended;
    private static int LastNumber;
    private static Observer Observers;

    /// <summary>Whether somebody wants accesses to be counted. Engines that count when observed follow it.</summary>
    internal static bool IsObserved => IsObservedBy(Observer.Events | Observer.Meter);

    /// <summary>Whether one of these observers is there.</summary>
    internal static bool IsObservedBy(Observer observers)
    {
        lock (Gate)
        {
            return (Observers & observers) != Observer.None;
        }
    }

    /// <summary>An observer comes or goes.</summary>
    internal static void Observe(Observer observer, bool isThere)
    {
        List<PamuEngine> engines;
        lock (Gate)
        {
            Observer before = Observers;
            Observers = isThere ? before | observer : before & ~observer;
            if (before == Observers)
            {
                return;
            }

            engines = LiveLocked();
        }

        engines.ForEach(static engine => engine.FollowObservers()); // asks IsObserved again, so that the last of two changes wins
    }

    /// <summary>Adds an engine.</summary>
    /// <returns>Its number, the first is 1.</returns>
    internal static int Add(PamuEngine engine)
    {
        PamuMeter.Start();
        lock (Gate)
        {
            Engines.Add(new WeakReference<PamuEngine>(engine));
            return ++LastNumber;
        }
    }

    /// <summary>Removes an engine that is being disposed. What it counted stays in the totals of the process.</summary>
    internal static void Remove(PamuEngine engine)
    {
        var totals = ProcessTotals.Of(engine.GetStatistics());
        lock (Gate)
        {
            Engines.RemoveAll(each => !each.TryGetTarget(out PamuEngine? target) || target == engine);
            Ended += totals;
        }
    }

    /// <summary>The engines that are not disposed, by number.</summary>
    internal static List<PamuEngine> Live()
    {
        lock (Gate)
        {
            return LiveLocked();
        }
    }

    /// <summary>What all engines have counted, those that are gone included.</summary>
    internal static ProcessTotals Totals()
    {
        List<PamuEngine> engines;
        ProcessTotals sum;
        lock (Gate)
        {
            engines = LiveLocked();
            sum = Ended;
        }

        foreach (PamuEngine engine in engines)
        {
            sum += ProcessTotals.Of(engine.GetStatistics());
        }

        return sum;
    }

    private static List<PamuEngine> LiveLocked()
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
