using System.Diagnostics.Tracing;
using System.Runtime.InteropServices;
using Microsoft.Diagnostics.NETCore.Client;
using Microsoft.Diagnostics.Tracing;
using PamuFastPath.Diagnostics;

namespace PamuFastPath.Tests.Diagnostics;

/// <summary>Reads the engine's events back over EventPipe, as dotnet-trace would from outside.</summary>
public partial class EventPipeTests
{
    private const ulong WindowBytes = 0x10_0000;

    [Fact]
    public void Ioctls_publications_and_faults_arrive_with_their_payloads()
    {
        int fd = -1;
        List<Seen> events = Collect(() =>
        {
            using var engine = new PamuEngine();
            PamuContainer container = engine.CreateContainer();
            fd = container.Fd;
            container.SetGeometry(0, 16 * WindowBytes - 1);
            container.SetWindows(16);
            container.MapDma(0x1000_0000, 0, WindowBytes, DmaPermissions.Read);
            engine.CreateGroup(0, [0x42], []).Attach(container);
            using var memory = new GuestMemory();
            using PamuReader reader = engine.CreateReader();
            var port = new DmaPort(reader, 0x42, memory);
            port.Write(0x123, [1, 2, 3, 4]);
            container.UnmapDma(0, WindowBytes);
            Assert.Equal(-(long)Errno.ENOTTY, container.Ioctl(PamuRequests.PamuGetMsiBankCount));
        });

        string[] ioctls = [.. events.Where(e => e.Name == nameof(PamuEventSource.Ioctl)).Select(e => $"{e["name"]} {e["result"]}")];
        Assert.Equal(
            ["PAMU_SET_ATTR 0", "PAMU_SET_ATTR 0", "IOMMU_MAP_DMA 0", "GROUP_SET_CONTAINER 0", "IOMMU_UNMAP_DMA 0", "PAMU_GET_MSI_BANK_COUNT -25"],
            ioctls);

        Seen[] publications = [.. events.Where(e => e.Name == nameof(PamuEventSource.Publication))];
        Assert.Equal([2, 3, 4, 5], publications.Select(e => Convert.ToInt32(e["generation"], null)));
        Assert.Equal([false, false, false, true], publications.Select(e => (bool)e["removedRights"]));
        Assert.All(publications, e => Assert.Equal(fd, e["container"]));

        Seen fault = Assert.Single(events, e => e.Name == nameof(PamuEventSource.Fault));
        Assert.Equal((int)FaultKind.DirectionDenied, Convert.ToInt32(fault["kind"], null));
        Assert.Equal(0x42u, Convert.ToUInt32(fault["liodn"], null));
        Assert.Equal(0x123ul, Convert.ToUInt64(fault["iova"], null));
        Assert.Equal(4ul, Convert.ToUInt64(fault["length"], null));
        Assert.Equal(true, fault["isWrite"]);
    }

    private static List<Seen> Collect(Action body)
    {
        var providers = new EventPipeProvider(PamuEventSource.ProviderName, EventLevel.Informational, (long)EventKeywords.All);
        using EventPipeSession session = new DiagnosticsClient(Environment.ProcessId).StartEventPipeSession(providers, requestRundown: false);
        var seen = new List<Seen>();
        var reading = new Thread(() =>
        {
            using var source = new EventPipeEventSource(session.EventStream);
            source.Dynamic.All += e =>
            {
                if (e.ProviderName == PamuEventSource.ProviderName)
                {
                    seen.Add(new Seen(e.EventName, e.ThreadID, e.PayloadNames.ToDictionary(name => name, e.PayloadByName)));
                }
            };
            source.Process();
        });
        reading.Start();

        int osThread = gettid(); // other tests run in this process too: what they did is told apart by the thread
        body();
        session.Stop();
        reading.Join();
        return [.. seen.Where(e => e.Thread == osThread)];
    }

    [LibraryImport("libc")]
    private static partial int gettid();

    private sealed record Seen(string Name, int Thread, Dictionary<string, object> Payload)
    {
        internal object this[string name] => Payload[name];
    }
}
