using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Control;

public sealed class EngineTests
{
    [Theory]
    [InlineData(-1)]
    [InlineData(65_536)]
    public void A_number_that_is_no_LIODN_is_EINVAL_and_takes_no_group_number(int liodn)
    {
        using var engine = new PamuEngine();

        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => engine.CreateGroup(1, [3, liodn], [])));
        Assert.Equal(Errno.ENODEV, ErrnoOf.Call(() => engine.CreateGroup(1, [3], [-1])));
        engine.CreateGroup(1, [3], []);
    }

    [Fact]
    public void A_group_that_is_in_a_container_or_of_another_engine_is_not_removed()
    {
        using var machine = new Machine();
        using var other = new Machine();
        PamuGroup group = machine.Engine.CreateGroup(1, [0x42], []);
        PamuGroup stranger = other.Engine.CreateGroup(1, [0x42], []);
        group.Attach(machine.Fresh());

        Assert.Equal(Errno.EBUSY, ErrnoOf.Call(() => machine.Engine.RemoveGroup(group)));
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => machine.Engine.RemoveGroup(stranger)));

        stranger.Attach(other.Fresh()); // still a group of its own engine
        group.Detach();
        machine.Engine.RemoveGroup(group);
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => machine.Engine.RemoveGroup(group)));
    }

    [Fact]
    public void A_closed_engine_makes_nothing_and_closes_once()
    {
        var engine = new PamuEngine();
        PamuContainer container = engine.CreateContainer();
        PamuGroup group = engine.CreateGroup(1, [0x42], []);
        engine.Dispose();
        engine.Dispose();

        Assert.Throws<ObjectDisposedException>(engine.CreateContainer);
        Assert.Throws<ObjectDisposedException>(() => engine.CreateGroup(2, [1], []));
        Assert.Throws<ObjectDisposedException>(() => engine.CreateReader());
        Assert.Equal(Errno.EBADF, ErrnoOf.Call(() => engine.RemoveGroup(group)));
        Assert.Equal(Errno.EBADF, ErrnoOf.Call(() => container.SetStash(0, 3)));
        Assert.Empty(engine.Containers);
    }

    [Fact]
    public void A_LIODN_nobody_holds_and_one_beyond_the_last_are_unknown()
    {
        using var engine = new PamuEngine(new PamuPlatform { LiodnCount = 512 });
        using PamuReader reader = engine.CreateReader();
        PamuContainer container = engine.CreateContainer();
        engine.CreateGroup(1, [511], []).Attach(container);

        Assert.Equal(FaultKind.NoMapping, reader.Translate(511u, 0, 1, DmaAccess.Read).Fault);
        foreach (uint liodn in (uint[])[0, 510, 512, 513, 1023, 65_535, 65_536, 0x1_01FF, uint.MaxValue])
        {
            Assert.Equal(FaultKind.UnknownLiodn, reader.Translate(liodn, 0, 1, DmaAccess.Read).Fault);
        }

        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => engine.CreateGroup(2, [512], []).Attach(container)));
    }

    /// <summary>Control calls of one engine take turns: these come from four threads at once, and every one of them counts.</summary>
    [Fact]
    public void Calls_of_many_threads_take_turns()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Fresh();
        container.SetGeometry(0, 0xF_FFFF);
        container.SetWindows(256);
        ulong generation = container.Generation;
        Thread[] threads =
        [
            .. Enumerable.Range(0, 4).Select(part => new Thread(() =>
            {
                for (ulong window = (ulong)part * 64; window < (ulong)part * 64 + 64; window++)
                {
                    container.MapDma(window << 12, window << 12, 0x1000, DmaPermissions.Read);
                }
            })),
        ];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());

        Assert.Equal(256, container.GetWindows().Count);
        Assert.Equal(generation + 256, container.Generation);
    }

    /// <summary>Both are past the first look when the transaction that keeps them waiting ends.</summary>
    [Fact]
    public void A_container_that_two_threads_close_is_closed_once()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        PamuTransaction transaction = container.BeginTransaction();
        var answers = new System.Collections.Concurrent.ConcurrentBag<Errno>();
        Thread[] threads = [.. Enumerable.Range(0, 2).Select(_ => new Thread(() => answers.Add(ErrnoOf.Call(container.Dispose))))];
        Array.ForEach(threads, thread => thread.Start());
        Assert.True(SpinWait.SpinUntil(
            () => Array.TrueForAll(threads, thread => thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin)), TimeSpan.FromSeconds(30)));

        transaction.Dispose();
        Array.ForEach(threads, thread => thread.Join());

        Assert.Equal([Errno.Ok, Errno.Ok], answers);
        Assert.Equal(Errno.EBADF, ErrnoOf.Call(() => container.UnmapDma(At(0), Window)));
    }

    [Fact]
    public void A_reader_without_a_name_has_its_threads()
    {
        using var engine = new PamuEngine();
        var names = new List<string>();
        foreach (string? name in (string?[])["nic", null])
        {
            var thread = new Thread(() =>
            {
                using PamuReader reader = engine.CreateReader();
                names.Add(reader.Name);
                names.Add($"thread {Environment.CurrentManagedThreadId}");
            })
            { Name = name };
            thread.Start();
            thread.Join();
        }

        Assert.Equal(["nic", names[1], names[3], names[3]], names);
    }
}
