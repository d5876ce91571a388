using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Control;

public sealed class GroupTests
{
    [Fact]
    public void GROUP_GET_STATUS_says_viable_and_whether_there_is_a_container()
    {
        using var machine = new Machine();
        PamuGroup group = machine.Engine.CreateGroup(1, [0x42], []);
        byte[] status = Bytes(8u, 0xFFu);

        Assert.Equal(0, group.Ioctl(PamuRequests.GroupGetStatus, status));
        Assert.Equal(Bytes(8u, 1u), status);
        group.Attach(machine.Fresh());
        Assert.Equal(0, group.Ioctl(PamuRequests.GroupGetStatus, status));
        Assert.Equal(Bytes(8u, 3u), status);
        Assert.Equal(-(long)Errno.EINVAL, group.Ioctl(PamuRequests.GroupGetStatus, Bytes(7u, 0u)));
        Assert.Equal(-(long)Errno.EFAULT, group.Ioctl(PamuRequests.GroupGetStatus, Bytes(8u)));
        Assert.Equal(-(long)Errno.ENOTTY, group.Ioctl(PamuRequests.GetApiVersion, status));
    }

    [Fact]
    public void SET_CONTAINER_is_EBADF_for_no_container_and_EINVAL_for_a_group_that_has_one()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Fresh();
        PamuGroup group = machine.Engine.CreateGroup(1, [0x42], []);

        Assert.Equal(-(long)Errno.EBADF, SetContainer(group, 99));
        Assert.Equal(-(long)Errno.EBADF, SetContainer(group, -1));
        Assert.Equal(-(long)Errno.EFAULT, group.Ioctl(PamuRequests.GroupSetContainer, [0, 0, 0]));
        Assert.Equal(0, SetContainer(group, container.Fd));
        Assert.Same(container, group.Container);
        Assert.Equal(-(long)Errno.EINVAL, SetContainer(group, container.Fd));
        Assert.Equal(-(long)Errno.EINVAL, SetContainer(group, 99));
    }

    [Fact]
    public void UNSET_CONTAINER_of_a_group_that_has_none_is_EINVAL()
    {
        using var machine = new Machine();
        PamuGroup group = machine.Engine.CreateGroup(1, [0x42], []);

        Assert.Equal(-(long)Errno.EINVAL, group.Ioctl(PamuRequests.GroupUnsetContainer, []));
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(group.Detach));
        group.Attach(machine.Fresh());
        Assert.Equal(0, group.Ioctl(PamuRequests.GroupUnsetContainer, []));
        Assert.Null(group.Container);
    }

    [Fact]
    public void A_group_is_in_one_container_only_and_brings_its_LIODNs_along()
    {
        using var machine = new Machine();
        PamuContainer first = machine.Ready();
        PamuContainer second = machine.Ready();
        first.MapDma(0x40_0000, At(0), Window, DmaPermissions.Read);
        second.MapDma(0x80_0000, At(0), Window, DmaPermissions.Read);
        PamuGroup group = machine.Engine.CreateGroup(1, [0x42], []);

        group.Attach(first);
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => group.Attach(second)));
        Assert.Equal(0x40_0000ul, machine.Reader.Translate(0x42u, At(0), 4, DmaAccess.Read).Target);
        group.Detach();
        Assert.Equal(FaultKind.UnknownLiodn, machine.Reader.Translate(0x42u, At(0), 4, DmaAccess.Read).Fault);
        group.Attach(second);
        Assert.Equal(0x80_0000ul, machine.Reader.Translate(0x42u, At(0), 4, DmaAccess.Read).Target);
    }

    [Fact]
    public void Two_groups_may_not_hold_the_same_LIODN_and_a_removed_group_gives_its_own_back()
    {
        using var machine = new Machine();
        PamuGroup group = machine.Engine.CreateGroup(1, [0x42], []);

        Assert.Equal(Errno.EBUSY, ErrnoOf.Call(() => machine.Engine.CreateGroup(2, [0x42], [])));
        Assert.Equal(Errno.EBUSY, ErrnoOf.Call(() => machine.Engine.CreateGroup(1, [0x43], [])));
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => machine.Engine.CreateGroup(3, [0x43, 0x43], [])));
        Assert.Equal(Errno.ENODEV, ErrnoOf.Call(() => machine.Engine.CreateGroup(3, [0x43], [3])));
        machine.Engine.RemoveGroup(group);
        machine.Engine.CreateGroup(2, [0x42], []).Attach(machine.Fresh());
    }

    [Fact]
    public void A_removed_group_cannot_be_attached_any_more()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Fresh();
        PamuGroup removed = machine.Engine.CreateGroup(1, [0x42], []);
        machine.Engine.RemoveGroup(removed);
        machine.Engine.CreateGroup(2, [0x42], []).Attach(container);

        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => removed.Attach(machine.Fresh())));
        Assert.Equal(-(long)Errno.EINVAL, SetContainer(removed, container.Fd));

        Assert.Single(container.Groups);
    }

    [Fact]
    public void A_group_joins_containers_of_its_own_engine_only_also_in_a_transaction()
    {
        using var machine = new Machine();
        using var other = new Machine();
        PamuContainer container = machine.Fresh();
        PamuGroup stranger = other.Engine.CreateGroup(1, [0x42], []);

        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => stranger.Attach(container)));
        using PamuTransaction transaction = container.BeginTransaction();
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => transaction.Attach(stranger)));
    }

    [Fact]
    public void A_container_that_is_closed_lets_its_groups_go_and_its_number_is_used_again()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        PamuGroup group = machine.Engine.CreateGroup(1, [0x42], []);
        group.Attach(container);
        int fd = container.Fd;
        container.Dispose();

        Assert.Null(group.Container);
        Assert.Equal(fd, machine.Fresh().Fd);
        Assert.Equal(0, SetContainer(group, fd));
    }

    /// <summary>The mail's picture: three banks mapped, groups come and go.</summary>
    [Fact]
    public void A_banks_window_is_live_exactly_while_a_group_uses_the_bank()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Fresh();
        container.SetGeometry(0, 0x1FFF_FFFF);
        container.SetWindows(8);
        for (uint bank = 0; bank < container.MsiBankCount; bank++)
        {
            container.MapMsiBank(bank, 0x1000_0000 + bank * 0x400_0000ul);
        }

        PamuGroup one = machine.Engine.CreateGroup(1, [0x42], [0]);
        PamuGroup three = machine.Engine.CreateGroup(3, [0x43], [2]);
        PamuGroup another = machine.Engine.CreateGroup(4, [0x44], [2]);

        AssertPicture(container, 'N', 'N', 'N');
        one.Attach(container);
        AssertPicture(container, 'Y', 'N', 'N');
        three.Attach(container);
        AssertPicture(container, 'Y', 'N', 'Y');
        Assert.Equal(0, machine.Reader.Translate(0x43u, 0x1000_0140, 4, DmaAccess.Write).MsiBank); // live for the whole container
        Assert.Equal(FaultKind.NoMapping, machine.Fault(container, 0x1400_0140));

        another.Attach(container);
        three.Detach();
        Assert.True(container.GetWindows()[2].IsLive);
        another.Detach();
        Assert.False(container.GetWindows()[2].IsLive);
        Assert.Equal(FaultKind.NoMapping, machine.Fault(container, 0x1800_0140));
    }

    private static void AssertPicture(PamuContainer container, char first, char second, char third) => Assert.Equal(
        [
            $"4 {first} 0x10000000 0xffe044000 4096",
            $"5 {second} 0x14000000 0xffe045000 4096",
            $"6 {third} 0x18000000 0xffe046000 4096",
        ],
        container.GetWindows().Select(window =>
            $"{window.Index} {(window.IsLive ? 'Y' : 'N')} 0x{window.Iova:x} 0x{window.Target:x} {window.Size}"));

    private static long SetContainer(PamuGroup group, int fd) => group.Ioctl(PamuRequests.GroupSetContainer, BitConverter.GetBytes(fd));
}
