using System.Runtime.Versioning;
using Xunit.Abstractions;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Mirror;

/// <summary>What every backend has to do, looked at in what its kernel holds. A backend passes by deriving a class that makes its bench.</summary>
public abstract class MirrorContractTests(ITestOutputHelper output)
{
    private protected abstract IMirrorBench Bench();

    [Fact]
    public void Without_a_group_hardware_holds_nothing_and_the_first_one_replays_everything()
    {
        using var machine = new MirrorMachine(Bench());
        Reach(machine, "mapped, no group");
        machine.AssertMirrored();
        Assert.Empty(machine.Held());

        machine.A.Attach(machine.Container);

        machine.AssertMirrored();
        Assert.NotEmpty(machine.Held());
    }

    [Fact]
    public void Binding_replays_what_the_container_holds_already()
    {
        using var machine = new MirrorMachine(Bench(), isBound: false);
        Reach(machine, "mapped, groups A and B");
        Assert.Empty(machine.Held());

        machine.Container.BindHardware(machine.Mirror);

        machine.AssertMirrored();
        Assert.NotEmpty(machine.Held());
    }

    [Fact]
    public void A_replay_that_fails_half_way_leaves_no_group_and_nothing_held()
    {
        int failed = Repeat(n =>
        {
            using var machine = new MirrorMachine(Bench());
            Reach(machine, "mapped, no group");
            string software = machine.Software();
            long blocks = machine.BlocksInUse;
            machine.Bench.FailAt(n);
            Errno errno = ErrnoOf.Call(() => machine.A.Attach(machine.Container));
            machine.AssertNothingLeft(blocks, $"call {n}");
            if (errno != Errno.Ok)
            {
                Assert.Equal(machine.Bench.Injected, errno);
                Assert.Equal(software, machine.Software());
                machine.AssertMirrored();
                Assert.Equal((0, 0), (machine.Held().Count, machine.Bench.GroupsHeld));
                machine.A.Attach(machine.Container);
            }

            machine.AssertMirrored();
            return machine.Bench.HasFailed;
        });
        Assert.True(failed >= 3, $"{failed} calls to the kernel");
    }

    [Fact]
    public void The_last_detach_drops_hardware_only_and_the_next_attach_replays()
    {
        using var machine = new MirrorMachine(Bench());
        Reach(machine, "mapped, groups A and B");
        List<HeldRange> held = machine.Held();

        machine.A.Detach();
        machine.AssertMirrored();
        machine.B.Detach();
        machine.AssertMirrored();
        Assert.Empty(machine.Held());
        Assert.Equal(6, machine.Container.GetWindows().Count);
        Assert.Equal(TranslationKind.Dma, machine.Reader.Translate(machine.Container, At(0), 4, DmaAccess.Write).Kind);

        machine.Container.MapDma(0x90_0000, At(6), Window, DmaPermissions.Read); // while nothing is attached
        machine.Container.UnmapDma(At(6), Window);
        machine.B.Attach(machine.Container);
        machine.AssertMirrored();
        machine.A.Attach(machine.Container);
        machine.AssertMirrored();
        Assert.Equal(held, machine.Held());
    }

    [Fact]
    public void One_group_takes_the_others_place_in_one_step()
    {
        using var machine = new MirrorMachine(Bench());
        Reach(machine, "mapped, group A");
        using (PamuTransaction transaction = machine.Container.BeginTransaction())
        {
            transaction.Detach(machine.A);
            transaction.Attach(machine.B);
            transaction.Commit();
        }

        machine.AssertMirrored();
        Assert.Equal(1, machine.Bench.GroupsHeld);
    }

    [Fact]
    public void A_group_whose_reserved_range_meets_a_window_is_EINVAL_and_nothing_changes()
    {
        foreach (string before in (string[])["mapped, no group", "mapped, group A"])
        {
            IMirrorBench bench = Bench();
            bench.Reserve(group: 2, At(3) + 0x1000, At(3) + 0x1FFF);
            using var machine = new MirrorMachine(bench);
            Reach(machine, before);
            string software = machine.Software();
            List<HeldRange> held = machine.Held();
            Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => machine.B.Attach(machine.Container)));
            Assert.Equal(software, machine.Software());
            Assert.Equal(held, machine.Held());
            machine.AssertMirrored();

            machine.Container.UnmapDma(At(2), 2 * Window);
            machine.B.Attach(machine.Container);
            machine.AssertMirrored();
        }
    }

    [Fact]
    public void A_window_in_a_range_that_an_attached_group_reserves_is_EINVAL_and_nothing_changes()
    {
        IMirrorBench bench = Bench();
        bench.Reserve(group: 1, At(6) + 0x4000, At(7) - 1);
        using var machine = new MirrorMachine(bench);
        Reach(machine, "mapped, group A");
        string software = machine.Software();
        List<HeldRange> held = machine.Held();

        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => machine.Container.MapDma(0x90_0000, At(6), 2 * Window, DmaPermissions.Read)));
        Assert.Equal(-(long)Errno.EINVAL, MapDma(machine.Container, 0x90_0000, At(6), Window));
        Assert.Equal(software, machine.Software());
        Assert.Equal(held, machine.Held());

        machine.Container.MapDma(0x90_0000, At(7), Window, DmaPermissions.Read);
        machine.AssertMirrored();
        machine.A.Detach();
        machine.Container.MapDma(0x90_0000, At(6), Window, DmaPermissions.Read); // software needs no leave
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => machine.A.Attach(machine.Container)));
        machine.AssertMirrored();
        machine.C.Attach(machine.Container);
        machine.AssertMirrored();
    }

    [Fact]
    public void Maps_and_unmaps_arrive_and_a_part_of_what_was_mapped_at_once_can_go()
    {
        using var machine = new MirrorMachine(Bench());
        Reach(machine, "windows set, group C");
        machine.Container.MapDma(0x40_0000, At(0), 4 * Window, DmaPermissions.ReadWrite);
        machine.AssertMirrored();
        machine.Container.MapDma(0x44_0000, At(4), Window, DmaPermissions.ReadWrite); // goes on where that one ends
        machine.AssertMirrored();
        machine.Container.UnmapDma(At(1), 2 * Window);
        machine.AssertMirrored();
        machine.Container.UnmapDma(At(4), Window);
        machine.AssertMirrored();
        machine.Container.MapDma(0x80_0000, At(1), Window, DmaPermissions.Read);
        machine.AssertMirrored();
        machine.Container.UnmapDma(At(0), Count * Window);
        machine.AssertMirrored();
        Assert.Empty(machine.Held());
    }

    [Fact]
    public void Permissions_change_by_unmap_and_map_in_one_transaction()
    {
        using var machine = new MirrorMachine(Bench());
        Reach(machine, "full, group A");
        foreach (DmaPermissions permissions in (DmaPermissions[])[DmaPermissions.Read, DmaPermissions.Write, DmaPermissions.ReadWrite])
        {
            using PamuTransaction transaction = machine.Container.BeginTransaction();
            transaction.UnmapDma(At(3), Window);
            transaction.MapDma(0x40_0000 + 3 * Window, At(3), Window, permissions);
            transaction.Commit();
            machine.AssertMirrored();
            Assert.Contains(machine.Held(), range => range.Permissions == permissions && range.Iova <= At(3));
        }
    }

    /// <summary>The states and calls of the fake's fault injection, with the kernel behind the backend failing instead.</summary>
    /// <param name="goesOn">Whether all calls after the n-th fail, too, and so does the way back.</param>
    /// <param name="isPutRight">Whether a call that changes nothing then comes before the same one again.</param>
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Whatever_call_of_the_kernel_fails_a_control_call_happens_wholly_or_not_at_all(bool goesOn, bool isPutRight)
    {
        int injected = 0;
        int pairs = 0;
        int limits = 0;
        bool holdsParts = Bench().HoldsParts;
        foreach ((string state, Action<MirrorMachine> reach) in MirrorScenarios.States)
        {
            foreach ((string name, Func<MirrorMachine, Errno> make) in MirrorScenarios.Calls)
            {
                Errno alone = MirrorScenarios.InSoftwareAlone(reach, make, out string wanted, holdsParts);
                if (alone == Errno.Ok)
                {
                    pairs++;
                    injected += Repeat(n => FailsAt(n, goesOn, isPutRight, reach, make, wanted, $"{state}: {name}: kernel call {n}", ref limits));
                }
            }
        }

        output.WriteLine($"{pairs} pairs of state and call, {injected} calls of the kernel failed, {limits} refused for a limit of the backend");
        Assert.True(injected > pairs / 2);
        Assert.True(limits == 0 || !holdsParts, "only a backend that cannot hold parts has limits");
    }

    /// <summary>Of what is attached already, so that all of it is replayed. Refused, it is the caller's, who may bind it again.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Whatever_call_of_the_kernel_fails_while_hardware_is_bound_it_is_not_bound(bool goesOn)
    {
        int failed = 0;
        foreach ((string state, Action<MirrorMachine> reach) in MirrorScenarios.States)
        {
            failed += Repeat(n =>
            {
                using var machine = new MirrorMachine(Bench(), isBound: false);
                reach(machine);
                string software = machine.Software();
                long blocks = machine.BlocksInUse;
                machine.Bench.FailAt(n, goesOn);

                Errno errno = Bind(machine);

                bool hasFailed = machine.Bench.HasFailed;
                machine.Bench.FailAt(0);
                machine.AssertNothingLeft(blocks, $"{state}: kernel call {n}");
                if (hasFailed && errno != Errno.Ok)
                {
                    Assert.Equal(machine.Bench.Injected, errno);
                    Assert.True(goesOn || (machine.Held().Count, machine.Bench.GroupsHeld) == (0, 0), $"{state}: kernel call {n} leaves something held");
                    errno = Bind(machine);
                }

                Assert.Equal(software, machine.Software());
                if (errno == Errno.Ok)
                {
                    machine.AssertMirrored();
                    Assert.Equal(Errno.EBUSY, Bind(machine));
                }
                else
                {
                    Assert.False(hasFailed, $"{state}: after kernel call {n} failed, {errno}");
                    machine.Mirror.Dispose(); // a limit of the backend
                }

                machine.AssertNothingLeft(blocks, $"{state}: kernel call {n}, in the end");
                return hasFailed;
            });
        }

        Assert.True(failed >= 3, $"{failed} calls to the kernel");

        static Errno Bind(MirrorMachine machine) => ErrnoOf.Call(() => machine.Container.BindHardware(machine.Mirror));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Closing_leaves_nothing_whatever_call_of_the_kernel_fails(bool goesOn)
    {
        const int tableAndCell = 2;
        foreach ((string state, Action<MirrorMachine> reach) in MirrorScenarios.States)
        {
            Repeat(n =>
            {
                using var machine = new MirrorMachine(Bench());
                reach(machine);
                long blocks = machine.BlocksInUse;
                machine.Bench.FailAt(n, goesOn);
                machine.Container.Dispose();
                Assert.Empty(machine.Held());
                Assert.Equal((0, true), (machine.Bench.GroupsHeld, machine.Bench.IsClosed));
                Assert.Null(machine.A.Container);
                Assert.Empty(machine.Bench.Violations);
                machine.AssertNothingLeft(blocks - tableAndCell, $"{state}: kernel call {n}");
                return machine.Bench.HasFailed;
            });
        }
    }

    /// <summary>For backends with a limit: what the hardware refuses without a failure is refused whole, too.</summary>
    private bool FailsAt(
        int n, bool goesOn, bool isPutRight, Action<MirrorMachine> reach, Func<MirrorMachine, Errno> make, string wanted, string what, ref int limits)
    {
        using var machine = new MirrorMachine(Bench());
        if (ErrnoOf.Call(() => reach(machine)) != Errno.Ok)
        {
            limits++;
            return false; // the state is beyond the backend
        }

        string software = machine.Software();
        List<HeldRange> held = machine.Held();
        long blocks = machine.BlocksInUse;
        machine.Bench.FailAt(n, goesOn);

        Errno errno = make(machine);

        bool hasFailed = machine.Bench.HasFailed;
        machine.Bench.FailAt(0);
        machine.AssertNothingLeft(blocks, $"{what}: {errno}");
        if (errno != Errno.Ok)
        {
            limits += hasFailed ? 0 : 1;
            Assert.True(software == machine.Software(), $"{what}: {errno}: software changed from\n{software}\nto\n{machine.Software()}");
            if (isPutRight)
            {
                machine.Container.UnmapDma(ulong.MaxValue - 0xFFF, 0x1000); // changes nothing, and lets the backend put hardware right
            }

            if (isPutRight || !goesOn)
            {
                AssertSame(held, machine.Held(), $"{what}: {errno}");
                machine.AssertMirrored();
            }
        }

        if (hasFailed && errno != Errno.Ok)
        {
            Assert.True(errno == machine.Bench.Injected, $"{what}: {errno}");
            errno = make(machine);
        }

        if (errno == Errno.Ok)
        {
            Assert.True(wanted == machine.Software(), $"{what}: wanted\n{wanted}\nbut is\n{machine.Software()}");
        }

        AssertSame(machine.Expected(), machine.Held(), what);
        machine.AssertMirrored();
        machine.AssertNothingLeft(blocks, $"{what}: in the end");
        return hasFailed;
    }

    private static void AssertSame(List<HeldRange> wanted, List<HeldRange> held, string what) =>
        Assert.True(wanted.SequenceEqual(held), $"{what}: hardware should have [{string.Join(", ", wanted)}], has [{string.Join(", ", held)}]");

    private static void Reach(MirrorMachine machine, string state) => MirrorScenarios.States.Single(candidate => candidate.Name == state).Reach(machine);

    /// <summary>Runs a test with its first, second, ... call failing, until it makes no more of them.</summary>
    /// <returns>How many failed.</returns>
    private static int Repeat(Func<int, bool> test)
    {
        int n = 1;
        while (test(n))
        {
            n++;
        }

        return n - 1;
    }
}

/// <summary>The contract, on the fake: else nothing would show that the suite and the fake mean the same.</summary>
public sealed class FakeContractTests(ITestOutputHelper output) : MirrorContractTests(output)
{
    private protected override IMirrorBench Bench() => new FakeBench();
}

/// <summary>The contract on TYPE1v2, neighbours merged into one map.</summary>
public sealed class Type1ContractTests(ITestOutputHelper output) : MirrorContractTests(output)
{
    private protected override IMirrorBench Bench() => new Type1Bench(merges: true);
}

/// <summary>The contract on TYPE1v2, every window a map of its own.</summary>
public sealed class Type1SingleMapContractTests(ITestOutputHelper output) : MirrorContractTests(output)
{
    private protected override IMirrorBench Bench() => new Type1Bench(merges: false);
}

/// <summary>The contract on TYPE1v2 and the whole binding under it: what fails here are the system calls.</summary>
[SupportedOSPlatform("linux")]
public sealed class HostContractTests(ITestOutputHelper output) : MirrorContractTests(output)
{
    private protected override IMirrorBench Bench() => new HostBench();
}

/// <summary>The contract on the PAMU as the recorded driver drives it.</summary>
public sealed class PamuContractTests(ITestOutputHelper output) : MirrorContractTests(output)
{
    private protected override IMirrorBench Bench() => new PamuBench();
}
