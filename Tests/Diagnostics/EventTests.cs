using System.Diagnostics.Tracing;
using PamuFastPath.Diagnostics;
using PamuFastPath.Tests.Control;
using static PamuFastPath.Tests.Control.Machine;
using static PamuFastPath.Tests.Diagnostics.EngineListener;
using AllocatedBytes = PamuFastPath.Bench.Measure.AllocatedBytes;

namespace PamuFastPath.Tests.Diagnostics;

/// <summary>Events as an in-process listener sees them.</summary>
[Collection(nameof(Listening))]
public class EventTests
{
    [Fact]
    public void Control_calls_carry_their_arguments_through_both_doors()
    {
        using var machine = new Machine();
        using var listener = new EngineListener(machine.Engine.Number, EventLevel.Informational, PamuEventSource.Keywords.Control);
        PamuContainer container = machine.Ready();
        PamuGroup group = machine.Engine.CreateGroup(3, [0x42], [1]);
        group.Attach(container);
        container.MapDma(0x5000_0000, At(0), Window, DmaPermissions.ReadWrite);
        Assert.Equal(-(long)Errno.EINVAL, MapDma(container, 0x5000_0000, At(1) + 5, Window, flags: 1));
        Assert.Equal(0, MapMsiBank(container, 1, At(2)));
        container.SetStash(2, 3);
        container.UnmapMsiBank(At(2));
        Assert.Equal(0, UnmapDma(container, At(0), Window, out _));
        Assert.Equal(-(long)Errno.EFAULT, container.Ioctl(PamuRequests.IommuMapDma, new byte[3]));
        group.Detach();

        Assert.Equal(
            [
                "SET_IOMMU 0 value=7",
                "PAMU_SET_ATTR 0 attribute=Geometry start=0x100000 last=0x17ffff",
                "PAMU_SET_ATTR 0 attribute=Windows count=8",
                "GROUP_SET_CONTAINER 0 group=3 container=0",
                "IOMMU_MAP_DMA 0 vaddr=0x50000000 iova=0x100000 size=0x10000 flags=rw",
                "IOMMU_MAP_DMA -22 vaddr=0x50000000 iova=0x110005 size=0x10000 flags=r",
                "PAMU_MAP_MSI_BANK 0 bank=1 iova=0x120000 flags=w",
                "PAMU_SET_ATTR 0 attribute=Stash cpu=2 cache=3",
                "PAMU_UNMAP_MSI_BANK 0 iova=0x120000",
                "IOMMU_UNMAP_DMA 0 iova=0x100000 size=0x10000",
                "IOMMU_MAP_DMA -14 ",
                "GROUP_UNSET_CONTAINER 0 group=3",
            ],
            listener.Of("Ioctl").Select(static e => $"{Payload(e, "name")} {Payload(e, "result")} {Payload(e, "arguments")}"));
    }

    [Fact]
    public void Publications_say_what_is_live_and_how_long_it_took()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        using var listener = new EngineListener(machine.Engine.Number, EventLevel.Informational, PamuEventSource.Keywords.Publication);
        container.MapDma(0x5000_0000, At(0), 2 * Window, DmaPermissions.ReadWrite);
        container.UnmapDma(At(1), Window);

        EventWrittenEventArgs[] events = listener.Of("Publication");
        Assert.Equal([(4UL, 8, 2), (5UL, 8, 1)], events.Select(static e =>
            (Payload<ulong>(e, "generation"), Payload<int>(e, "windows"), Payload<int>(e, "windowsLive"))));
        Assert.All(events, static e => Assert.True(Payload<long>(e, "buildNanoseconds") > 0));
        Assert.Equal(0L, Payload(events[0], "graceNanoseconds"));
        Assert.InRange(Payload<long>(events[1], "graceNanoseconds"), 1, Payload<long>(events[1], "nanoseconds"));
        ControlCounts control = machine.Engine.GetStatistics().Control;
        Assert.Equal(4UL, control.Publications); // geometry, windows, these two
        Assert.Equal(1UL, control.GracePeriods.ToArray().Aggregate(0UL, static (a, b) => a + b));
    }

    [Fact]
    public void Messages_are_told_with_their_word()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapMsiBank(1, At(4));
        machine.Engine.CreateGroup(0, [0x42], [1]).Attach(container);
        using var memory = new GuestMemory();
        var port = new DmaPort(machine.Reader, 0x42, memory);
        using var listener = new EngineListener(machine.Engine.Number, EventLevel.Informational, PamuEventSource.Keywords.Msi);
        port.Write(At(4) + 0x140, [0x78, 0x56, 0x34, 0x12]);

        EventWrittenEventArgs e = Assert.Single(listener.Of("Message"));
        Assert.Equal(
            (0x42u, 1, 0x140, 0x1234_5678u),
            (Payload<uint>(e, "liodn"), Payload<int>(e, "bank"), Payload<int>(e, "offset"), Payload<uint>(e, "data")));
    }

    [Fact]
    public void A_storm_of_faults_gives_few_events_and_the_right_number_of_suppressed_ones()
    {
        const int Threads = 4;
        const int Each = 500_000;
        using var engine = new PamuEngine();
        using var listener = new EngineListener(engine.Number, EventLevel.Warning, PamuEventSource.Keywords.Faults);
        long[] allocated = new long[Threads];
        Thread[] storm = [.. Enumerable.Range(0, Threads).Select(t => new Thread(() =>
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < Each; i++)
            {
                engine.Faults.Record(new FaultRecord(FaultKind.OutOfAperture, (uint)i, ulong.MaxValue, ulong.MaxValue, DmaAccess.Write, ulong.MaxValue));
            }

            allocated[t] = GC.GetAllocatedBytesForCurrentThread() - before;
        }))];
        Array.ForEach(storm, thread => thread.Start());
        Array.ForEach(storm, thread => thread.Join());

        EventWrittenEventArgs[] events = listener.Of("Fault");
        Assert.Equal(Threads * Each, events.Length + engine.GetStatistics().FaultEventsSuppressed);
        Assert.Equal(Threads * Each, engine.Faults.TotalCount);
        Assert.InRange(events.Length, 1, Threads * Each / 20);
        Assert.All(events, static e => Assert.Equal((ulong.MaxValue, ulong.MaxValue), (Payload<ulong>(e, "iova"), Payload<ulong>(e, "length"))));
        Assert.InRange(allocated.Sum(), 0, events.Length * 4096L + 1_000_000); // by events, not by faults
    }

    [Fact]
    public void The_limit_starts_anew_with_each_second()
    {
        var limit = new FaultEventLimit();
        int Admitted(long second) => Enumerable.Range(0, 1000).Count(_ => limit.Admit(second));
        Assert.Equal(FaultEventLimit.EventsPerSecond, Admitted(5));
        Assert.Equal(0, Admitted(5));
        Assert.Equal(FaultEventLimit.EventsPerSecond, Admitted(6));
        Assert.Equal(3000 - 2 * FaultEventLimit.EventsPerSecond, limit.Suppressed);
    }

    [Fact]
    public void Nothing_is_formatted_or_allocated_when_nobody_listens()
    {
        Listening.AwaitSilence();
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0x5000_0000, At(0), Window, DmaPermissions.ReadWrite);
        container.MapMsiBank(1, At(4));
        machine.Engine.CreateGroup(0, [0x42], [1]).Attach(container);
        using var memory = new GuestMemory();
        memory.Add(0x5000_0000, new byte[Window]);
        var port = new DmaPort(machine.Reader, 0x42, memory);
        byte[] word = new byte[4];
        byte[] map = Bytes(32u, 3u, 0x5000_0000ul, At(0), Window);
        (string What, Func<bool> Run)[] parts =
        [
            ("a hit", () => port.Write(At(0), word).IsOk),
            ("a message", () => port.Write(At(4) + 0x140, word).IsOk),
            ("a fault", () => !port.Write(At(7), word).IsOk),
            ("a refused request", () => container.Ioctl(PamuRequests.PamuUnmapMsiBank, map) == -(long)Errno.EINVAL),
            ("a request", () => container.Ioctl(PamuRequests.GetApiVersion) == 0),
        ];
        foreach ((string what, Func<bool> run) in parts)
        {
            bool isAsExpected = true;
            long bytes = AllocatedBytes.Of(100, () => isAsExpected &= run());
            Assert.Equal((what, true, 0L), (what, isAsExpected, bytes));
        }
    }
}
