using System.Diagnostics.Tracing;
using Microsoft.Diagnostics.NETCore.Client;
using PamuFastPath.Diagnostics;

namespace PamuFastPath.Bench.Overhead;

/// <summary>Who looks at the engine while it is measured.</summary>
internal enum Look
{
    /// <summary>The accepted engine, whatever it counts: from the frozen copy.</summary>
    Accepted,

    /// <summary>Nobody: accesses are not counted.</summary>
    Off,

    /// <summary>Accesses are counted, nobody listens.</summary>
    Counting,

    /// <summary>They are counted in their windows too.</summary>
    CountingWindows,

    /// <summary>An EventPipe session that gets snapshots each second, as a monitor's.</summary>
    Monitored,

    /// <summary>An EventPipe session that gets every event.</summary>
    Traced,
}

/// <summary>Brings one way of looking about, until it is disposed.</summary>
internal sealed class Looking : IDisposable
{
    private readonly PamuEngine _engine;
    private readonly EventPipeSession? _session;
    private readonly Thread? _reading;
    private readonly bool _endsCounting;

    internal Looking(PamuEngine engine, Look look, bool endsCounting = true)
    {
        _endsCounting = endsCounting;
        _engine = engine;
        _engine.CountsWindows = look == Look.CountingWindows;
        _engine.Counting = look is Look.Accepted or Look.Off ? AccessCounting.Off : AccessCounting.On;
        if (look is Look.Monitored or Look.Traced)
        {
            EventKeywords keywords = look == Look.Monitored ? PamuEventSource.Keywords.Counters : EventKeywords.All;
            var provider = new EventPipeProvider(PamuEventSource.ProviderName, EventLevel.Verbose, (long)keywords);
            _session = new DiagnosticsClient(Environment.ProcessId).StartEventPipeSession([provider], requestRundown: false);
            _reading = new Thread(() => _session.EventStream.CopyTo(Stream.Null));
            _reading.Start();
        }
    }

    public void Dispose()
    {
        _session?.Stop();
        _reading?.Join();
        _session?.Dispose();
        if (_endsCounting)
        {
            _engine.Counting = AccessCounting.Off;
            _engine.CountsWindows = false;
        }
    }
}
