using System.Collections.Concurrent;
using System.Diagnostics;

namespace PamuFastPath.Soak;

/// <summary>
/// Keeps everything going that comes and goes, and once a second stops it, measures, and goes on. What is measured is thus the same moment of every
/// second, with nothing under way, and one block that was not given back shows.
/// </summary>
internal sealed class SoakRun(TimeSpan duration, PlantedLeak? leak, TextWriter output) : IDisposable
{
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(1);

    /// <summary>On a busy machine steps get long, and a short run goes on until it has these.</summary>
    private const int SamplesMin = 10;

    private readonly Machine _machine = new();
    private readonly ReaderWriterLockSlim _rest = new();
    private readonly ConcurrentQueue<string> _broken = [];
    private readonly List<(double Second, double[] Values)> _samples = [];
    private long _eventBytes;
    private int _sessions;
    private volatile bool _stop;

    /// <returns>What grows, or is broken; nothing if all is well.</returns>
    internal string[] Run()
    {
        output.WriteLine($"{duration.TotalSeconds} s{(leak == null ? "" : $", with a planted leak: {PlantedLeak.What}")}");
        Job[] jobs = Job.All(_machine);
        Thread[] threads = [.. jobs.Select(job => new Thread(() => Keep(job)) { Name = job.Name })];
        Array.ForEach(threads, thread => thread.Start());
        var clock = Stopwatch.StartNew();
        int linesEvery = Math.Max(1, (int)(duration.TotalSeconds / 60));
        while ((clock.Elapsed < duration || _samples.Count < SamplesMin) && _broken.IsEmpty)
        {
            Watch();
            leak?.Grow();
            Measure(clock);
            if (_samples.Count % linesEvery == 0)
            {
                PrintLast();
            }
        }

        _stop = true;
        Array.ForEach(threads, thread => thread.Join());
        string[] growing = [.. PrintTable()];
        ulong counted = _machine.Engine.GetStatistics().Accesses.Translations;
        output.WriteLine(
            $"{string.Join(", ", jobs.Select(job => $"{job.Done:N0} {job.Name}"))}; {counted:N0} accesses counted; "
            + $"{_sessions:N0} monitor sessions, {_eventBytes / 1024:N0} KiB of events");
        foreach (string idle in from job in jobs where job.Done == 0 select job.Name)
        {
            _broken.Enqueue($"{idle}: none");
        }

        if (counted == 0)
        {
            _broken.Enqueue("no access was counted");
        }

        foreach (string broken in _broken)
        {
            output.WriteLine($"BROKEN: {broken}");
        }

        return [.. growing, .. _broken];
    }

    public void Dispose()
    {
        _machine.Dispose();
        _rest.Dispose();
    }

    private void Keep(Job job)
    {
        while (!_stop)
        {
            _rest.EnterReadLock();
            try
            {
                job.Once();
            }
#pragma warning disable CA1031 // whatever it is, it is what the soak is for
            catch (Exception e)
#pragma warning restore CA1031
            {
                _broken.Enqueue($"{job.Name}: {e}");
                return;
            }
            finally
            {
                _rest.ExitReadLock();
            }
        }
    }

    /// <summary>Attaches, watches for a step, detaches.</summary>
    private void Watch()
    {
        var session = new MonitorSession();
        Thread.Sleep(Step);
        session.Dispose();
        _sessions++;
        _eventBytes += session.Bytes;
        if (session.Bytes == 0)
        {
            _broken.Enqueue("the monitor saw nothing");
        }
    }

    private void Measure(Stopwatch clock)
    {
        _rest.EnterWriteLock();
        try
        {
            _machine.Engine.Publisher.Reclaim(); // tables that adding calls replaced
            _samples.Add((clock.Elapsed.TotalSeconds, Measures.Take()));
        }
        finally
        {
            _rest.ExitWriteLock();
        }
    }

    private void PrintLast()
    {
        (double second, double[] values) = _samples[^1];
        output.WriteLine($"{second,6:F0} s  {string.Join("  ", Measures.All.Zip(values, (measure, value) => $"{measure.Name} {value:F0}"))}");
    }

    /// <returns>What grows.</returns>
    private List<string> PrintTable()
    {
        var growing = new List<string>();
        (double Second, double[] Values)[] settled = [.. _samples.Skip(Math.Max(2, _samples.Count / 5))]; // behind the warm-up
        if (settled.Length < 3)
        {
            return ["too few samples"];
        }

        output.WriteLine($"{"",-28} {"first",10} {"least",10} {"most",10} {"last",10} {"per second",11} {"growth",10} {"allowed",10}");
        for (int i = 0; i < Measures.All.Length; i++)
        {
            (string name, double allowed) = Measures.All[i];
            (double Second, double Value)[] points = [.. settled.Select(x => (x.Second, x.Values[i]))];
            var trend = Trend.Of(points);
            bool grows = trend.Growth > allowed;
            output.WriteLine(
                $"{name,-28} {points[0].Value,10:F0} {points.Min(x => x.Value),10:F0} {points.Max(x => x.Value),10:F0} {points[^1].Value,10:F0} "
                + $"{trend.PerSecond,11:F3} {trend.Growth,10:F1} {allowed,10:N0}{(grows ? "  GROWS" : "")}");
            if (grows)
            {
                growing.Add(name);
            }
        }

        output.WriteLine($"{settled.Length} samples in {settled[^1].Second - settled[0].Second:F0} s, after a warm-up of {settled[0].Second:F0} s");
        return growing;
    }
}
