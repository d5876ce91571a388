using System.Runtime.CompilerServices;
using PamuFastPath.Diagnostics;
using PamuFastPath.Tests.Control;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Concurrency;

/// <summary>Readers that come, go, change their thread, get lost or die.</summary>
public sealed class ReaderLifeTests
{
    [Fact]
    public void A_lost_reader_gives_its_slot_back_unless_it_is_inside_a_section()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0x40_0000, At(0), Window, DmaPermissions.Read);
        Lose(machine.Engine, "inside", enters: true, container); // slot 1; 0 is the machine's own reader
        Lose(machine.Engine, "outside", enters: false, container); // slot 2
        ReaderRegistry readers = machine.Engine.Readers;

        // The finalizer gives slot 2 back. It asks for slot 1 as well, again and again, and is refused.
        Assert.True(SpinWait.SpinUntil(() => Collect() && readers.Record(2) == null, TimeSpan.FromSeconds(30)));
        Collect();
        using PamuReader next = machine.Engine.CreateReader("next");
        using PamuReader another = machine.Engine.CreateReader("another");

        Assert.Equal(["inside", "next", "another"], Enumerable.Range(1, 3).Select(slot => readers.Record(slot)?.Name));
        Assert.Equal(["inside"], machine.Engine.ReadersInSection);
        Assert.Equal(1, machine.Engine.RemoveReadersByForce("inside"));
        container.UnmapDma(At(0), Window);
    }

    /// <summary>Its thread might not be dead after all, and still write to the slot.</summary>
    [Fact]
    public void The_slot_of_a_reader_that_was_removed_by_force_is_never_used_again()
    {
        using var machine = new Machine();
        PamuReader removed = machine.Engine.CreateReader("removed");
        int slots = machine.Engine.Readers.SlotCount;
        removed.RemoveByForce();
        removed.RemoveByForce();
        removed.Dispose();

        using PamuReader next = machine.Engine.CreateReader("next");

        Assert.Equal(slots + 1, machine.Engine.Readers.SlotCount);
        Assert.False(removed.IsInSection);
    }

    [Fact]
    public void A_reader_that_another_thread_took_over_counts_as_that_threads()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0x40_0000, At(0), Window, DmaPermissions.Read);
        PamuReader? handed = null;
        var maker = new Thread(() => handed = machine.Engine.CreateReader("handed"));
        maker.Start();
        maker.Join();
        using PamuReader reader = handed!;
        reader.TakeOver();

        using (reader.Enter(container))
        {
            Assert.Equal(Errno.EDEADLK, ErrnoOf.Call(() => container.UnmapDma(At(0), Window)));
        }

        container.UnmapDma(At(0), Window);
    }

    [Fact]
    public void A_single_access_inside_a_section_uses_the_newest_table_and_leaves_the_section_open()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        machine.Engine.CreateGroup(1, [0x42], []).Attach(container);
        using (ReaderSection section = machine.Reader.Enter(0x42u))
        {
            container.MapDma(0x40_0000, At(0), Window, DmaPermissions.Read);

            Assert.Equal(FaultKind.NoMapping, section.Translate(At(0), 4, DmaAccess.Read).Fault);
            Assert.Equal(0x40_0000ul, machine.Reader.Translate(0x42u, At(0), 4, DmaAccess.Read).Target);
            Assert.Equal(0x40_0000ul, machine.Reader.Translate(container, At(0), 4, DmaAccess.Read).Target);
            Assert.True(machine.Reader.IsInSection);
        }

        Assert.False(machine.Reader.IsInSection);
    }

    /// <summary>The table goes with the container: whoever reads it has to be waited for.</summary>
    [Fact]
    public void Closing_a_container_waits_for_a_section_on_it()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0x40_0000, At(0), Window, DmaPermissions.Read);
        using var entered = new ManualResetEventSlim();
        using var leave = new ManualResetEventSlim();
        Translation late = default;
        var device = new Thread(() =>
        {
            using PamuReader reader = machine.Engine.CreateReader("device");
            using ReaderSection section = reader.Enter(container);
            entered.Set();
            leave.Wait();
            late = section.Translate(At(0), 4, DmaAccess.Read);
        });
        device.Start();
        entered.Wait();
        var close = new Thread(container.Dispose);
        close.Start();
        SpinWait.SpinUntil(() => machine.Engine.Containers.Count == 0); // closed for others; now it waits
        Assert.False(close.Join(50));

        leave.Set();
        device.Join();
        close.Join();

        Assert.Equal(0x40_0000ul, late.Target);
    }

    /// <summary>Whoever closes a container may free what its devices reached, also where another thread came first.</summary>
    [Fact]
    public void Closing_a_container_that_another_thread_is_closing_waits_with_it()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        using var parked = new ParkedReader(machine.Engine, container);
        var first = new Thread(container.Dispose);
        first.Start();
        SpinWait.SpinUntil(() => machine.Engine.Containers.Count == 0); // closed for others; now it waits
        var second = new Thread(container.Dispose);
        second.Start();
        SpinWait.SpinUntil(() => !second.IsAlive || second.ThreadState.HasFlag(ThreadState.WaitSleepJoin));
        Assert.True(second.IsAlive);

        parked.Leave();
        first.Join();
        second.Join();
    }

    /// <summary>It may still reach what its container mapped until the hardware has let go; then nothing is left to be said.</summary>
    [Fact]
    public void Closing_a_container_that_its_engine_is_closing_waits_for_the_hardware()
    {
        var engine = new PamuEngine();
        PamuContainer container = engine.CreateContainer();
        Exception? thrown = null;
        bool waits = false;
        var second = new Thread(() => thrown = Record.Exception(container.Dispose));
        container.BindHardware(new ClosingMirror(() =>
        {
            second.Start();
            SpinWait.SpinUntil(() => !second.IsAlive || second.ThreadState.HasFlag(ThreadState.WaitSleepJoin));
            waits = second.IsAlive;
        }));

        engine.Dispose();
        second.Join();

        Assert.Equal((true, null), (waits, thrown));
    }

    [Fact]
    public void A_container_that_is_opened_while_its_engine_closes_is_closed_too()
    {
        var engine = new PamuEngine();
        PamuContainer? late = null;
        engine.CreateContainer().BindHardware(new ClosingMirror(() => late ??= engine.CreateContainer()));

        engine.Dispose();

        Assert.Equal(-(long)Errno.EBADF, late!.Ioctl(PamuRequests.GetApiVersion));
        late.Dispose();
        Assert.Throws<ObjectDisposedException>(engine.CreateContainer);
    }

    [Fact]
    public void A_reader_removed_by_name_is_closed_whoever_still_has_it()
    {
        var engine = new PamuEngine();
        using PamuReader reader = engine.CreateReader("removed");
        Assert.Equal(1, engine.RemoveReadersByForce("removed"));
        engine.Dispose(); // frees its slot

        Assert.False(reader.IsInSection);
        Assert.Throws<ObjectDisposedException>(() => reader.Enter(0).Dispose());
    }

    /// <summary>Its slot may be freed before its counters are.</summary>
    [Fact]
    public unsafe void The_slot_of_a_reader_that_was_removed_by_force_is_left_alone_when_counting_is_switched()
    {
        using var engine = new PamuEngine();
        PamuReader removed = engine.CreateReader();
        ReaderSlot* slot = removed.Slot;
        removed.RemoveByForce();

        engine.Counting = AccessCounting.On;
        engine.CountsWindows = true;

        Assert.Equal((0, 0u), ((nint)slot->Counters, slot->CountsWindows));
        Assert.Equal(0, engine.GetStatistics().Readers);
    }

    /// <summary>The group's devices may still be using the translation that the call takes from them.</summary>
    [Fact]
    public void Detaching_a_group_waits_for_a_section_of_its_device()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0x40_0000, At(0), Window, DmaPermissions.Read);
        PamuGroup group = machine.Engine.CreateGroup(1, [0x42], []);
        group.Attach(container);
        using var entered = new ManualResetEventSlim();
        using var leave = new ManualResetEventSlim();
        var device = new Thread(() =>
        {
            using PamuReader reader = machine.Engine.CreateReader("device");
            using ReaderSection section = reader.Enter(0x42u);
            entered.Set();
            leave.Wait();
        });
        device.Start();
        entered.Wait();
        var detach = new Thread(group.Detach);
        detach.Start();
        Assert.False(detach.Join(50));
        Assert.Same(container, group.Container); // until it is true

        leave.Set();
        device.Join();
        detach.Join();

        Assert.Null(group.Container);
    }

    [Fact]
    public void An_engine_has_at_most_65536_readers()
    {
        using var engine = new PamuEngine();
        var readers = new PamuReader[65_536];
        for (int i = 0; i < readers.Length; i++)
        {
            readers[i] = engine.CreateReader("one of many");
        }

        Assert.Equal(Errno.ENOMEM, ErrnoOf.Call(() => engine.CreateReader()));
        readers[40_000].Dispose();
        engine.CreateReader().Dispose();
        Array.ForEach(readers, reader => reader.Dispose());
    }

    /// <summary>Hardware that does nothing until it is closed.</summary>
    private sealed class ClosingMirror(Action closes) : IHardwareMirror
    {
        Refusal IHardwareMirror.Check(HardwareImage image) => Refusal.None;

        Refusal IHardwareMirror.Apply(HardwareImage image) => Refusal.None;

        public void Dispose() => closes();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Lose(PamuEngine engine, string name, bool enters, PamuContainer container)
    {
        var thread = new Thread(() =>
        {
            PamuReader reader = engine.CreateReader(name);
            if (enters)
            {
                _ = reader.Enter(container).Table.Generation;
            }
        });
        thread.Start();
        thread.Join();
    }

    private static bool Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return true;
    }
}
