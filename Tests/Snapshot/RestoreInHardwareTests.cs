using PamuFastPath.Tests.Mirror;
using Xunit.Abstractions;

namespace PamuFastPath.Tests.Snapshot;

/// <summary>A container with fake hardware: a restore is one step over both, and a step of the hardware that fails leaves nothing of it.</summary>
public sealed class RestoreInHardwareTests(ITestOutputHelper output)
{
    /// <summary>How the fresh machine already stands: whether the snapshot's first group is there.</summary>
    public static TheoryData<string, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, bool>();
            foreach ((string name, _) in MirrorScenarios.States)
            {
                cases.Add(name, false);
                cases.Add(name, true);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Hardware_that_fails_at_any_step_leaves_nothing_restored(string stateName, bool groupsAreThere)
    {
        byte[] snapshot = Saved(stateName);
        int n = 0;
        bool hasFailed;
        do
        {
            using PamuEngine engine = new(new PamuPlatform { MaxWindows = 16 });
            using PamuReader reader = engine.CreateReader();
            PamuContainer container = engine.CreateContainer();
            List<PamuGroup> own = groupsAreThere ? [engine.CreateGroup(1, [0x42], [0]), engine.CreateGroup(3, [0x10], [])] : [];
            var hardware = new FakeMirror(container);
            container.BindHardware(hardware);
            string software = SoftwareState.Describe(reader, [container], [.. own]);
            string held = hardware.Describe();
            hardware.FailAt(++n);

            Errno errno = ErrnoOf.Call(() => container.Restore(snapshot));

            hasFailed = hardware.HasFailed;
            Assert.Equal(hasFailed ? FakeMirror.Injected : Errno.Ok, errno);
            if (hasFailed)
            {
                Assert.Equal(software, SoftwareState.Describe(reader, [container], [.. own]));
                Assert.Equal((held, 1ul), (hardware.Describe(), container.Generation));
                Assert.False(engine.Faults.TryTake(out _));
                Assert.All(own, group => Assert.Null(group.Container));
                Assert.Equal(own, engine.Groups);
                container.Restore(snapshot); // groups that were made are gone, the container is fresh
            }

            Assert.Equal(FakeMirror.Expected(container), hardware.Describe());
            Assert.Empty(hardware.Violations);
            Assert.Equal(snapshot, container.Save());
        }
        while (hasFailed);

        output.WriteLine($"{n - 1} steps failed");
        Assert.True(n > 1);
    }

    [Fact]
    public void Hardware_that_could_not_hold_it_refuses_it()
    {
        using PamuEngine engine = new(new PamuPlatform { MaxWindows = 16 });
        PamuContainer container = engine.CreateContainer();
        var hardware = new FakeMirror(container);
        hardware.Reserved.Add(1, (0, ulong.MaxValue));
        container.BindHardware(hardware);

        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => container.Restore(Saved("mapped, groups A and B"))));

        Assert.Equal((1ul, 0, 0), (container.Generation, container.Groups.Count, hardware.GroupCount));
        Assert.Empty(engine.Groups);
        Assert.Empty(hardware.Violations);
    }

    /// <summary>A removal that hardware refuses publishes two tables and changes nothing else: the count is the container's, and is saved.</summary>
    [Fact]
    public void The_generation_is_saved_also_after_a_call_that_hardware_refused()
    {
        using var machine = new MirrorMachine();
        MirrorScenarios.States.Single(state => state.Name == "mapped, group A").Reach(machine);
        ulong before = machine.Container.Generation;
        machine.Hardware.FailAt(2);
        Assert.Equal(FakeMirror.Injected, ErrnoOf.Call(() => machine.Container.UnmapDma(Control.Machine.At(0), Control.Machine.Window)));
        Assert.Equal(before + 2, machine.Container.Generation);

        using PamuEngine engine = new(machine.Engine.Platform);
        PamuContainer restored = engine.CreateContainer();
        restored.Restore(machine.Container.Save());

        Assert.Equal(before + 2, restored.Generation);
    }

    private static byte[] Saved(string stateName)
    {
        using var machine = new MirrorMachine();
        MirrorScenarios.States.Single(state => state.Name == stateName).Reach(machine);
        machine.Engine.Faults.Record(new FaultRecord(FaultKind.NoMapping, 0x42, 1, 2, DmaAccess.Write, 1));
        machine.Engine.Faults.Record(new FaultRecord(FaultKind.NoMapping, 0x10, 1, 2, DmaAccess.Write, 1));
        return machine.Container.Save();
    }
}
