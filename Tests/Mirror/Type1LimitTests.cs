using System.Runtime.InteropServices;
using PamuFastPath.Interop;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Mirror;

/// <summary>What is TYPE1v2's own: its limits, its merged maps, and what the kernel refuses.</summary>
public sealed class Type1LimitTests
{
    [Fact]
    public void A_memory_lock_limit_that_is_reached_is_ENOMEM_names_limit_and_need_and_changes_nothing()
    {
        (MirrorMachine machine, SimulatedType1Kernel kernel) = Ready("mapped, group A");
        using (machine)
        {
            ulong locked = kernel.LockedBytes;
            kernel.LockLimit = locked + Window;
            string software = machine.Software();

            var refused = Assert.Throws<PamuException>(() => machine.Container.MapDma(0x90_0000, At(6), 2 * Window, DmaPermissions.Read));

            Assert.Equal(Errno.ENOMEM, refused.Errno);
            Assert.Contains("RLIMIT_MEMLOCK", refused.Message, StringComparison.Ordinal);
            Assert.Contains($"{locked + 2 * Window} bytes", refused.Message, StringComparison.Ordinal);
            Assert.Equal((software, locked), (machine.Software(), kernel.LockedBytes));
            machine.AssertMirrored();
            machine.Container.MapDma(0x90_0000, At(6), Window, DmaPermissions.Read);
            machine.AssertMirrored();
        }
    }

    [Fact]
    public void A_memory_lock_limit_that_is_too_low_for_a_replay_takes_the_group_out_again()
    {
        (MirrorMachine machine, SimulatedType1Kernel kernel) = Ready("mapped, no group");
        using (machine)
        {
            kernel.LockLimit = 2 * Window; // the first two maps fit
            Assert.Equal(Errno.ENOMEM, ErrnoOf.Call(() => machine.A.Attach(machine.Container)));
            Assert.Equal((0, 0, false), (kernel.Attached.Count, kernel.Maps.Count, kernel.IsIommuSet));
            Assert.Null(machine.A.Container);
        }
    }

    [Fact]
    public void Memory_that_is_not_the_processs_is_EFAULT_and_too_many_maps_are_ENOSPC()
    {
        (MirrorMachine machine, SimulatedType1Kernel kernel) = Ready("mapped, group A");
        using (machine)
        {
            string software = machine.Software();
            kernel.NoMemory = new IovaRange(0x91_0000, 0x91_0FFF);
            Assert.Equal(Errno.EFAULT, ErrnoOf.Call(() => machine.Container.MapDma(0x90_0000, At(6), 2 * Window, DmaPermissions.Read)));
            kernel.NoMemory = null;
            kernel.MapsMax = kernel.Maps.Count;
            Assert.Equal(Errno.ENOSPC, ErrnoOf.Call(() => machine.Container.MapDma(0x90_0000, At(6), 2 * Window, DmaPermissions.Read)));
            Assert.Equal(software, machine.Software());
            machine.AssertMirrored();
        }
    }

    [Fact]
    public void A_group_whose_device_is_open_stays_and_its_detach_is_EBUSY()
    {
        (MirrorMachine machine, SimulatedType1Kernel kernel) = Ready("mapped, group A");
        using (machine)
        {
            kernel.Busy.Add(kernel.Attached[0]);
            string software = machine.Software();

            Assert.Equal(Errno.EBUSY, ErrnoOf.Call(machine.A.Detach));
            Assert.Equal(-(long)Errno.EBUSY, machine.A.Ioctl(PamuRequests.GroupUnsetContainer, []));

            Assert.Equal(software, machine.Software());
            machine.AssertMirrored();
            kernel.Busy.Clear();
            machine.A.Detach();
            machine.AssertMirrored();
        }
    }

    [Fact]
    public void A_group_that_the_host_has_not_is_ENOENT_and_not_attached()
    {
        (MirrorMachine machine, SimulatedType1Kernel kernel) = Ready("mapped, no group");
        using (machine)
        {
            kernel.Groups.Clear();
            Assert.Equal(Errno.ENOENT, ErrnoOf.Call(() => machine.A.Attach(machine.Container)));
            Assert.Null(machine.A.Container);
            Assert.Equal(FaultKind.UnknownLiodn, machine.Reader.Translate(0x42u, At(0), 4, DmaAccess.Read).Fault);
        }
    }

    [Fact]
    public void A_window_outside_what_the_IOMMU_can_address_is_EINVAL_whenever_that_is_found_out()
    {
        (MirrorMachine machine, SimulatedType1Kernel kernel) = Ready("mapped, no group");
        using (machine)
        {
            kernel.Aperture = new IovaRange(0, At(3) - 1);
            string software = machine.Software();
            Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => machine.A.Attach(machine.Container)));
            Assert.Equal((software, 0), (machine.Software(), kernel.Attached.Count));

            machine.Container.UnmapDma(At(2), 2 * Window);
            machine.A.Attach(machine.Container);
            Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => machine.Container.MapDma(0x90_0000, At(6), Window, DmaPermissions.Read)));
            machine.AssertMirrored();
        }
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 8)]
    public void Neighbours_become_one_map_only_if_they_may(bool merges, int maps)
    {
        (MirrorMachine machine, SimulatedType1Kernel kernel) = Ready("full, group A", merges);
        using (machine)
        {
            Assert.Equal(maps, kernel.Maps.Count);
            machine.Container.UnmapDma(At(3), Window);
            Assert.Equal(merges ? 2 : 7, kernel.Maps.Count);
            machine.AssertMirrored();
        }
    }

    [Fact]
    public void Without_merging_no_call_touches_a_window_that_it_does_not_mean()
    {
        (MirrorMachine machine, SimulatedType1Kernel kernel) = Ready("full, group A", merges: false);
        using (machine)
        {
            SimulatedType1Kernel.Map[] others = [.. kernel.Maps.Where(map => map.Iova != At(3))];
            kernel.Observe = _ => Assert.Empty(others.Except(kernel.Maps));
            machine.Container.UnmapDma(At(3), Window);
            machine.Container.MapDma(0x90_0000, At(3), Window, DmaPermissions.Read);
            kernel.Observe = null;
            machine.AssertMirrored();
        }
    }

    /// <summary>The simulated kernel's own answers, by number: the tests above are worth what it is worth.</summary>
    [Fact]
    public void The_simulated_kernel_answers_as_the_kernels_TYPE1v2()
    {
        using var kernel = new SimulatedType1Kernel();
        kernel.Groups.Add(7, [new IovaRange(0xFEE0_0000, 0xFEEF_FFFF)]);
        kernel.Groups.Add(8, [new IovaRange(0x2000, 0x2FFF)]);
        const long EEXIST = -17, EINVAL = -22, ENODEV = -19, ENOTTY = -25, EBUSY = -16;

        Assert.Equal((0, 1, 1, 0), (kernel.Ioctl(0x3B64, 0), kernel.Ioctl(0x3B65, 1), kernel.Ioctl(0x3B65, 3), kernel.Ioctl(0x3B65, 7)));
        Assert.Equal(EINVAL, kernel.Ioctl(0x3B66, 3)); // no group
        Assert.Equal(EINVAL, Map(kernel, 0, 0x1000)); // no IOMMU
        Assert.False(kernel.AddGroup(7).IsRefused);
        Assert.Equal(Errno.EBUSY, kernel.AddGroup(7).Errno);
        Assert.Equal(ENODEV, kernel.Ioctl(0x3B66, 7));
        Assert.Equal(0, kernel.Ioctl(0x3B66, 3));
        Assert.Equal(EINVAL, kernel.Ioctl(0x3B66, 3)); // set already
        Assert.Equal(ENOTTY, kernel.Ioctl(0x3B73, new byte[32]));

        Assert.Equal(0, Map(kernel, 0x2000, 0x2000));
        Assert.Equal(EEXIST, Map(kernel, 0x3000, 0x1000));
        Assert.Equal(EINVAL, Map(kernel, 0x4000, 0x800));
        Assert.Equal(EINVAL, Map(kernel, 0x4000, 0));
        Assert.Equal(EINVAL, Map(kernel, 0x4000, 0x1000, flags: 0));
        Assert.Equal(EINVAL, Map(kernel, 0x4000, 0x1000, flags: 8));
        Assert.Equal(EINVAL, Map(kernel, 0x4000, 0x1000, argsz: 31));
        Assert.Equal(EINVAL, Map(kernel, 0xFEE0_0000, 0x1000));
        Assert.Equal(Errno.EINVAL, kernel.AddGroup(8).Errno); // a map lies in what it reserves

        Assert.Equal((EINVAL, 0x1000ul), Unmap(kernel, 0x2000, 0x1000)); // would split the map
        Assert.Equal((EINVAL, 0x1000ul), Unmap(kernel, 0x3000, 0x1000));
        Assert.Equal((EINVAL, 0ul), Unmap(kernel, 0, 0));
        Assert.Equal((0L, 0ul), Unmap(kernel, 0x8000, 0x1000)); // nothing there
        Assert.Equal((0L, 0x2000ul), Unmap(kernel, 0, 0x10_0000));

        byte[] info = Bytes(16u, 0u, 0ul);
        Assert.Equal(0, kernel.Ioctl(0x3B70, info));
        uint needed = MemoryMarshal.Read<uint>(info);
        Assert.Equal(24u + 16 + 16 + 2 * 16, needed);
        Assert.Equal(EINVAL, kernel.Ioctl(0x3B70, Bytes(15u, 0u, 0ul)));
        Assert.False(Type1Offer.Read(kernel, out Type1Offer? offer).IsRefused);
        Assert.Equal([new IovaRange(0, 0xFEDF_FFFF), new IovaRange(0xFEF0_0000, (1UL << 39) - 1)], offer!.Ranges!);
        Assert.Equal((4096ul, 65_535u), (offer.PageSize, offer.MapsAvailable));

        kernel.Busy.Add(7);
        Assert.Equal((Errno)(-EBUSY), kernel.RemoveGroup(7).Errno);
        kernel.Busy.Clear();
        Assert.Equal(0, Map(kernel, 0, 0x1000));
        Assert.False(kernel.RemoveGroup(7).IsRefused);
        Assert.Equal((false, 0), (kernel.IsIommuSet, kernel.Maps.Count));
    }

    private static (MirrorMachine Machine, SimulatedType1Kernel Kernel) Ready(string state, bool merges = true)
    {
        var bench = new Type1Bench(merges);
        var machine = new MirrorMachine(bench);
        MirrorScenarios.States.Single(candidate => candidate.Name == state).Reach(machine);
        return (machine, bench.Kernel);
    }

    private static long Map(SimulatedType1Kernel kernel, ulong iova, ulong size, uint flags = 3, uint argsz = 32) =>
        kernel.Ioctl(0x3B71, Bytes(argsz, flags, 0x40_0000ul, iova, size));

    private static (long Result, ulong Size) Unmap(SimulatedType1Kernel kernel, ulong iova, ulong size)
    {
        byte[] bytes = Bytes(24u, 0u, iova, size);
        return (kernel.Ioctl(0x3B72, bytes), MemoryMarshal.Read<ulong>(bytes.AsSpan(16)));
    }
}
