using PamuFastPath.Tests.Mirror;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Snapshot;

public sealed class SaveAndRestoreTests
{
    private static readonly byte[] Good = SnapshotMachine.Saved();

    [Fact]
    public void A_restored_container_is_the_saved_one_and_saves_the_same_bytes()
    {
        using SnapshotMachine saved = new SnapshotMachine().Fill();
        byte[] snapshot = saved.Container.Save();
        using var restored = new SnapshotMachine();

        restored.Container.Restore(snapshot);

        Assert.Equal(Describe(saved), Describe(restored));
        Assert.Equal(saved.Container.CurrentState.Windows.AsEnumerable(), restored.Container.CurrentState.Windows); // vaddrs, too
        Assert.Equal(snapshot, restored.Container.Save());
        Assert.Equal(saved.TakeFaults().Where(fault => fault.Liodn < 0x98), restored.TakeFaults());
    }

    public static TheoryData<string> Beginnings => ["new", "SET_IOMMU", "stash", "geometry", "the platform's geometry", "windows", "group", "unmapped again"];

    [Theory]
    [MemberData(nameof(Beginnings))]
    public void A_container_that_has_come_only_so_far_is_restored_so_far(string step)
    {
        using var saved = new SnapshotMachine();
        PamuContainer container = saved.Container;
        Action reach = step switch
        {
            "new" => () => { }
            ,
            "SET_IOMMU" => () => container.SetIommu(7),
            "stash" => () => container.SetStash(5, 3),
            "geometry" => () => container.SetGeometry(0x1000, 0x1FFF), // with 16 windows of 256 bytes, for now
            "the platform's geometry" => () => container.SetGeometry(0, 0xF_FFFF_FFFF),
            "windows" => () =>
            {
                container.SetGeometry(0x1000, 0x1FFF);
                container.SetWindows(1);
            }
            ,
            "group" => () => saved.Engine.CreateGroup(1, [2, 1], [2, 2]).Attach(container),
            _ => () =>
            {
                container.SetGeometry(0, 0xF_FFFF_FFFF);
                container.SetWindows(16);
                container.MapDma(0, 0, 0x1000, DmaPermissions.Read);
                container.UnmapDma(0, 0x1000);
            }
            ,
        };
        reach();
        byte[] snapshot = container.Save();
        using var restored = new SnapshotMachine();

        restored.Container.Restore(snapshot);

        Assert.Equal(Describe(saved), Describe(restored));
        Assert.Equal(snapshot, restored.Container.Save());
    }

    [Fact]
    public void A_container_with_any_beginning_is_EBUSY_and_stays_as_it_is()
    {
        foreach (string step in (string[])["SET_IOMMU", "stash", "geometry", "group", "restored"])
        {
            using var machine = new SnapshotMachine();
            Action reach = step switch
            {
                "SET_IOMMU" => () => machine.Container.SetIommu(7),
                "stash" => () => machine.Container.SetStash(5, 3),
                "geometry" => () => machine.Container.SetGeometry(0, 0xF_FFFF_FFFF),
                "group" => () => machine.Engine.CreateGroup(99, [0x99], []).Attach(machine.Container),
                _ => () => machine.Container.Restore(Good),
            };
            reach();
            string before = Describe(machine);

            int groups = machine.Engine.Groups.Count;

            Assert.Equal(Errno.EBUSY, ErrnoOf.Call(() => machine.Container.Restore(Good)));

            Assert.Equal((before, groups), (Describe(machine), machine.Engine.Groups.Count));
        }
    }

    [Fact]
    public void A_free_group_that_is_the_same_is_used()
    {
        using var machine = new SnapshotMachine();
        PamuGroup own = machine.Engine.CreateGroup(7, [0x51, 0x42], [1]);

        machine.Container.Restore(Good);

        Assert.Equal([7, -3], machine.Container.Groups.Select(group => group.Id));
        Assert.Same(own, machine.Container.Groups[0]);
        Assert.Same(machine.Container, own.Container);
        Assert.Equal(Good, machine.Container.Save());
    }

    public static TheoryData<string> TakenGroups => ["other LIODNs", "other order", "other banks", "in a container", "a LIODN of another group", "the last group"];

    [Theory]
    [MemberData(nameof(TakenGroups))]
    public void A_group_or_LIODN_that_is_taken_is_EBUSY_and_leaves_nothing_behind(string how)
    {
        using var machine = new SnapshotMachine();
        PamuContainer other = machine.Engine.CreateContainer();
        PamuGroup taken = how switch
        {
            "other LIODNs" => machine.Engine.CreateGroup(7, [0x51], [1]),
            "other order" => machine.Engine.CreateGroup(7, [0x42, 0x51], [1]),
            "other banks" => machine.Engine.CreateGroup(7, [0x51, 0x42], [0]),
            "a LIODN of another group" => machine.Engine.CreateGroup(8, [0x42], [1]),
            "the last group" => machine.Engine.CreateGroup(8, [0x10], []),
            _ => machine.Engine.CreateGroup(7, [0x51, 0x42], [1]),
        };
        if (how == "in a container")
        {
            taken.Attach(other);
        }

        Assert.Equal(Errno.EBUSY, ErrnoOf.Call(() => machine.Container.Restore(Good)));

        Assert.Equal([taken], machine.Engine.Groups);
        if (how == "in a container")
        {
            Assert.Same(other, taken.Container);
            taken.Detach();
        }

        machine.Engine.RemoveGroup(taken);
        machine.AssertUntouched(Good); // the groups it had made are gone again, and their LIODNs free
    }

    [Fact]
    public void A_group_that_was_restored_is_a_group_like_any_other()
    {
        using var machine = new SnapshotMachine();
        machine.Container.Restore(Good);
        PamuGroup group = machine.Container.Groups[0];
        Assert.Equal(Errno.EBUSY, ErrnoOf.Call(() => machine.Engine.CreateGroup(7, [1], [])));
        Assert.Equal(Errno.EBUSY, ErrnoOf.Call(() => machine.Engine.CreateGroup(1, [0x42], [])));
        Assert.True(machine.Reader.Translate(0x42u, At(0), 4, DmaAccess.Write).IsDma);

        group.Detach();
        Assert.Equal(FaultKind.UnknownLiodn, machine.Reader.Translate(0x42u, At(0), 4, DmaAccess.Write).Fault);
        group.Attach(machine.Container);
        group.Detach();
        machine.Engine.RemoveGroup(group);
        machine.Engine.CreateGroup(7, [0x42], []);
    }

    [Fact]
    public void Saving_takes_no_fault_out_of_the_log_and_restoring_puts_them_behind_those_that_wait()
    {
        using SnapshotMachine saved = new SnapshotMachine().Fill();
        Assert.Equal(saved.Container.Save(), saved.Container.Save());
        Assert.Equal([0x42u, 0x99u, 0x10u, 0x98u, 0x51u], saved.TakeFaults().Select(fault => fault.Liodn));

        using var restored = new SnapshotMachine();
        var waits = new FaultRecord(FaultKind.UnknownLiodn, 0x77, 1, 2, DmaAccess.Read, 1);
        restored.Engine.Faults.Record(waits);
        restored.Container.Restore(Good);
        Assert.Equal([0x77u, 0x42u, 0x10u, 0x51u], restored.TakeFaults().Select(fault => fault.Liodn));
        Assert.Equal((4, 0), (restored.Engine.Faults.TotalCount, restored.Engine.Faults.DroppedCount));
    }

    [Fact]
    public void What_an_embedder_put_into_the_log_that_is_no_fault_is_not_saved()
    {
        using SnapshotMachine machine = new SnapshotMachine().Fill();
        machine.Engine.Faults.Record(new FaultRecord((FaultKind)77, 0x42, 0, 0, DmaAccess.Read, 0));
        machine.Engine.Faults.Record(new FaultRecord(FaultKind.None, 0x42, 0, 0, DmaAccess.Read, 0));
        machine.Engine.Faults.Record(new FaultRecord(FaultKind.NoMapping, 0x42, 0, 0, (DmaAccess)2, 0));
        Assert.Equal(Good, machine.Container.Save());
    }

    [Fact]
    public void A_full_log_is_saved_and_restored_and_a_log_without_room_is_EBUSY()
    {
        using SnapshotMachine saved = new SnapshotMachine().Fill();
        saved.TakeFaults();
        for (int i = 0; i < FaultLog.DefaultCapacity; i++)
        {
            saved.Engine.Faults.Record(new FaultRecord(FaultKind.NoMapping, 0x42, (ulong)i, 1, DmaAccess.Read, (ulong)i));
        }

        byte[] snapshot = saved.Container.Save();
        using var restored = new SnapshotMachine();
        restored.Engine.Faults.Record(new FaultRecord(FaultKind.NoMapping, 0x42, 0, 1, DmaAccess.Read, 0));
        Assert.Equal(Errno.EBUSY, ErrnoOf.Call(() => restored.Container.Restore(snapshot)));
        Assert.Single(restored.TakeFaults());

        restored.Container.Restore(snapshot);

        Assert.Equal(snapshot, restored.Container.Save());
        Assert.Equal(saved.TakeFaults(), restored.TakeFaults());
    }

    [Fact]
    public void Inside_a_section_a_container_is_saved_and_restored()
    {
        using SnapshotMachine machine = new SnapshotMachine().Fill();
        PamuContainer fresh = machine.Engine.CreateContainer();
        using var other = new SnapshotMachine();
        using (machine.Reader.Enter(fresh))
        using (other.Reader.Enter(other.Container))
        {
            other.Container.Restore(machine.Container.Save()); // takes nothing away from anybody
            Assert.Equal(Good, other.Container.Save());
        }
    }

    [Fact]
    public void An_open_transaction_is_not_saved_and_makes_a_restore_EDEADLK()
    {
        using SnapshotMachine machine = new SnapshotMachine().Fill();
        PamuContainer fresh = machine.Engine.CreateContainer();
        using (PamuTransaction transaction = machine.Container.BeginTransaction())
        {
            transaction.UnmapDma(At(0), Window);
            Assert.Equal(Good, machine.Container.Save());
            Assert.Equal(Errno.EDEADLK, ErrnoOf.Call(() => fresh.Restore(Good)));
        }

        Assert.Equal(1ul, fresh.Generation);
    }

    [Fact]
    public void A_closed_container_is_EBADF()
    {
        using var machine = new SnapshotMachine();
        machine.Container.Dispose();
        Assert.Equal(Errno.EBADF, ErrnoOf.Call(() => machine.Container.Save()));
        Assert.Equal(Errno.EBADF, ErrnoOf.Call(() => machine.Container.Restore(Good)));
        machine.Engine.CreateContainer().Restore(Good);
        machine.Dispose();
        Assert.Equal(Errno.EBADF, ErrnoOf.Call(() => machine.Container.Restore(Good)));
    }

    [Fact]
    public void A_container_without_memory_for_its_table_is_ENOMEM_and_leaves_nothing_behind()
    {
        using var machine = new SnapshotMachine();
        TableBuilder.OutOfMemoryAtForTest = 1;
        Assert.Equal(Errno.ENOMEM, ErrnoOf.Call(() => machine.Container.Restore(Good)));
        machine.AssertUntouched(Good);
    }

    private static string Describe(SnapshotMachine machine) =>
        SoftwareState.Describe(machine.Reader, [machine.Container], [.. machine.Container.Groups]) + machine.Container.Generation;
}
