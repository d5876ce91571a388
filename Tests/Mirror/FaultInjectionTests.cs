using PamuFastPath.Tests.FailNth;
using Xunit.Abstractions;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Mirror;

/// <summary>
/// The n-th step of the hardware fails, for every n, for every control call in every state: nothing has changed then, in software and in hardware.
/// </summary>
public sealed class FaultInjectionTests(ITestOutputHelper output)
{
    public static TheoryData<string> StateNames => [.. MirrorScenarios.States.Select(state => state.Name)];

    [Theory]
    [MemberData(nameof(StateNames))]
    public void A_call_that_fails_at_any_step_changes_nothing_and_one_that_succeeds_leaves_hardware_with_the_live_windows(string stateName)
    {
        Action<MirrorMachine> reach = MirrorScenarios.States.Single(state => state.Name == stateName).Reach;
        int refused = 0;
        int succeeded = 0;
        int injected = 0;
        foreach ((string name, Func<MirrorMachine, Errno> make) in MirrorScenarios.Calls)
        {
            Errno alone = MirrorScenarios.InSoftwareAlone(reach, make, out string wanted);
            int points = 0;
            while (FailsAt(points + 1, reach, make, alone, wanted, $"{stateName}: {name}"))
            {
                points++;
            }

            injected += points;
            refused += alone != Errno.Ok ? 1 : 0;
            succeeded += alone == Errno.Ok ? 1 : 0;
            Assert.Equal(alone == Errno.Ok, points > 0); // hardware is asked for every call that the rules accept, and for no other
        }

        output.WriteLine($"{stateName}: {succeeded} calls that succeed, {injected} steps failed in them; {refused} refused by the rules");
        Assert.True(succeeded > 0 && injected > succeeded);
    }

    /// <summary>Makes the call with its n-th step failing.</summary>
    /// <returns>False if it has no n-th step; it has succeeded then, or was refused by the rules.</returns>
    private static bool FailsAt(int n, Action<MirrorMachine> reach, Func<MirrorMachine, Errno> make, Errno alone, string wanted, string what)
    {
        using var machine = new MirrorMachine();
        reach(machine);
        machine.AssertInStep();
        string software = machine.Software();
        string hardware = machine.Hardware.Describe();
        ulong generation = machine.Container.Generation;
        long blocks = machine.BlocksInUse;
        machine.Hardware.FailAt(n);

        Errno errno = make(machine);

        bool hasFailed = machine.Hardware.HasFailed;
        Assert.True(machine.Container.Generation >= generation, what);
        machine.AssertNothingLeft(blocks, $"{what}: step {n}");
        if (hasFailed)
        {
            Assert.True(errno == FakeMirror.Injected, $"{what}: step {n} failed, and the answer was {errno}");
            AssertSame(software, machine.Software(), $"{what}: software after step {n} failed");
            AssertSame(hardware, machine.Hardware.Describe(), $"{what}: hardware after step {n} failed");
            Assert.Equal(alone, make(machine)); // the same call again finds everything as it was
            machine.AssertNothingLeft(blocks, $"{what}: after step {n} failed, the same call again");
        }

        Assert.Equal(alone, hasFailed ? alone : errno);
        AssertSame(wanted, machine.Software(), $"{what}: software after success");
        machine.AssertInStep();
        return hasFailed;
    }

    [Theory]
    [MemberData(nameof(StateNames))]
    public void Hardware_that_fails_at_any_step_while_it_is_bound_is_not_bound(string stateName)
    {
        Action<MirrorMachine> reach = MirrorScenarios.States.Single(state => state.Name == stateName).Reach;
        int n = 0;
        bool hasFailed;
        do
        {
            using var machine = new MirrorMachine(isBound: false);
            reach(machine);
            string software = machine.Software();
            string hardware = machine.Hardware.Describe();
            long blocks = machine.BlocksInUse;
            machine.Hardware.FailAt(++n);

            Errno errno = ErrnoOf.Call(() => machine.Container.BindHardware(machine.Hardware));

            hasFailed = machine.Hardware.HasFailed;
            machine.AssertNothingLeft(blocks, $"{stateName}: bound, step {n}");
            Assert.Equal(hasFailed ? FakeMirror.Injected : Errno.Ok, errno);
            Assert.Equal(software, machine.Software());
            if (hasFailed)
            {
                Assert.Equal(hardware, machine.Hardware.Describe());
                machine.Container.BindHardware(machine.Hardware); // EBUSY if the first attempt had bound it
            }

            machine.AssertInStep();
            Assert.Equal(Errno.EBUSY, ErrnoOf.Call(() => machine.Container.BindHardware(new FakeMirror(machine.Container))));
        }
        while (hasFailed);

        output.WriteLine($"{stateName}: {n - 1} steps failed");
        Assert.True(n > 1);
    }

    /// <summary>
    /// The hardware holds neither the old nor the new state then: software keeps the old one. The next call that the rules accept brings both together,
    /// be it the same one again or one that changes nothing.
    /// </summary>
    [Theory]
    [MemberData(nameof(StateNames))]
    public void After_an_undo_that_failed_the_next_call_puts_hardware_right(string stateName)
    {
        Action<MirrorMachine> reach = MirrorScenarios.States.Single(state => state.Name == stateName).Reach;
        int torn = 0;
        foreach ((string name, Func<MirrorMachine, Errno> make) in MirrorScenarios.Calls)
        {
            Errno alone = MirrorScenarios.InSoftwareAlone(reach, make, out string wanted);
            foreach (bool isSame in (bool[])[false, true])
            {
                for (int n = 2; TearsAt(n, reach, make, isSame, alone, wanted, $"{stateName}: {name}", ref torn); n++)
                {
                }
            }
        }

        output.WriteLine($"{stateName}: {torn} undos failed");
    }

    /// <summary>Makes the call with its n-th step failing, and of the way back each step.</summary>
    /// <param name="isSame">Whether the next call is the same again, or one that changes nothing.</param>
    /// <returns>False if it has no n-th step.</returns>
    private static bool TearsAt(
        int n, Action<MirrorMachine> reach, Func<MirrorMachine, Errno> make, bool isSame, Errno alone, string wanted, string what, ref int torn)
    {
        for (int undo = 1; ; undo++)
        {
            using var machine = new MirrorMachine();
            reach(machine);
            string software = machine.Software();
            long blocks = machine.BlocksInUse;
            machine.Hardware.FailAt(n, undo);
            Errno errno = make(machine);
            if (!machine.Hardware.IsTorn)
            {
                return machine.Hardware.HasFailed;
            }

            torn++;
            Assert.True(errno == FakeMirror.Injected, what);
            AssertSame(software, machine.Software(), $"{what}: software after undo step {undo} of step {n} failed");
            machine.AssertNothingLeft(blocks, $"{what}: undo step {undo} of step {n}");
            if (isSame)
            {
                Assert.Equal(alone, make(machine));
            }
            else
            {
                machine.Container.UnmapDma(ulong.MaxValue - 0xFFF, 0x1000); // changes nothing
            }

            AssertSame(isSame ? wanted : software, machine.Software(), what);
            machine.AssertInStep();
            machine.AssertNothingLeft(blocks, $"{what}: put right after undo step {undo} of step {n}");
        }
    }

    [Theory]
    [MemberData(nameof(StateNames))]
    public void A_container_that_is_closed_leaves_nothing_in_hardware_and_never_calls_it_again(string stateName)
    {
        Action<MirrorMachine> reach = MirrorScenarios.States.Single(state => state.Name == stateName).Reach;
        using var machine = new MirrorMachine();
        reach(machine);
        ulong[] iovas = [.. machine.Container.GetWindows().Select(window => window.Iova)];
        string software = machine.Software();
        string hardware = machine.Hardware.Describe();
        using (machine.Reader.Enter(machine.Bystander))
        {
            Assert.Equal(Errno.EDEADLK, ErrnoOf.Call(machine.Container.Dispose));
        }

        Assert.Equal((software, hardware, false), (machine.Software(), machine.Hardware.Describe(), machine.Hardware.IsDisposed));
        int seen = 0;
        machine.Hardware.Observe = step =>
        {
            seen += step == FakeStep.Dispose ? 1 : 100;
            Assert.All(iovas, iova => Assert.Equal(FaultKind.OutOfAperture, machine.Reader.Translate(machine.Container, iova, 4, DmaAccess.Read).Fault));
            Assert.Equal(FaultKind.UnknownLiodn, machine.Reader.Translate(0x42u, At(0), 4, DmaAccess.Read).Fault);
        };

        machine.Container.Dispose();
        machine.Container.Dispose();

        Assert.Equal((1, true), (seen, machine.Hardware.IsDisposed));
        Assert.All((PamuGroup[])[machine.A, machine.B, machine.C], group => Assert.Null(group.Container));
        Assert.Equal(-(long)Errno.EBADF, MapDma(machine.Container, 0, At(0), Window));
        Assert.Equal(Errno.EBADF, ErrnoOf.Call(() => machine.A.Attach(machine.Container)));
        Assert.Equal(Errno.EBADF, ErrnoOf.Call(() => machine.Container.BindHardware(new FakeMirror(machine.Container))));
        Assert.Empty(machine.Hardware.Violations);
    }

    /// <summary>Also for the tables a call needs only to come back with: they are all there before anything changes.</summary>
    [Theory]
    [MemberData(nameof(StateNames))]
    public void A_call_that_finds_no_memory_for_a_table_is_ENOMEM_and_changes_nothing(string stateName)
    {
        Action<MirrorMachine> reach = MirrorScenarios.States.Single(state => state.Name == stateName).Reach;
        int refused = 0;
        int threeTables = 0;
        foreach ((string name, Func<MirrorMachine, Errno> make) in MirrorScenarios.Calls)
        {
            foreach (int failing in (int[])[0, 2]) // hardware does what it is told, or fails at its first step
            {
                for (int n = 1; IsOutOfMemoryAt(n, failing, reach, make, $"{stateName}: {name}"); n++)
                {
                    refused++;
                    threeTables += n == 3 ? 1 : 0;
                }
            }
        }

        output.WriteLine($"{stateName}: {refused} tables without memory, {threeTables} of them the third of a call");
    }

    /// <summary>Makes the call with no memory for its n-th table.</summary>
    /// <returns>False if it has no n-th table.</returns>
    private static bool IsOutOfMemoryAt(int n, int failing, Action<MirrorMachine> reach, Func<MirrorMachine, Errno> make, string what)
    {
        long before = NativeBlocks.LiveCountOfThread;
        bool wasOut;
        using (var machine = new MirrorMachine())
        {
            reach(machine);
            string software = machine.Software();
            string hardware = machine.Hardware.Describe();
            long blocks = machine.BlocksInUse;
            machine.Hardware.FailAt(failing);

            wasOut = !Repeated.FailsAt(n, () => make(machine), out Errno errno);

            Assert.Equal(wasOut, errno == Errno.ENOMEM);
            machine.AssertNothingLeft(blocks, $"{what}: no memory for table {n}");
            if (wasOut)
            {
                Assert.False(machine.Hardware.HasFailed);
                AssertSame(software, machine.Software(), $"{what}: no memory for table {n}");
                AssertSame(hardware, machine.Hardware.Describe(), $"{what}: no memory for table {n}");
                Assert.Empty(machine.Hardware.Violations);
            }
        }

        Assert.Equal(before, NativeBlocks.LiveCountOfThread);
        return wasOut;
    }

    /// <summary>With no memory and no hardware to be had.</summary>
    [Fact]
    public void Calls_that_take_no_block_and_ask_no_hardware_have_nothing_to_fail()
    {
        foreach ((string name, Func<MirrorMachine, Errno> make) in MirrorScenarios.CallsWithoutSteps)
        {
            using var machine = new MirrorMachine();
            MirrorScenarios.States.Single(state => state.Name == "mapped, group A").Reach(machine);
            string software = machine.Software();
            long blocks = machine.BlocksInUse;
            machine.Hardware.FailAt(1);

            bool isLeft = Repeated.FailsAt(1, () => make(machine), out Errno errno);

            Assert.True(isLeft && errno == Errno.Ok && !machine.Hardware.HasFailed, $"{name}: {errno}");
            AssertSame(software, machine.Software(), name);
            machine.AssertNothingLeft(blocks, name);
        }
    }

    /// <summary>In a section of its own thread a call that takes rights away would wait for itself.</summary>
    [Theory]
    [MemberData(nameof(StateNames))]
    public void EDEADLK_comes_before_anything_is_asked_or_changed(string stateName)
    {
        Action<MirrorMachine> reach = MirrorScenarios.States.Single(state => state.Name == stateName).Reach;
        foreach ((string name, Func<MirrorMachine, Errno> make) in MirrorScenarios.Calls)
        {
            Errno alone = MirrorScenarios.InSoftwareAlone(reach, make, out string wanted);
            using var machine = new MirrorMachine();
            reach(machine);
            string software = machine.Software();
            string hardware = machine.Hardware.Describe();
            int steps = machine.Hardware.StepCount;
            Errno errno;
            using (machine.Reader.Enter(machine.Bystander))
            {
                errno = make(machine);
            }

            if (errno == Errno.EDEADLK)
            {
                AssertSame(software, machine.Software(), $"{stateName}: {name}");
                Assert.Equal((hardware, steps), (machine.Hardware.Describe(), machine.Hardware.StepCount));
                Assert.Equal(alone, make(machine));
            }
            else
            {
                Assert.Equal(alone, errno);
            }

            AssertSame(wanted, machine.Software(), $"{stateName}: {name}");
            machine.AssertInStep();
        }
    }

    /// <summary>So that nobody sees a call that fails in the end.</summary>
    [Theory]
    [MemberData(nameof(StateNames))]
    public void Queries_answer_the_old_state_for_as_long_as_hardware_is_asked(string stateName)
    {
        Action<MirrorMachine> reach = MirrorScenarios.States.Single(state => state.Name == stateName).Reach;
        int asked = 0;
        foreach ((string name, Func<MirrorMachine, Errno> make) in MirrorScenarios.Calls)
        {
            using var machine = new MirrorMachine();
            reach(machine);
            string before = Queries(machine);
            machine.Hardware.Observe = _ =>
            {
                asked++;
                AssertSame(before, Queries(machine), $"{stateName}: {name}");
            };
            make(machine);
            machine.Hardware.Observe = null;
        }

        Assert.True(asked > 0);
    }

    private static string Queries(MirrorMachine machine)
    {
        PamuContainer container = machine.Container;
        IEnumerable<int?> holders = ((PamuGroup[])[machine.A, machine.B, machine.C]).Select(group => group.Container?.Fd);
        return $"{container.Geometry} {container.WindowCount} {container.Stash} {container.IsEnabled} {container.IsIommuSet} "
            + $"[{string.Join(' ', container.Groups.Select(group => group.Id))}] [{string.Join(' ', holders)}] {string.Join('\n', container.GetWindows())}";
    }

    [Fact]
    public void A_transaction_that_hardware_refuses_stays_open_and_can_be_committed_again()
    {
        using var machine = new MirrorMachine();
        MirrorScenarios.States.Single(state => state.Name == "mapped, group A").Reach(machine);
        string software = machine.Software();
        using PamuTransaction transaction = machine.Container.BeginTransaction();
        transaction.UnmapDma(At(0), Window);
        transaction.MapDma(0xA0_0000, At(6), Window, DmaPermissions.Read);

        for (int n = 1; n <= 3; n++)
        {
            machine.Hardware.FailAt(n);
            Assert.Equal(FakeMirror.Injected, ErrnoOf.Call(transaction.Commit));
            Assert.Equal(software, machine.Software());
        }

        transaction.Commit();
        Assert.Equal([1, 2, 3, 4, 6], machine.Container.GetWindows().Where(window => window.IsLive).Select(window => window.Index));
        machine.AssertInStep();
    }

    [Fact]
    public void Hardware_that_makes_control_calls_gets_EDEADLK()
    {
        using var machine = new MirrorMachine();
        MirrorScenarios.States.Single(state => state.Name == "mapped, group A").Reach(machine);
        var inner = new List<Errno>();
        machine.Hardware.Observe = _ => inner.Add(ErrnoOf.Call(() => machine.Bystander.UnmapDma(At(3), Window)));

        machine.Container.UnmapDma(At(0), Window);
        machine.Container.Dispose();

        Assert.Equal([Errno.EDEADLK, Errno.EDEADLK, Errno.EDEADLK], inner); // Check, Unmap, Dispose
    }

    private static void AssertSame(string expected, string actual, string what) =>
        Assert.True(expected == actual, $"{what}\n--- expected\n{expected}\n--- actual\n{actual}");
}
