using System.Globalization;
using Microsoft.Diagnostics.Tracing;
using PamuFastPath.Cli.Run.Reports;
using PamuFastPath.Diagnostics;

namespace PamuFastPath.Cli.Live;

/// <summary>
/// What the events of one process have told. One thread feeds it, others may look. It keeps a snapshot or two of each engine and the last few lines of
/// everything else, however much comes.
/// </summary>
internal sealed class Watch
{
    /// <summary>Lines that are kept of faults and of control calls.</summary>
    public const int LinesKept = 6;

    private const int LineLengthMax = 160;

    /// <summary>Engines that have written their last snapshot and are still shown.</summary>
    private const int EndedKept = 4;

    private readonly Lock _gate = new();
    private readonly SortedDictionary<int, EngineActivity> _engines = [];
    private readonly Dictionary<int, EngineSnapshot> _incomplete = [];
    private readonly Queue<string> _faults = [];
    private readonly Queue<string> _calls = [];
    private readonly Queue<string> _warnings = [];
    private readonly SortedDictionary<string, double> _runtime = new(StringComparer.Ordinal);

    /// <summary>The figures of the runtime that are kept, by the names of its event counters.</summary>
    public static IReadOnlyList<string> RuntimeFigures { get; } =
        ["cpu-usage", "working-set", "gc-heap-size", "alloc-rate", "gen-0-gc-count", "gen-1-gc-count", "gen-2-gc-count", "time-in-gc"];

    /// <summary>Called on the feeding thread for every snapshot that is whole.</summary>
    public Action<EngineActivity>? Told { get; set; }

    public IReadOnlyList<EngineActivity> Engines => Locked<EngineActivity[]>(() => [.. _engines.Values]);

    public IReadOnlyList<string> Faults => Locked<string[]>(() => [.. _faults]);

    public IReadOnlyList<string> Calls => Locked<string[]>(() => [.. _calls]);

    public IReadOnlyList<string> Warnings => Locked<string[]>(() => [.. _warnings]);

    /// <summary>Figures of the runtime by name; the memory ones in MB, alloc-rate in bytes a second, counts for the last second.</summary>
    public IReadOnlyDictionary<string, double> Runtime => Locked(() => new Dictionary<string, double>(_runtime));

    /// <summary>The newest sequence number of a whole snapshot, of any engine.</summary>
    public ulong LastSequence => Locked(() => _engines.Count == 0 ? 0 : _engines.Values.Max(static engine => engine.Now.Sequence));

    public void Take(TraceEvent e)
    {
        if (e.EventName == "EventCounters")
        {
            TakeCounter(e);
        }

        if (e.ProviderName != PamuEventSource.ProviderName)
        {
            return;
        }

        switch (e.EventName)
        {
            case PamuEventSource.EngineTotalsEvent:
                var whole = EngineSnapshot.Of(e);
                _incomplete[whole.Engine] = whole; // only ever touched by the feeding thread
                TellIfWhole(whole.Engine);
                break;
            case PamuEventSource.ContainerTotalsEvent:
                TakeContainer(e);
                break;
            case nameof(PamuEventSource.Fault):
                Keep(_faults, FaultLine(e));
                break;
            case nameof(PamuEventSource.Ioctl):
                Keep(_calls, CallLine(e));
                break;
            case nameof(PamuEventSource.GraceWaitLong):
                Keep(_warnings, WarningLine(e));
                break;
        }
    }

    private void TakeContainer(TraceEvent e)
    {
        var field = new EventFields(e);
        int engine = field.Int32("engine");
        if (_incomplete.TryGetValue(engine, out EngineSnapshot? of) && of.Sequence == field.UInt64("sequence"))
        {
            of.Containers.Add(ContainerSnapshot.Of(e));
            TellIfWhole(engine);
        }
    }

    private void TellIfWhole(int engine)
    {
        if (_incomplete[engine] is not { } now || now.Containers.Count < now.ContainerCount)
        {
            return;
        }

        EngineActivity activity;
        lock (_gate)
        {
            _incomplete.Remove(engine);
            activity = _engines.TryGetValue(engine, out EngineActivity? last) ? new(last.First, last.Now, now) : new(now, null, now);
            _engines[engine] = activity;
            int[] ended = [.. _engines.Where(static pair => pair.Value.Now.IsLast).Select(static pair => pair.Key)];
            foreach (int old in ended.SkipLast(EndedKept))
            {
                _engines.Remove(old);
            }
        }

        Told?.Invoke(activity);
    }

    private void TakeCounter(TraceEvent e)
    {
        if (e.PayloadValue(0) is IDictionary<string, object> outer
            && outer.TryGetValue("Payload", out object? inner)
            && inner is IDictionary<string, object> figures
            && figures.TryGetValue("Name", out object? name)
            && name is string counter
            && RuntimeFigures.Contains(counter))
        {
            object? value = figures.TryGetValue("Mean", out object? mean) ? mean : figures.TryGetValue("Increment", out object? more) ? more : null;
            if (value is IConvertible number)
            {
                Locked(() => _runtime[counter] = number.ToDouble(CultureInfo.InvariantCulture));
            }
        }
    }

    private void Keep(Queue<string> lines, string line)
    {
        lock (_gate)
        {
            lines.Enqueue(line);
            while (lines.Count > LinesKept)
            {
                lines.Dequeue();
            }
        }
    }

    private static string FaultLine(TraceEvent e)
    {
        var field = new EventFields(e);
        return Line(
            e,
            $"engine {field.Int32("engine")}: fault {(FaultKind)field.Int32("kind")}: LIODN 0x{field.UInt64("liodn"):x}, "
            + $"{(field.Bool("isWrite") ? "write" : "read")} of {field.UInt64("length")} bytes at {Units.Address(field.UInt64("iova"))}");
    }

    private static string CallLine(TraceEvent e)
    {
        var field = new EventFields(e);
        long result = field.Int64("result");
        string answer = result < 0 ? ((Errno)(-result)).ToString() : "ok";
        return Line(
            e,
            $"engine {field.Int32("engine")}, container {field.Int32("container")}: {field.Text("name")} {field.Text("arguments")} = {answer}, "
            + $"{Amounts.Time(field.UInt64("nanoseconds"))}");
    }

    private static string WarningLine(TraceEvent e)
    {
        var field = new EventFields(e);
        return Line(
            e,
            $"engine {field.Int32("engine")}: a call has waited {field.Int64("milliseconds")} ms for reader '{field.Text("reader")}'"
            + (field.Bool("threadIsAlive") ? "" : ", whose thread is dead"));
    }

    private static string Line(TraceEvent e, string text) =>
        Printable.Of(string.Create(CultureInfo.InvariantCulture, $"{e.TimeStamp:HH:mm:ss.fff}  {text}"), LineLengthMax);

    private T Locked<T>(Func<T> look)
    {
        lock (_gate)
        {
            return look();
        }
    }
}
