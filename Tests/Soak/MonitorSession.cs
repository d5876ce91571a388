using System.Diagnostics.Tracing;
using Microsoft.Diagnostics.NETCore.Client;
using PamuFastPath.Diagnostics;

namespace PamuFastPath.Soak;

/// <summary>Somebody who watches the process from outside, by its diagnostics port: attached until it is disposed.</summary>
internal sealed class MonitorSession : IDisposable
{
    private const int BufferMegabytes = 1;

    private readonly EventPipeSession _session;
    private readonly Thread _reading;
    private long _bytes;

    internal MonitorSession()
    {
        var provider = new EventPipeProvider(PamuEventSource.ProviderName, EventLevel.Informational, (long)EventKeywords.All);
        _session = new DiagnosticsClient(Environment.ProcessId).StartEventPipeSession([provider], requestRundown: false, BufferMegabytes);
        _reading = new Thread(Read);
        _reading.Start();
    }

    /// <summary>What was read; complete when the session is disposed.</summary>
    internal long Bytes => _bytes;

    public void Dispose()
    {
        _session.Stop();
        _reading.Join();
        _session.Dispose();
    }

    private void Read()
    {
        Span<byte> buffer = stackalloc byte[4096];
        int read;
        while ((read = _session.EventStream.Read(buffer)) > 0)
        {
            _bytes += read;
        }
    }
}
