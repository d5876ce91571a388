using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Control;

public sealed class TransactionTests
{
    [Fact]
    public void Several_calls_are_published_as_one_table()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Fresh();
        PamuGroup group = machine.Engine.CreateGroup(1, [0x42], [0]);
        ulong generation = container.Generation;

        using (PamuTransaction transaction = container.BeginTransaction())
        {
            transaction.SetGeometry(Start, Start + Count * Window - 1);
            transaction.SetWindows(Count);
            transaction.MapDma(0x40_0000, At(0), Window, DmaPermissions.Read);
            transaction.MapMsiBank(0, At(1));
            transaction.Attach(group);
            Assert.Equal(2, transaction.GetWindows().Count);
            Assert.True(transaction.GetWindows()[1].IsLive);
            Assert.Equal((generation, 0, null), (container.Generation, container.GetWindows().Count, group.Container));
            transaction.Commit();
        }

        Assert.Equal(generation + 1, container.Generation);
        Assert.Equal(2, container.GetWindows().Count);
        Assert.Equal(0, machine.Reader.Translate(0x42u, At(1), 4, DmaAccess.Write).MsiBank);
    }

    [Fact]
    public void Without_a_commit_everything_is_dropped()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        ulong generation = container.Generation;

        using (PamuTransaction transaction = container.BeginTransaction())
        {
            transaction.MapDma(0, At(0), Window, DmaPermissions.Read);
        }

        Assert.Equal((generation, 0), (container.Generation, container.GetWindows().Count));
        container.MapDma(0, At(0), Window, DmaPermissions.Read);
    }

    [Fact]
    public void A_refused_call_leaves_the_transaction_as_it_was()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        using PamuTransaction transaction = container.BeginTransaction();
        transaction.MapDma(0, At(0), Window, DmaPermissions.Read);

        Assert.Equal(Errno.EBUSY, ErrnoOf.Call(() => transaction.MapDma(0, At(0), Window, DmaPermissions.Read)));
        Assert.Equal(Errno.EBUSY, ErrnoOf.Call(() => transaction.SetWindows(4)));
        transaction.Commit();

        Assert.Single(container.GetWindows());
    }

    [Fact]
    public void Control_calls_around_an_open_transaction_are_EDEADLK_on_its_thread()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        PamuContainer other = machine.Ready();
        PamuGroup group = machine.Engine.CreateGroup(1, [0x42], []);
        PamuGroup removable = machine.Engine.CreateGroup(2, [0x43], []);

        using (PamuTransaction transaction = container.BeginTransaction())
        {
            Assert.Equal(Errno.EDEADLK, ErrnoOf.Call(() => other.MapDma(0, At(0), Window, DmaPermissions.Read)));
            Assert.Equal(-(long)Errno.EDEADLK, MapDma(container, 0, At(0), Window));
            Assert.Equal(Errno.EDEADLK, ErrnoOf.Call(() => group.Attach(other)));
            Assert.Equal(Errno.EDEADLK, ErrnoOf.Call(() => container.BeginTransaction()));
            Assert.Equal(Errno.EDEADLK, ErrnoOf.Call(container.Dispose));
            Assert.Equal(Errno.EDEADLK, ErrnoOf.Call(() => machine.Engine.RemoveGroup(removable)));
        }

        Assert.Equal(0, MapDma(container, 0, At(0), Window));
    }

    [Fact]
    public void A_page_source_that_makes_control_calls_gets_EDEADLK()
    {
        PamuContainer? container = null;
        Errno inner = Errno.Ok;
        using var machine = new Machine(new PamuPlatform
        {
            PageSource = (ulong vaddr, ulong length, out ulong target) =>
            {
                inner = ErrnoOf.Call(() => container!.SetStash(0, 3));
                return PamuPlatform.Identity(vaddr, length, out target);
            },
        });
        container = machine.Ready();

        container.MapDma(0, At(0), Window, DmaPermissions.Read);

        Assert.Equal(Errno.EDEADLK, inner);
        Assert.Equal((0u, 0u), container.Stash);
    }

    [Fact]
    public void A_call_that_takes_rights_away_is_EDEADLK_in_a_section_of_its_own_thread_and_one_that_adds_is_not()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        PamuContainer other = machine.Ready();
        container.MapDma(0, At(0), Window, DmaPermissions.Read);
        container.MapMsiBank(0, At(1));
        PamuGroup group = machine.Engine.CreateGroup(1, [0x42], [0]);
        group.Attach(container);

        using (ReaderSection section = machine.Reader.Enter(other)) // whatever table it is
        {
            ulong generation = container.Generation;
            Assert.Equal(-(long)Errno.EDEADLK, UnmapDma(container, At(0), Window, out ulong unmapped));
            Assert.Equal(Window, unmapped); // the argument as it was
            Assert.Equal(-(long)Errno.EDEADLK, UnmapMsiBank(container, At(1)));
            Assert.Equal(-(long)Errno.EDEADLK, group.Ioctl(PamuRequests.GroupUnsetContainer, []));
            Assert.Equal(Errno.EDEADLK, ErrnoOf.Call(container.Dispose));
            Assert.Equal(generation, container.Generation);
            Assert.Equal(2, container.GetWindows().Count);

            Assert.Equal(0, MapDma(container, 0, At(2), Window));
            Assert.Equal(0, UnmapDma(container, At(5), Window, out _)); // takes nothing away
            Assert.Equal(FaultKind.OutOfAperture, section.Translate(0, 1, DmaAccess.Read).Fault);
        }

        Assert.Equal(0, UnmapDma(container, At(0), Window, out _));
    }

    [Fact]
    public void A_commit_refused_in_a_section_keeps_the_transaction_open()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0, At(0), Window, DmaPermissions.Read);
        using PamuTransaction transaction = container.BeginTransaction();
        transaction.UnmapDma(At(0), Window);

        using (machine.Reader.Enter(container))
        {
            Assert.Equal(Errno.EDEADLK, ErrnoOf.Call(transaction.Commit));
        }

        Assert.Single(container.GetWindows());
        transaction.Commit();
        Assert.Empty(container.GetWindows());
        Assert.Throws<ObjectDisposedException>(transaction.Commit);
    }

    [Fact]
    public void A_window_that_is_unmapped_and_mapped_wider_in_one_transaction_takes_nothing_away_and_is_published()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0x40_0000, At(0), 0x1000, DmaPermissions.Read);
        using PamuTransaction transaction = container.BeginTransaction();
        transaction.UnmapDma(At(0), 0x1000);
        transaction.MapDma(0x40_0000, At(0), Window, DmaPermissions.ReadWrite);

        using (machine.Reader.Enter(container))
        {
            transaction.Commit(); // EDEADLK if it took anything away
        }

        Assert.Equal(0x40_1000ul, machine.Reader.Translate(container, At(0) + 0x1000, 4, DmaAccess.Write).Target);
    }

    [Fact]
    public void A_table_is_published_only_when_a_device_could_notice()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        ulong generation = container.Generation;

        container.SetStash(0, 3);
        container.MapMsiBank(0, At(0)); // no group uses the bank
        container.UnmapDma(At(1), Window);
        Assert.Equal(generation, container.Generation);
        container.MapDma(0, At(1), Window, DmaPermissions.Read);
        Assert.Equal(generation + 1, container.Generation);
    }

    [Fact]
    public void A_transaction_belongs_to_the_thread_that_began_it_and_ends_once()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        PamuTransaction transaction = container.BeginTransaction();
        var thrown = new List<Type>();
        var thread = new Thread(() =>
        {
            thrown.Add(Record.Exception(() => transaction.MapDma(0, At(0), Window, DmaPermissions.Read)).GetType());
            thrown.Add(Record.Exception(transaction.Commit).GetType());
            thrown.Add(Record.Exception(transaction.Dispose).GetType());
        });
        thread.Start();
        thread.Join();
        Assert.Equal([typeof(InvalidOperationException), typeof(InvalidOperationException), typeof(InvalidOperationException)], thrown);

        transaction.MapDma(0, At(0), Window, DmaPermissions.Read);
        transaction.Commit();
        transaction.Dispose();
        Assert.Throws<ObjectDisposedException>(transaction.Commit);
        Assert.Single(container.GetWindows());
    }

    [Fact]
    public void A_closed_container_has_no_transaction_and_the_attempt_holds_nobody_up()
    {
        using var machine = new Machine();
        PamuContainer closed = machine.Ready();
        PamuContainer open = machine.Ready();
        closed.Dispose();

        Assert.Equal(Errno.EBADF, ErrnoOf.Call(() => closed.BeginTransaction()));

        open.MapDma(0, At(0), Window, DmaPermissions.Read);
    }
}
