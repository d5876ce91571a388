using PamuFastPath.Diagnostics;

namespace PamuFastPath;

/// <summary>What the engine counts, and when.</summary>
public sealed unsafe partial class PamuEngine
{
    private readonly Lock _counting = new(); // guards when accesses are counted
    private AccessCounting _countingWhen;
    private bool _countsWindows;

    /// <summary>
    /// When accesses are counted. Takes effect in the next section of each reader, and waits for nobody. What was counted stays. The cost is in
    /// <c>docs/observability.md</c>.
    /// </summary>
    /// <exception cref="PamuException">When set: ENOMEM, there is no memory for the counters of the readers; nothing changed.</exception>
    public AccessCounting Counting
    {
        get
        {
            lock (_counting)
            {
                return _countingWhen;
            }
        }

        set
        {
            lock (_counting)
            {
                SetCounting(value, _countsWindows);
            }
        }
    }

    /// <summary>
    /// Whether accesses, while they are counted, are also counted in each window they touch (<see cref="AccessCounts.WindowHits"/>). That takes
    /// a call for each access, and batches are translated twice. Without, windows are sampled.
    /// </summary>
    public bool CountsWindows
    {
        get
        {
            lock (_counting)
            {
                return _countsWindows;
            }
        }

        set
        {
            lock (_counting)
            {
                SetCounting(_countingWhen, value);
            }
        }
    }

    /// <summary>What the engine has done so far. Costs microseconds for each reader and container; readers are not disturbed.</summary>
    public EngineStatistics GetStatistics()
    {
        IReadOnlyList<PamuContainer> open = Containers;
        AccessCounts?[] counts = Counters.Look([.. open.Select(static container => container.Account)], out AccessCounts others);
        List<ContainerStatistics> containers = [];
        var all = new AccessCounts(Platform.MsiBanks.Count);
        all.Add(others);
        for (int i = 0; i < counts.Length; i++)
        {
            if (counts[i] is AccessCounts own) // not closed meanwhile
            {
                all.Add(own);
                containers.Add(open[i].Statistics(own));
            }
        }

        return new EngineStatistics(
            Number,
            Counters.IsOn,
            Counters.ReaderCount,
            all,
            others,
            Control.Copy(),
            Publisher.RetiredCount,
            Faults.TotalCount,
            Faults.DroppedCount,
            Faults.EventsSuppressed,
            containers);
    }

    /// <summary>Counts a control call that ended, and tells whoever listens.</summary>
    internal void CallDone(int container, uint request, long result, long began, in DecodedArguments arguments)
    {
        Control.AddCall(isRefused: result < 0);
        PamuEventSource.Log.IoctlDone(Number, container, request, result, began, arguments);
    }

    /// <summary>
    /// Counts accesses from now on, or no longer, as <see cref="Counting"/> and whoever observes want it. Without memory for it the engine is not
    /// counted, and says so (<see cref="EngineStatistics.IsCounting"/>).
    /// </summary>
    internal void FollowObservers()
    {
        lock (_counting)
        {
            try
            {
                ApplyCounting(_countingWhen, _countsWindows);
            }
            catch (PamuException noMemory) when (noMemory.Errno == Errno.ENOMEM)
            {
            }
        }
    }

    /// <summary>Sets <see cref="Counting"/> and <see cref="CountsWindows"/> in one step.</summary>
    /// <exception cref="PamuException">ENOMEM: nothing changed.</exception>
    internal void SetCounting(AccessCounting when, bool countsWindows)
    {
        lock (_counting)
        {
            ApplyCounting(when, countsWindows);
            _countingWhen = when;
            _countsWindows = countsWindows;
        }
    }

    private void ApplyCounting(AccessCounting when, bool countsWindows)
    {
        bool isOn = when == AccessCounting.On || (when == AccessCounting.WhenObserved && EngineList.IsObserved);
        Counters.Switch(isOn, countsWindows);
    }
}
