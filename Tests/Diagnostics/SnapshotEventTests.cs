using System.Diagnostics.Tracing;
using PamuFastPath.Diagnostics;
using PamuFastPath.Tests.Control;
using static PamuFastPath.Tests.Control.Machine;
using static PamuFastPath.Tests.Diagnostics.EngineListener;

namespace PamuFastPath.Tests.Diagnostics;

/// <summary>Snapshots: absolute totals that equal what the process counted, for as long as somebody listens.</summary>
[Collection(nameof(Listening))]
public class SnapshotEventTests
{
    private static readonly (string, string) Fast = ("SnapshotIntervalSec", "0.05");

    [Fact]
    public void Who_listens_has_accesses_counted_and_sees_every_one_of_them()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0x5000_0000, At(0), 2 * Window, DmaPermissions.ReadWrite);
        container.MapMsiBank(1, At(4));
        machine.Engine.CreateGroup(0, [0x42], [1]).Attach(container);
        using (var listener = new EngineListener(machine.Engine.Number, EventLevel.Informational, PamuEventSource.Keywords.Counters, Fast))
        {
            listener.Await("EngineTotals", events => events.Any(e => Payload<int>(e, "isCounting") == 1));
            for (int i = 0; i < 1000; i++)
            {
                machine.Reader.Translate(container, At(1), 64, DmaAccess.Write);
            }

            machine.Reader.Translate(0x42u, At(4), 4, DmaAccess.Write);
            machine.Reader.Translate(0x42u, At(7), 4, DmaAccess.Write);
            machine.Reader.Translate(0x43u, At(7), 4, DmaAccess.Write);
            EventWrittenEventArgs totals = listener.Await("EngineTotals", events => Payload<ulong>(events[^1], "translations") == 1003)[^1];
            Assert.Equal((64_000UL, 0UL, 1UL, 2UL, 2), (
                Payload<ulong>(totals, "bytesWritten"),
                Payload<ulong>(totals, "bytesRead"),
                Payload<ulong>(totals, "msiHits"),
                Payload<ulong>(totals, "faults"),
                Payload<int>(totals, "containers")));
            ulong sequence = Payload<ulong>(totals, "sequence");
            EventWrittenEventArgs[] parts = listener.Await("ContainerTotals", events => events.Count(e => Payload<ulong>(e, "sequence") == sequence) == 2);
            EventWrittenEventArgs none = parts.Single(e => Payload<ulong>(e, "sequence") == sequence && Payload<int>(e, "container") == -1);
            EventWrittenEventArgs own = parts.Single(e => Payload<ulong>(e, "sequence") == sequence && Payload<int>(e, "container") == container.Fd);
            Assert.Equal([0UL, 0, 0, 0, 0, 1, 0, 0], Counts(none, "faults", 8));
            Assert.Equal([0UL, 0, 1, 0, 0, 0, 0, 0], Counts(own, "faults", 8));
            Assert.Equal([0UL, 1, 0], Counts(own, "msiHits", 3));
            Assert.Equal([0UL, 1000, 0, 0, 0, 0, 0, 0], Counts(own, "windowSamples", 8));
            Assert.Empty(Payload<string>(own, "windowHits"));
            Assert.Equal((1000UL, 8, At(0)), (Payload<ulong>(own, "memoryHits"), Payload<int>(own, "windows"), Payload<ulong>(own, "apertureStart")));
        }

        Listening.AwaitSilence();
        Assert.Equal(EngineList.IsObservedBy(Observer.Meter), machine.Engine.GetStatistics().IsCounting);
        Assert.Equal(1003UL, machine.Engine.GetStatistics().Accesses.Translations);
    }

    [Fact]
    public void Enabling_again_writes_a_snapshot_at_once_and_disposing_a_last_one()
    {
        EngineListener listener;
        int number;
        using (var machine = new Machine(new PamuPlatform { Counting = AccessCounting.On }))
        {
            number = machine.Engine.Number;
            listener = new EngineListener(number, EventLevel.Informational, PamuEventSource.Keywords.Counters, ("SnapshotIntervalSec", "3600"));
            listener.Await("EngineTotals", static events => events.Length == 1);
            machine.Reader.Translate(1u, 0, 1, DmaAccess.Read);
            listener.Enable(EventLevel.Informational, PamuEventSource.Keywords.Counters, ("SnapshotIntervalSec", "3600"));
            EventWrittenEventArgs[] events = listener.Await("EngineTotals", static events => events.Length == 2);
            Assert.Equal(1UL, Payload<ulong>(events[1], "translations"));
            machine.Reader.Translate(1u, 0, 1, DmaAccess.Read);
        }

        EventWrittenEventArgs last = listener.Await("EngineTotals", static events => events.Length == 3)[2];
        Assert.Equal(1, Payload<int>(last, "isLast"));
        Assert.Equal(2UL, Payload<ulong>(last, "translations"));
        listener.Dispose();
    }

    [Fact]
    public void Windows_are_sampled_in_proportion_to_their_use()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0x5000_0000, At(0), 2 * Window, DmaPermissions.ReadWrite);
        using var listener = new EngineListener(machine.Engine.Number, EventLevel.Informational, PamuEventSource.Keywords.Counters, Fast);
        listener.Await("EngineTotals", events => events.Any(e => Payload<int>(e, "isCounting") == 1));
        int seen = listener.Of("EngineTotals").Length;
        for (ulong i = 0; listener.Of("EngineTotals").Length < seen + 40; i++)
        {
            machine.Reader.Translate(container, At(i % 4 == 0 ? 1 : 0), 64, DmaAccess.Write);
        }

        ReadOnlySpan<ulong> samples = container.GetStatistics().Accesses.WindowSamples;
        Assert.True(samples[0] > samples[1] && samples[1] > 0, $"{samples[0]} and {samples[1]}, three of four go to the first");
    }

    [Fact]
    public void A_hundred_listeners_that_come_and_go_cost_no_count()
    {
        using var machine = new Machine(new PamuPlatform { Counting = AccessCounting.On });
        PamuContainer container = machine.Ready();
        container.MapDma(0x5000_0000, At(0), Window, DmaPermissions.ReadWrite);
        using var done = new CancellationTokenSource();
        ulong translated = 0;
        var reading = new Thread(() =>
        {
            while (!done.IsCancellationRequested)
            {
                using PamuReader reader = machine.Engine.CreateReader();
                for (int i = 0; i < 1000; i++)
                {
                    reader.Translate(container, At(0), 64, DmaAccess.Write);
                }

                translated += 1000;
            }
        });
        reading.Start();
        for (int i = 0; i < 100; i++)
        {
            using var listener = new EngineListener(machine.Engine.Number, EventLevel.Verbose, EventKeywords.All, Fast);
            if (i % 10 == 0)
            {
                listener.Await("EngineTotals", static events => events.Length > 0);
            }
        }

        done.Cancel();
        reading.Join();
        Assert.Equal(translated, container.GetStatistics().Accesses.MemoryHits);
        Assert.Equal(translated * 64, container.GetStatistics().Accesses.BytesWritten);
    }
}
