using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Snapshot;

/// <summary>Restoring where memory is elsewhere than it was.</summary>
public sealed class MovedMemoryTests
{
    private const ulong Distance = 0x1000_0000;

    private static readonly byte[] Good = SnapshotMachine.Saved();

    [Fact]
    public void Each_DMA_window_is_asked_for_and_the_page_source_gives_its_new_target()
    {
        using var machine = new SnapshotMachine();
        var asked = new List<(ulong, ulong)>();

        machine.Container.Restore(Good, (ulong vaddr, ulong length, out ulong now) =>
        {
            asked.Add((vaddr, length));
            now = vaddr + Distance;
            return true;
        });

        Assert.Equal([(0x40_0000, Window), (0x50_0000, 0x2000), (0x60_0000, Window), (0x61_0000, Window)], asked);
        foreach (PamuWindow window in machine.Container.GetWindows().Where(window => window.MsiBank < 0))
        {
            ulong vaddr = machine.Container.CurrentState.Windows[window.Index].Vaddr;
            SnapshotMachine.Pages(vaddr, window.Size, out ulong target);
            Assert.Equal(target, window.Target);
        }

        Assert.Equal(0x40_0000 + Distance, machine.Container.CurrentState.Windows[0].Vaddr);
        Assert.Equal([0, 1, 2], machine.Container.GetWindows().Where(window => window.MsiBank >= 0).Select(window => window.MsiBank));
        byte[] moved = machine.Container.Save();
        using var again = new SnapshotMachine();
        again.Container.Restore(moved);
        Assert.Equal(moved, again.Container.Save());
    }

    [Fact]
    public void Without_it_addresses_are_as_saved_and_the_page_source_is_not_asked()
    {
        using var machine = new SnapshotMachine(new PamuPlatform { MaxWindows = 16, PageSource = (_, _, out _) => throw new InvalidOperationException("asked") });
        machine.Container.Restore(Good);
        Assert.Equal(Good, machine.Container.Save());
    }

    public static TheoryData<string> Troubles => ["not there", "throws", "off a page", "wraps", "the page source has it not", "the page source has it off a page"];

    [Theory]
    [MemberData(nameof(Troubles))]
    public void Memory_that_is_not_there_is_EFAULT_and_changes_nothing(string trouble)
    {
        bool isPageSourceAsked = false;
        var platform = new PamuPlatform
        {
            MaxWindows = 16,
            PageSource = (ulong vaddr, ulong _, out ulong target) =>
            {
                isPageSourceAsked |= vaddr == 0x60_0000 + Distance;
                target = trouble.EndsWith("off a page", StringComparison.Ordinal) ? vaddr + 1 : vaddr;
                return !trouble.EndsWith("not", StringComparison.Ordinal) || vaddr != 0x60_0000 + Distance;
            },
        };
        using var machine = new SnapshotMachine(platform);

        Errno errno = ErrnoOf.Call(() => machine.Container.Restore(Good, (ulong vaddr, ulong _, out ulong now) =>
        {
            now = vaddr + Distance;
            if (vaddr != 0x60_0000)
            {
                return true;
            }

            now = trouble switch
            {
                "throws" => throw new InvalidOperationException("no memory here"),
                "off a page" => now + 0x800,
                "wraps" => 0xFFFF_FFFF_FFFF_F000,
                _ => now,
            };
            return trouble != "not there";
        }));

        Assert.Equal(Errno.EFAULT, errno);
        Assert.Equal(trouble == "the page source has it not", isPageSourceAsked);
        machine.AssertUntouched(Good);
    }

    [Fact]
    public void It_must_not_make_control_calls()
    {
        using var machine = new SnapshotMachine();
        PamuContainer other = machine.Engine.CreateContainer();
        var inner = new List<Errno>();
        machine.Container.Restore(Good, (ulong vaddr, ulong _, out ulong now) =>
        {
            inner.Add(ErrnoOf.Call(() => other.Restore(Good)));
            now = vaddr;
            return true;
        });
        Assert.Equal(Enumerable.Repeat(Errno.EDEADLK, 4), inner);
        Assert.Equal(Good, machine.Container.Save());
    }
}
