using System.Diagnostics;
using System.Diagnostics.Tracing;
using System.Globalization;

namespace PamuFastPath.Diagnostics;

/// <summary>
/// What the event source does by itself while somebody listens: has accesses counted, samples the windows and writes snapshots. When nobody
/// listens any more, the timer is gone.
/// </summary>
internal static class EventFeed
{
    /// <summary>The argument of a session that sets <see cref="Interval"/>.</summary>
    internal const string IntervalArgument = "SnapshotIntervalSec";

    private const string CounterArgument = "EventCounterIntervalSec";

    private static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(1);

    /// <summary>How often the windows are sampled: often enough for a picture each second, seldom enough to cost nothing.</summary>
    private static readonly TimeSpan SamplePeriod = TimeSpan.FromMilliseconds(20);

    private static readonly Lock Gate = new();
    private static Timer? Ticking;
    private static EventCounters? Counters;
    private static TimeSpan Interval;
    private static long LastSnapshot;
    private static ulong Sequence;

    /// <summary>
    /// Has the runtime's timers and thread pool made, before any session can come. Both make an event source of the runtime when they are first used, for
    /// which they need the lock that <see cref="OnCommand"/> runs under: a first use in there and another elsewhere would wait for each other for ever.
    /// </summary>
    internal static void Prepare()
    {
        using var first = new Timer(static _ => { });
        first.Change(TimeSpan.FromHours(1), Timeout.InfiniteTimeSpan);
        ThreadPool.UnsafeQueueUserWorkItem(static _ => { }, null);
    }

    /// <summary>A session came, changed or went. Runs under the runtime's own lock: what takes time is left to the timer.</summary>
    internal static void OnCommand(PamuEventSource source, EventCommandEventArgs command)
    {
        lock (Gate)
        {
            if (command.Command == EventCommand.Enable)
            {
                bool isFirst = Ticking == null;
                TimeSpan asked = Seconds(command, IntervalArgument) is double seconds ? TimeSpan.FromSeconds(seconds) : DefaultInterval;
                Interval = isFirst || asked < Interval ? asked : Interval; // of several sessions, the most curious decides
                if (command.Arguments?.ContainsKey(CounterArgument) == true)
                {
                    Counters ??= new EventCounters(source);
                }

                Ticking ??= new Timer(static _ => Tick());
                LastSnapshot = 0; // one at once, so that whoever comes knows where the counts stand
            }

            // A command that takes a session away is handled when the next tick finds out: here the source still counts as enabled.
            Ticking?.Change(TimeSpan.Zero, SamplePeriod);
        }
    }

    /// <summary>The last totals of an engine that is being disposed.</summary>
    internal static void WriteLast(PamuEngine engine)
    {
        if (WantsSnapshots)
        {
            lock (Gate)
            {
                PamuEventSource.Log.Snapshot(++Sequence, engine.GetStatistics(), isLast: true);
            }
        }
    }

    private static bool WantsSnapshots =>
        PamuEventSource.Log.IsEnabled() && PamuEventSource.Log.IsEnabled(EventLevel.Informational, EventKeywords.None);

    private static void Tick()
    {
        if (!Gate.TryEnter())
        {
            return; // a tick that takes longer than the period; the next one makes up for it
        }

        try
        {
            bool isEnabled = PamuEventSource.Log.IsEnabled();
            EngineList.Observe(Observer.Events, WantsSnapshots || (isEnabled && Counters != null));
            if (!isEnabled)
            {
                Ticking?.Dispose();
                Ticking = null;
                Counters?.Dispose();
                Counters = null;
            }
            else if (WantsSnapshots)
            {
                Look();
            }
        }
        finally
        {
            Gate.Exit();
        }
    }

    private static void Look()
    {
        List<PamuEngine> engines = EngineList.Live();
        if (LastSnapshot != 0 && Stopwatch.GetElapsedTime(LastSnapshot) < Interval)
        {
            engines.ForEach(static engine => engine.Counters.Sample());
            return;
        }

        LastSnapshot = Stopwatch.GetTimestamp();
        Sequence++;
        engines.ForEach(static engine => PamuEventSource.Log.Snapshot(Sequence, engine.GetStatistics(), isLast: false));
    }

    private static double? Seconds(EventCommandEventArgs command, string argument) =>
        command.Arguments?.TryGetValue(argument, out string? text) == true
        && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds)
            ? Math.Clamp(seconds, 0.05, 3600)
            : null;
}
