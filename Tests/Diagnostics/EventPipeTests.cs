using System.Diagnostics.Tracing;
using Microsoft.Diagnostics.NETCore.Client;
using Microsoft.Diagnostics.Tracing;
using PamuFastPath.Cli.Live;
using PamuFastPath.Diagnostics;
using PamuFastPath.Tests.Child;

namespace PamuFastPath.Tests.Diagnostics;

/// <summary>Reads the engine's events back over EventPipe, as dotnet-trace would from outside.</summary>
[Collection(nameof(Listening))]
public class EventPipeTests
{
    private const ulong WindowBytes = 0x10_0000;

    [Fact]
    public void Ioctls_publications_and_faults_arrive_with_their_payloads()
    {
        int fd = -1;
        int number = 0;
        List<Seen> events = Collect([], () =>
        {
            using var engine = new PamuEngine();
            number = engine.Number;
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

        events = [.. events.Where(e => number.Equals(e["engine"]))];
        string[] ioctls = [.. events.Where(e => e.Name == nameof(PamuEventSource.Ioctl)).Select(e => $"{e["name"]} {e["result"]}")];
        Assert.Equal(
            ["PAMU_SET_ATTR 0", "PAMU_SET_ATTR 0", "IOMMU_MAP_DMA 0", "GROUP_SET_CONTAINER 0", "IOMMU_UNMAP_DMA 0", "PAMU_GET_MSI_BANK_COUNT -25"],
            ioctls);

        Seen[] publications = [.. events.Where(e => e.Name == nameof(PamuEventSource.Publication))];
        Assert.Equal([2, 3, 4, 5], publications.Select(e => Convert.ToInt32(e["generation"], null)));
        Assert.Equal([false, false, false, true], publications.Select(e => (bool)e["removedRights"]));
        Assert.All(publications, e => Assert.Equal(fd, e["container"]));
        Assert.Equal([0, 0, 1, 0], publications.Select(e => (int)e["windowsLive"]));

        Seen fault = Assert.Single(events, e => e.Name == nameof(PamuEventSource.Fault));
        Assert.Equal((int)FaultKind.DirectionDenied, Convert.ToInt32(fault["kind"], null));
        Assert.Equal(0x42u, Convert.ToUInt32(fault["liodn"], null));
        Assert.Equal(0x123ul, Convert.ToUInt64(fault["iova"], null));
        Assert.Equal(4ul, Convert.ToUInt64(fault["length"], null));
        Assert.Equal(true, fault["isWrite"]);
        Assert.Equal(0x123ul, Convert.ToUInt64(fault["faultIova"], null));
        Assert.Equal(
            "vaddr=0x10000000 iova=0x0 size=0x100000 flags=r",
            Assert.Single(events, e => e.Name == nameof(PamuEventSource.Ioctl) && (string)e["name"] == "IOMMU_MAP_DMA")["arguments"]);
    }

    [Fact]
    public void Snapshots_arrive_with_their_arrays_and_end_with_the_engine()
    {
        int number = 0;
        AccessCounts? counted = null;
        List<Seen> events = Collect(new() { ["SnapshotIntervalSec"] = "0.05" }, () =>
        {
            using var engine = new PamuEngine(new PamuPlatform { Counting = AccessCounting.On, CountsWindows = true });
            number = engine.Number;
            PamuContainer container = engine.CreateContainer();
            container.SetGeometry(0, 16 * WindowBytes - 1);
            container.SetWindows(16);
            container.MapDma(0x1000_0000, 3 * WindowBytes, WindowBytes, DmaPermissions.Read);
            using PamuReader reader = engine.CreateReader();
            for (ulong i = 0; i < 5000; i++)
            {
                reader.Translate(container, i * 1024, 64, DmaAccess.Read);
            }

            counted = container.GetStatistics().Accesses;
            long ticks = Environment.TickCount64;
            SpinWait.SpinUntil(() => Environment.TickCount64 - ticks > 3000); // some snapshots, on a busy machine, too, with the container open
        });

        Seen[] last = [.. events.Where(e => number.Equals(e["engine"]) && e.Name == PamuEventSource.ContainerTotalsEvent && e["container"].Equals(0))];
        Assert.NotEmpty(last);
        Assert.Equal(counted!.MemoryHits, Convert.ToUInt64(last[^1]["memoryHits"], null));
        Assert.Equal(1024UL, Counts(last[^1], "windowHits", 16)[3]);
        Assert.Equal([.. counted.WindowSamples[..16]], Counts(last[^1], "windowSamples", 16));
        Assert.Equal(counted.Faults.ToArray(), Counts(last[^1], "faults", 8));
        Assert.Equal("", last[^1]["msiHits"]);
        Seen end = events.Last(e => number.Equals(e["engine"]) && e.Name == PamuEventSource.EngineTotalsEvent);
        Assert.Equal(1, end["isLast"]);
        Assert.Equal(counted.Translations, Convert.ToUInt64(end["translations"], null));
    }

    /// <summary>The thread pool and whoever listens first need each other's locks: this hung before the engine made the pool itself.</summary>
    [Fact]
    public void The_first_session_of_a_process_that_has_no_thread_pool_yet_gets_its_snapshot()
    {
        for (int i = 0; i < 3; i++)
        {
            ChildResult result = ChildProcess.Run(TimeSpan.FromMinutes(1), environment: null, "first-session");
            Assert.True(result.ExitCode == 0, result.ToString());
            Assert.Equal("EngineTotals", result.Output.Trim());
        }
    }

    /// <summary>In a process of its own: a session on itself, as soon as there is an engine.</summary>
    internal static int FirstSession()
    {
        using var engine = new PamuEngine();
        engine.CreateContainer().SetGeometry(0, WindowBytes - 1);
        List<Seen> events = Collect(new() { ["SnapshotIntervalSec"] = "0.05" }, () => Thread.Sleep(3000));
        Console.WriteLine(events.Select(static e => e.Name).FirstOrDefault(static name => name == PamuEventSource.EngineTotalsEvent));
        return 0;
    }

    private static ulong[] Counts(Seen e, string name, int length) => CountList.Read((string)e[name], length);

    private static List<Seen> Collect(Dictionary<string, string> arguments, Action body)
    {
        var providers = new EventPipeProvider(
            PamuEventSource.ProviderName, EventLevel.Informational, (long)EventKeywords.All, arguments.Count == 0 ? null : arguments);
        using EventPipeSession session = new DiagnosticsClient(Environment.ProcessId).StartEventPipeSession(providers, requestRundown: false);
        var seen = new List<Seen>();
        var complaints = new List<string>();
        var reading = new Thread(() =>
        {
            using var source = new EventPipeEventSource(session.EventStream);
            source.Dynamic.All += e =>
            {
                if (e.ProviderName == PamuEventSource.ProviderName && e.ID == 0)
                {
                    complaints.Add($"{e.EventName}: {e.PayloadValue(0)}");
                }

                // Other tests have engines in this process too: what happened is told apart by the engine. Event counters have none.
                if (e.ProviderName == PamuEventSource.ProviderName && new EventFields(e).All is { } payload && payload.ContainsKey("engine"))
                {
                    seen.Add(new Seen(e.EventName, payload));
                }
            };
            source.Process();
        });
        reading.Start();

        body();
        session.Stop();
        reading.Join();
        Assert.Empty(complaints);
        return seen;
    }

    private sealed record Seen(string Name, IReadOnlyDictionary<string, object?> Payload)
    {
        internal object this[string name] => Payload[name]!;
    }
}
