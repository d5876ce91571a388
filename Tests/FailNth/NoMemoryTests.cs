using PamuFastPath.Diagnostics;
using PamuFastPath.Tests.Child;
using PamuFastPath.Tests.Mirror;
using PamuFastPath.Tests.Snapshot;

namespace PamuFastPath.Tests.FailNth;

/// <summary>
/// Every native block that something is made of is refused once: ENOMEM, nothing has changed and no block is left over. The tables of control calls are
/// in <see cref="FaultInjectionTests"/>.
/// </summary>
public sealed class NoMemoryTests
{
    private const int ReadersPerChunk = 64;

    [Fact]
    public void An_engine()
    {
        using (new PamuEngine())
        {
            // What engines share is there now.
        }

        long live = NativeBlocks.LiveCountOfThread;
        PamuEngine? engine = null;

        int blocks = Repeated.WithoutMemory(() => ErrnoOf.Call(() => engine = new PamuEngine()));

        Assert.Equal(4, blocks); // epoch, table and cell of unknown LIODNs, LIODN map
        using (PamuReader reader = engine!.CreateReader()) // one that is open when its engine goes would keep blocks
        {
            Assert.Equal(FaultKind.UnknownLiodn, reader.Translate(0u, 0, 1, DmaAccess.Read).Fault);
        }

        engine.Dispose();
        Assert.Equal(live, NativeBlocks.LiveCountOfThread);
    }

    /// <summary>It also makes what all engines share; a failure is not remembered.</summary>
    [Fact]
    public void The_first_engine_of_a_process()
    {
        ChildResult result = ChildProcess.Run(TimeSpan.FromMinutes(1), environment: null, "first-engine");

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal("ENOMEM 0, ENOMEM 1, ENOMEM 1, ENOMEM 3, Ok 7", result.Output.Trim());
    }

    [Fact]
    public void A_container()
    {
        using var engine = new PamuEngine();
        using PamuReader reader = engine.CreateReader();
        PamuContainer first = engine.CreateContainer();
        PamuContainer? second = null;

        int blocks = Repeated.WithoutMemory(
            () => ErrnoOf.Call(() => second = engine.CreateContainer()), () => Assert.Equal([first], engine.Containers));

        Assert.Equal(2, blocks); // table and cell
        Assert.Equal((1, 1ul), (second!.Fd, second.Generation));
        Assert.Equal(FaultKind.NoMapping, reader.Translate(second, 0, 1, DmaAccess.Read).Fault);
        long live = NativeBlocks.LiveCountOfThread;
        second.Dispose();
        Assert.Equal(live - blocks, NativeBlocks.LiveCountOfThread);
    }

    [Fact]
    public void A_reader()
    {
        using var engine = new PamuEngine();
        var readers = new List<PamuReader>();
        int refused = 0;
        for (int made = 0; made < 2 * ReadersPerChunk + 1; made++)
        {
            refused += Repeated.WithoutMemory(
                () => ErrnoOf.Call(() => readers.Add(engine.CreateReader())), () => Assert.Equal((made, made), (engine.Readers.SlotCount, readers.Count)));
        }

        Assert.Equal(3, refused); // readers 0, 64 and 128: each the first of its chunk of slots
        foreach (PamuReader reader in readers)
        {
            Assert.Equal(FaultKind.UnknownLiodn, reader.Translate(1u, 0, 1, DmaAccess.Read).Fault);
        }
    }

    [Fact]
    public void Counters_of_a_reader()
    {
        using var engine = new PamuEngine(new PamuPlatform { Counting = AccessCounting.On });
        using PamuReader first = engine.CreateReader();
        PamuReader? second = null;
        using (engine.CreateReader())
        {
            // Its slot is there to be used again.
        }

        int blocks = Repeated.WithoutMemory(
            () => ErrnoOf.Call(() => second = engine.CreateReader()), () => Assert.Equal(1, engine.GetStatistics().Readers));

        Assert.Equal((1, 2), (blocks, engine.Readers.SlotCount));
        second!.Translate(0u, 0, 1, DmaAccess.Read);
        long live = NativeBlocks.LiveCountOfThread;
        second.Dispose();
        Assert.Equal(live - 1, NativeBlocks.LiveCountOfThread);
        Assert.Equal(1UL, engine.GetStatistics().Accesses.Faults[(int)FaultKind.UnknownLiodn]);
    }

    [Fact]
    public void Counters_when_counting_is_switched_on()
    {
        using var engine = new PamuEngine(new PamuPlatform { Counting = AccessCounting.Off });
        using PamuReader one = engine.CreateReader();
        using PamuReader two = engine.CreateReader();
        long live = NativeBlocks.LiveCountOfThread;

        // All readers or none are counted. What one got before it failed for the other stays its own: nobody sees it.
        foreach (int n in (int[])[1, 2])
        {
            Assert.False(Repeated.FailsAt(n, () => ErrnoOf.Call(() => engine.Counting = AccessCounting.On), out Errno errno));
            Assert.Equal(Errno.ENOMEM, errno);
            Assert.Equal((AccessCounting.Off, false, live + n - 1), (engine.Counting, engine.GetStatistics().IsCounting, NativeBlocks.LiveCountOfThread));
            one.Translate(0u, 0, 1, DmaAccess.Read);
            two.Translate(0u, 0, 1, DmaAccess.Read);
            Assert.Equal(0UL, engine.GetStatistics().Accesses.Translations);
        }

        engine.Counting = AccessCounting.On;
        Assert.Equal(live + 2, NativeBlocks.LiveCountOfThread);
        one.Translate(0u, 0, 1, DmaAccess.Read);
        two.Translate(0u, 0, 1, DmaAccess.Read);
        Assert.Equal(2UL, engine.GetStatistics().Accesses.Translations);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_restored_snapshot(bool hasHardware)
    {
        byte[] snapshot = SnapshotMachine.Saved();
        using var machine = new SnapshotMachine();
        FakeMirror? hardware = hasHardware ? new FakeMirror(machine.Container) : null;
        if (hardware != null)
        {
            machine.Container.BindHardware(hardware);
        }

        byte[] before = machine.Container.Save();

        int blocks = Repeated.WithoutMemory(() => ErrnoOf.Call(() => machine.Container.Restore(snapshot)), () =>
        {
            Assert.Equal(before, machine.Container.Save());
            Assert.Equal(0, machine.Engine.Faults.TotalCount);
            machine.Engine.RemoveGroup(machine.Engine.CreateGroup(7, [0x51, 0x42], [])); // neither number nor LIODNs are taken
        });

        Assert.Equal(1, blocks);
        Assert.Equal(snapshot, machine.Container.Save());
        Assert.Equal(hasHardware ? FakeMirror.Expected(machine.Container) : null, hardware?.Describe());
    }

    [Fact]
    public void Giving_back_needs_no_memory()
    {
        long live = NativeBlocks.LiveCountOfThread;
        var machine = new SnapshotMachine().Fill();
        PamuReader second = machine.Engine.CreateReader();
        PamuContainer other = machine.Engine.CreateContainer();

        bool isLeft = Repeated.FailsAt(1, () => ErrnoOf.Call(() =>
        {
            second.Dispose();
            other.Dispose();
            machine.Container.Dispose();
            machine.Engine.RemoveGroup(machine.Engine.CreateGroup(1, [1], []));
            machine.Dispose();
        }), out Errno errno);

        Assert.Equal((true, Errno.Ok), (isLeft, errno));
        Assert.Equal(live, NativeBlocks.LiveCountOfThread);
    }

    /// <summary>
    /// In a process of its own: a closed reader's slot, the closed table, its cell, and the first block of the engine itself are refused. What
    /// engines share is kept when it is whole: prints how each attempt ended, and how many blocks were taken then.
    /// </summary>
    internal static int FirstEngine()
    {
        int[] failing = [1, 2, 2, 3, 0];
        Console.WriteLine(string.Join(", ", failing.Select(n =>
        {
            _ = Repeated.FailsAt(n, () => ErrnoOf.Call(() => _ = new PamuEngine()), out Errno errno);
            return $"{errno} {NativeBlocks.LiveCount}";
        })));
        return 0;
    }
}
