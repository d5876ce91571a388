using PamuFastPath.Interop;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Mirror;

/// <summary>Nothing of a container's hardware, groups or tables is left behind, however often they come and go.</summary>
public sealed class AttachCycleTests
{
    private const int Cycles = 1000;

    [Fact]
    public void A_thousand_attaches_and_detaches_leave_nothing_in_the_kernel_and_no_table()
    {
        var bench = new Type1Bench(merges: true);
        using var machine = new MirrorMachine(bench);
        MirrorScenarios.States.Single(state => state.Name == "mapped, no group").Reach(machine);
        string software = machine.Software();
        var mirror = (VfioMirror)machine.Mirror;
        int failed = 0;
        for (int i = 0; i < Cycles; i++)
        {
            bench.FailAt(i % 5 == 0 ? i % 11 + 1 : 0, goesOn: false);
            failed += ErrnoOf.Call(() => machine.A.Attach(machine.Container)) == Errno.Ok ? 0 : 1;
            bench.FailAt(0, goesOn: false);
            if (machine.A.Container == null)
            {
                Assert.Equal((0, 0), (bench.GroupsHeld, bench.Kernel.Maps.Count));
                machine.A.Attach(machine.Container);
            }

            machine.B.Attach(machine.Container);
            machine.Container.MapDma(0x90_0000, At(6), 2 * Window, DmaPermissions.Read);
            machine.AssertMirrored();
            machine.Container.UnmapDma(At(6), 2 * Window);
            machine.A.Detach();
            machine.B.Detach();
            Assert.Equal((0, 0, 0ul, false), (bench.GroupsHeld, bench.Kernel.Maps.Count, bench.Kernel.LockedBytes, bench.Kernel.IsIommuSet));
            Assert.Empty(mirror.AttachedGroups);
            Assert.Equal(0, machine.Engine.Publisher.RetiredCount);
        }

        Assert.True(failed > Cycles / 20, $"{failed} attaches failed");
        Assert.Equal(software, machine.Software()); // LIODNs unknown, groups free, windows as they were
    }

    [Fact]
    public void A_thousand_containers_with_hardware_are_closed_whole_and_kept_by_nobody()
    {
        using var engine = new PamuEngine();
        using PamuReader reader = engine.CreateReader();
        PamuGroup group = engine.CreateGroup(1, [0x42], [0]);
        var kernels = new List<WeakReference>();
        for (int i = 0; i < Cycles; i++)
        {
            kernels.Add(Cycle(engine, group));
            Assert.Null(group.Container);
            Assert.Empty(engine.Containers);
            Assert.Equal(FaultKind.UnknownLiodn, reader.Translate(0x42u, 0, 4, DmaAccess.Read).Fault);
            Assert.Equal(0, engine.Publisher.RetiredCount);
        }

        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        Assert.Equal(0, kernels.Count(kernel => kernel.IsAlive));
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static WeakReference Cycle(PamuEngine engine, PamuGroup group)
    {
        var bench = new Type1Bench(merges: true);
        PamuContainer container = engine.CreateContainer();
        Assert.Equal(0, container.Fd);
        container.BindHardware(bench.Open(container, [group]));
        container.SetGeometry(0, 0xF_FFFF);
        container.SetWindows(16);
        container.MapDma(0x40_0000, 0, 0x10_0000, DmaPermissions.ReadWrite);
        group.Attach(container);
        Assert.Equal((1, 0x10_0000ul), (bench.GroupsHeld, bench.Kernel.LockedBytes));
        container.Dispose();
        Assert.Equal((true, 0, 0ul), (bench.IsClosed, bench.GroupsHeld, bench.Kernel.LockedBytes));
        return new WeakReference(bench.Kernel);
    }
}
