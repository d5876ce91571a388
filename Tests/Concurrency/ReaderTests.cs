using System.Diagnostics.Tracing;
using PamuFastPath.Diagnostics;

namespace PamuFastPath.Tests.Concurrency;

public class ReaderTests
{
    private const ulong WindowBytes = 0x10_0000;

    private static PamuContainer MappedContainer(PamuEngine engine)
    {
        PamuContainer container = engine.CreateContainer();
        container.SetGeometry(0, 16 * WindowBytes - 1);
        container.SetWindows(16);
        container.MapDma(0x1000_0000, 0, WindowBytes, DmaPermissions.ReadWrite);
        return container;
    }

    private static Thread UnmapInBackground(PamuContainer container)
    {
        var thread = new Thread(() => container.UnmapDma(0, WindowBytes)) { IsBackground = true };
        thread.Start();
        return thread;
    }

    [Fact]
    public void A_waiting_call_in_the_callers_own_section_is_EDEADLK_and_changes_nothing()
    {
        using var engine = new PamuEngine();
        PamuContainer container = MappedContainer(engine);
        using PamuReader reader = engine.CreateReader();
        using ReaderSection section = reader.Enter(container);
        ulong generation = container.Generation;

        Assert.Equal(Errno.EDEADLK, Assert.Throws<PamuException>(() => container.UnmapDma(0, WindowBytes)).Errno);
        Assert.Equal(Errno.EDEADLK, Assert.Throws<PamuException>(container.Dispose).Errno);
        Assert.Equal(generation, container.Generation);
        Assert.Single(container.GetWindows());
    }

    [Fact]
    public void A_call_that_only_adds_does_not_wait_even_in_a_section()
    {
        using var engine = new PamuEngine();
        PamuContainer container = MappedContainer(engine);
        using PamuReader reader = engine.CreateReader();
        using ReaderSection section = reader.Enter(container);

        container.MapDma(0x2000_0000, WindowBytes, WindowBytes, DmaPermissions.Read);

        Assert.Equal(FaultKind.NoMapping, section.Translate(WindowBytes, 4, DmaAccess.Read).Fault);
        using ReaderSection inner = reader.Enter(container);
        Assert.Equal(0x2000_0000ul, inner.Translate(WindowBytes, 4, DmaAccess.Read).Target);
    }

    [Fact]
    public void An_adding_call_in_a_section_is_EDEADLK_while_another_thread_waits_for_that_section()
    {
        using var engine = new PamuEngine();
        PamuContainer container = MappedContainer(engine);
        using PamuReader reader = engine.CreateReader();
        Thread unmap;
        using (ReaderSection section = reader.Enter(container))
        {
            unmap = UnmapInBackground(container);
            SpinWait.SpinUntil(() => container.Generation == 5); // published; now it waits for us, and holds the control lock
            Assert.Equal(Errno.EDEADLK, Assert.Throws<PamuException>(() => container.MapDma(0x1000, WindowBytes, 0x1000, DmaPermissions.Read)).Errno);
            Assert.Single(engine.Containers); // names are not behind that lock
            Assert.Null(engine.FindContainer(7));
        }

        unmap.Join();
        container.MapDma(0x1000, WindowBytes, 0x1000, DmaPermissions.Read);
    }

    [Fact]
    public void A_null_container_is_refused_before_the_reader_is_announced()
    {
        using var engine = new PamuEngine();
        using PamuReader reader = engine.CreateReader();

        Assert.Throws<NullReferenceException>(() => reader.Enter(null!).Dispose());
        Assert.Throws<NullReferenceException>(() => { _ = reader.Translate(null!, 0, 1, DmaAccess.Read); });
        Assert.False(reader.IsInSection);
    }

    [Fact]
    public void Readers_whose_object_is_lost_are_removed_by_name()
    {
        using var engine = new PamuEngine();
        PamuContainer container = MappedContainer(engine);
        var thread = new Thread(() => _ = engine.CreateReader("gone").Enter(container).Table.Generation);
        thread.Start();
        thread.Join();

        Assert.Equal(1, engine.RemoveReadersByForce("gone"));
        Assert.Equal(0, engine.RemoveReadersByForce("gone"));
        container.UnmapDma(0, WindowBytes);
    }

    [Fact]
    public void Unmap_waits_for_a_section_and_returns_when_it_is_left()
    {
        using var engine = new PamuEngine();
        PamuContainer container = MappedContainer(engine);
        using var parked = new ParkedReader(engine, container);

        Thread unmap = UnmapInBackground(container);
        SpinWait.SpinUntil(() => container.Generation == 5); // published; now it waits
        Assert.False(unmap.Join(50));
        Assert.Equal(0x1000_0000ul, parked.Ask(0));

        parked.Leave();
        unmap.Join();
        Assert.Equal(0, engine.Publisher.RetiredCount);
    }

    [Fact]
    public void An_inner_sections_end_does_not_end_the_outer_one()
    {
        using var engine = new PamuEngine();
        PamuContainer container = MappedContainer(engine);
        using var parked = new ParkedReader(engine, container);
        parked.EnterAndLeaveInner();

        Thread unmap = UnmapInBackground(container);
        SpinWait.SpinUntil(() => container.Generation == 5);
        Assert.False(unmap.Join(50));
        parked.Leave();
        unmap.Join();
    }

    [Fact]
    public void A_reader_whose_thread_died_in_a_section_is_reported_and_holds_memory_until_removed_by_force()
    {
        using var engine = new PamuEngine();
        PamuContainer container = MappedContainer(engine);
        using var events = new LongWaits();
        PamuReader? lost = null;
        var thread = new Thread(() =>
        {
            lost = engine.CreateReader("lost");
            _ = lost.Enter(container).Table.Generation;
        });
        thread.Start();
        thread.Join();

        Thread unmap = UnmapInBackground(container);
        try
        {
            (string Reader, bool IsAlive) wait = events.Next();
            Assert.Equal(("lost", false), wait);
            Assert.True(unmap.IsAlive);
            Assert.Equal(["lost"], engine.ReadersInSection);
        }
        finally
        {
            lost!.RemoveByForce(); // or closing the engine waits, too
            unmap.Join();
        }

        Assert.Throws<ObjectDisposedException>(() => lost.Enter(container).Dispose());
    }

    [Fact]
    public void Adding_calls_alone_keep_a_bounded_number_of_tables()
    {
        using var engine = new PamuEngine();
        using PamuReader reader = engine.CreateReader();
        var containers = new List<PamuContainer>();
        int most = 0;
        for (int i = 0; i < 40; i++)
        {
            PamuContainer container = MappedContainer(engine);
            for (ulong window = 1; window < 16; window++)
            {
                container.MapDma(0x1000, window * WindowBytes, 0x1000, DmaPermissions.Read);
                most = Math.Max(most, engine.Publisher.RetiredCount);
            }
        }

        Assert.InRange(most, 32, 64);
    }

    [Fact]
    public void A_parked_reader_keeps_every_table_it_could_hold_and_no_more_after_it_left()
    {
        using var engine = new PamuEngine();
        PamuContainer container = MappedContainer(engine);
        engine.Publisher.Reclaim();
        using (var parked = new ParkedReader(engine, container))
        {
            for (ulong window = 1; window < 16; window++)
            {
                container.MapDma(0x1000, window * WindowBytes, 0x1000, DmaPermissions.Read);
            }

            engine.Publisher.Reclaim();
            Assert.Equal(15, engine.Publisher.RetiredCount);
            Assert.Equal(0x1000_0000ul, parked.Ask(0));
        }

        engine.Publisher.Reclaim();
        Assert.Equal(0, engine.Publisher.RetiredCount);
    }

    [Fact]
    public void Adding_calls_beside_a_parked_reader_wait_when_too_many_tables_do()
    {
        using var engine = new PamuEngine();
        PamuContainer container = engine.CreateContainer();
        using var parked = new ParkedReader(engine, container);
        using var waits = new ManualResetEventSlim();
        engine.Publisher.WaitsLong = (_, _) => waits.Set(); // only a call that waits tells
        var calls = new Thread(() => Republish(container, Publisher.RetiredMost + 100));
        calls.Start();
        bool didWait = waits.Wait(TimeSpan.FromSeconds(30));
        (bool isUnderWay, int most) = (calls.IsAlive, engine.Publisher.RetiredCount);
        parked.Leave();
        calls.Join();

        Assert.True(didWait && isUnderWay);
        Assert.Equal(Publisher.RetiredMost + 1, most);
        Assert.InRange(engine.Publisher.RetiredCount, 0, 100);
    }

    [Fact]
    public void An_adding_call_in_a_section_is_EDEADLK_when_too_many_tables_wait_for_it()
    {
        using var engine = new PamuEngine();
        PamuContainer container = engine.CreateContainer();
        using PamuReader reader = engine.CreateReader();
        using (ReaderSection section = reader.Enter(container))
        {
            Republish(container, Publisher.RetiredMost);
            ulong generation = container.Generation;

            PamuException refused = Assert.Throws<PamuException>(() => Republish(container, 1));

            Assert.Equal((Errno.EDEADLK, "caller"), (refused.Errno, refused.Parameter));
            Assert.Contains("1024 tables", refused.Message, StringComparison.Ordinal);
            Assert.Equal((generation, Publisher.RetiredMost), (container.Generation, engine.Publisher.RetiredCount));
            Assert.Equal(1ul, section.Table.Generation);
        }

        using (reader.Enter(container)) // a new section holds none of them
        {
            Republish(container, 1);
        }

        Assert.Equal(1, engine.Publisher.RetiredCount);
    }

    /// <summary>An attempt to free is a process-wide barrier, and useless while the reader stays.</summary>
    [Fact]
    public void Beside_a_parked_reader_each_64th_table_is_an_attempt_to_free_not_each()
    {
        using var engine = new PamuEngine();
        PamuContainer container = engine.CreateContainer();
        var parked = new ParkedReader(engine, container);
        Republish(container, 70); // the attempt at 64 frees nothing
        parked.Leave();

        Republish(container, 57);
        Assert.Equal(127, engine.Publisher.RetiredCount);
        Republish(container, 1);
        Assert.Equal(0, engine.Publisher.RetiredCount);
    }

    /// <summary>Calls that only add, each of which replaces the table: nothing is mapped in the apertures they set.</summary>
    private static void Republish(PamuContainer container, int times)
    {
        for (int i = 0; i < times; i++)
        {
            ulong odd = container.Generation % 2;
            container.SetGeometry(0, (WindowBytes << (int)odd) - 1);
        }
    }

    [Fact]
    public void A_closed_reader_throws_and_its_slot_is_used_again()
    {
        using var engine = new PamuEngine();
        PamuContainer container = MappedContainer(engine);
        for (int i = 0; i < 1000; i++)
        {
            PamuReader reader = engine.CreateReader();
            reader.Enter(container).Dispose();
            reader.Dispose();
            Assert.Throws<ObjectDisposedException>(() => reader.Enter(container).Dispose());
        }

        Assert.Equal(1, engine.Readers.SlotCount);
    }

    [Fact]
    public void A_disposed_container_answers_every_device_with_a_fault()
    {
        using var engine = new PamuEngine();
        PamuContainer container = MappedContainer(engine);
        engine.CreateGroup(0, [7], []).Attach(container);
        using PamuReader reader = engine.CreateReader();
        container.Dispose();

        Assert.Equal(FaultKind.OutOfAperture, reader.Translate(container, 0, 4, DmaAccess.Read).Fault);
        Assert.Equal(FaultKind.UnknownLiodn, reader.Translate(7, 0, 4, DmaAccess.Read).Fault);
        Assert.Equal(-(long)Errno.EBADF, container.Ioctl(PamuRequests.GetApiVersion));
        Assert.Equal(Errno.EBADF, Assert.Throws<PamuException>(() => container.SetWindows(1)).Errno);
    }

    [Fact]
    public void An_engine_with_a_reader_in_a_section_is_not_disposed()
    {
        using var engine = new PamuEngine();
        PamuContainer container = MappedContainer(engine);
        PamuReader reader = engine.CreateReader();
        ReaderSection section = reader.Enter(container);

        Assert.Throws<InvalidOperationException>(engine.Dispose);
        Assert.Throws<InvalidOperationException>(reader.Dispose);
        Assert.Throws<InvalidOperationException>(reader.TakeOver);

        section.Dispose();
        engine.Dispose();
        Assert.Throws<ObjectDisposedException>(() => reader.Enter(container).Dispose());
    }

    /// <summary>Listens for grace periods that last long.</summary>
    private sealed class LongWaits : EventListener
    {
        private readonly System.Collections.Concurrent.BlockingCollection<(string, bool)> _waits = [];

        internal (string Reader, bool IsAlive) Next()
        {
            Assert.True(_waits.TryTake(out (string, bool) wait, TimeSpan.FromSeconds(30)), "no long wait was reported");
            return wait;
        }

        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (eventSource.Name == PamuEventSource.ProviderName)
            {
                EnableEvents(eventSource, EventLevel.Warning, PamuEventSource.Keywords.Publication);
            }
        }

        protected override void OnEventWritten(EventWrittenEventArgs eventData)
        {
            if (eventData.EventName == nameof(PamuEventSource.GraceWaitLong))
            {
                _waits.Add(((string)eventData.Payload![0]!, (bool)eventData.Payload[2]!));
            }
        }
    }
}
