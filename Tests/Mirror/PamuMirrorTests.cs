using PamuFastPath.Cli.Conform;
using PamuFastPath.Interop;
using Xunit.Abstractions;

namespace PamuFastPath.Tests.Mirror;

/// <summary>The PAMU backend over the recorded driver, one habit of the driver each; and the n-th call of the kernel failing, for every n.</summary>
public class PamuMirrorTests(ITestOutputHelper output)
{
    private const ulong Start = 0x1000_0000;
    private const ulong Window = 0x1_0000;
    private const uint Count = 8;
    private const DmaPermissions Both = DmaPermissions.ReadWrite;

    public static TheoryData<string> Steps => [.. Scenarios.Keys];

    /// <summary>What there is, and the call that is made then.</summary>
    private static Dictionary<string, (Action<Host> Reach, Action<Host> Call)> Scenarios { get; } = new()
    {
        ["first group, windows to replay"] = (host => host.Shape().Dma(0, 1).Msi(2), host => host.Attach(0)),
        ["first group, no windows"] = (_ => { }, host => host.Attach(0)),
        ["first group, one window"] = (host => host.Shape(1).Dma(0), host => host.Attach(0)),
        ["late group"] = (host => host.Attach(0).Shape().Dma(0, 1).Msi(2), host => host.Attach(1)),
        ["late group, MSI alone"] = (host => host.Attach(0).Shape().Msi(2), host => host.Attach(1)),
        ["late group, one MSI window"] = (host => host.Attach(0).Shape(1).Msi(0), host => host.Attach(1)),
        ["group goes"] = (host => host.Attach(0).Shape().Dma(0).Attach(1), host => host.Detach(0)),
        ["last group goes"] = (host => host.Attach(0).Shape().Dma(0).Msi(2), host => host.Detach(0)),
        ["map"] = (host => host.Attach(0).Attach(1).Shape().Dma(0), host => host.Map(3, 3)),
        ["first MSI"] = (host => host.Attach(0).Shape(), host => host.Msi(4)),
        ["MSI beside DMA"] = (host => host.Attach(0).Shape().Dma(0), host => host.Msi(4)),
        ["unmap last DMA, MSI stays"] = (host => host.Attach(0).Attach(1).Shape().Dma(0, 1).Msi(2), host => host.Unmap(0, 2)),
        ["unmap last DMA"] = (host => host.Attach(0).Shape().Dma(0, 1), host => host.Unmap(0, 2)),
        ["unmap last MSI"] = (host => host.Attach(0).Shape().Msi(2), host => host.UnmapMsi(2)),
        ["DMA comes to MSI alone"] = (host => host.Attach(0).Shape().Msi(2), host => host.Map(0, 1)),
        ["window count, MSI mapped"] = (host => host.Attach(0).Attach(1).Shape().Msi(2), host => host.Container.SetWindows(4)),
        ["geometry, MSI mapped"] = (host => host.Attach(0).Attach(1).Shape().Msi(2), host => host.Container.SetGeometry(0, 0xF_FFFF)),
        ["one window to many"] = (host => host.Attach(0).Shape(1).Msi(0), host => host.Container.SetWindows(8)),
        ["many windows to one"] = (host => host.Attach(0).Shape(8).Msi(0), host => host.Container.SetWindows(1)),
        ["stash"] = (host => host.Attach(0).Shape().Dma(0), host => host.Container.SetStash(1, 2)),
        ["one window, other memory"] = (host => host.Attach(0).Attach(1).Shape(1).Dma(0), host => host.InTransaction(t =>
        {
            t.UnmapDma(Start, Window * Count);
            t.MapDma(0x80_0000, Start, Window * Count, DmaPermissions.Read);
        })),
        ["all memory changes, MSI stays"] = (host => host.Attach(0).Attach(1).Shape().Dma(0, 1).Msi(2), host => host.InTransaction(t =>
        {
            t.UnmapDma(Start, Window * 2);
            t.MapDma(0x80_0000, Start, Window, DmaPermissions.Read);
            t.MapDma(0x90_0000, Start + Window * 5, Window, Both);
        })),
        ["one window, MSI for memory"] = (host => host.Attach(0).Attach(1).Shape(1).Msi(0), host => host.InTransaction(t =>
        {
            t.UnmapMsiBank(Start);
            t.MapDma(0x80_0000, Start, Window * Count, Both);
        })),
    };

    [Theory]
    [MemberData(nameof(Steps))]
    public void The_kernels_nth_call_fails_and_nothing_has_changed_and_the_call_can_be_made_again(string name)
    {
        (Action<Host> reach, Action<Host> call) = Scenarios[name];
        int n = 0;
        bool isFailing = true;
        while (isFailing)
        {
            using var host = new Host();
            reach(host);
            Assert.Null(host.Machine.Difference());
            string before = host.Machine.Describe();
            HashSet<int> fresh = host.Untouched();
            host.Between.FailAt(++n);

            Errno errno = ErrnoOf.Call(() => call(host));

            isFailing = host.Between.Failed != null;
            Assert.Equal(isFailing, errno != Errno.Ok);
            host.Between.FailAt(0);
            if (isFailing)
            {
                Assert.Equal(Host.Without(fresh, before), Host.Without(fresh, host.Machine.Describe()));
                Assert.Null(host.Machine.Difference());
                call(host);
            }

            Assert.Null(host.Machine.Difference());
            host.Machine.Close(host.Container.Fd);
            Assert.Null(host.Machine.Difference());
            Assert.Equal(0, host.Machine.Kernel.Driver.SecondaryUsed);
        }

        output.WriteLine($"{name}: {n - 1} calls of the kernel failed, one after the other");
        Assert.True(n > 1);
    }

    [Fact]
    public void A_LIODN_is_cut_off_as_soon_as_its_group_is_in_also_before_there_are_windows()
    {
        using var host = new Host();
        Assert.NotEmpty(host.Machine.Kernel.Reach(0x42)); // after boot everything passes
        host.Attach(0);
        Assert.Empty(host.Machine.Kernel.Reach(0x42));
        Assert.Equal(0, host.Machine.Kernel.Driver.SecondaryUsed);
    }

    [Fact]
    public void MSI_windows_live_without_any_DMA_mapping_and_survive_the_last_one()
    {
        using Host host = new Host().Attach(0).Shape().Msi(2);
        Assert.Equal([new TableRange(Start + Window * 2, 0x1000, 0xF_FE04_4000, 2)], host.Machine.Kernel.Reach(0x42));
        Assert.Equal(Window, Assert.Single(host.Kernel.Driver.Mappings).Bytes); // the keeper, which is a whole window
        host.Map(0, 1);
        Assert.DoesNotContain(host.Kernel.Driver.Mappings, mapping => mapping.Iova > Start + Window * Count); // memory keeps it enabled now
        host.Unmap(0, 1);
        Assert.Null(host.Machine.Difference());
        host.UnmapMsi(2);
        Assert.Empty(host.Kernel.Driver.Mappings);
        Assert.Equal((false, 0), (host.Kernel.Driver.Domain.IsEnabled, host.Kernel.Driver.Domain.Mapped));
    }

    [Fact]
    public void A_group_that_comes_late_is_awake_at_once_and_no_window_is_touched_for_it()
    {
        using Host host = new Host().Attach(0).Shape().Dma(0, 1).Msi(2);
        string before = string.Join(", ", host.Machine.Kernel.Reach(0x42));
        var seen = new HashSet<string>();
        host.Between.After = () => seen.Add(string.Join(", ", host.Machine.Kernel.Reach(0x42)));
        host.Attach(1);
        Assert.Equal([before], seen);
        Assert.Equal(before, string.Join(", ", host.Machine.Kernel.Reach(0x51)));
        Assert.Equal(before, string.Join(", ", host.Machine.Kernel.Reach(0x52)));
    }

    [Theory]
    [InlineData("small DMA mapping")]
    [InlineData("MSI alone in 4 KiB windows")]
    [InlineData("late group and 4 KiB windows")]
    [InlineData("last DMA mapping beside MSI in 4 KiB windows")]
    [InlineData("DMA window that ends at 2^64")]
    [InlineData("MSI alone and no room for a keeper")]
    [InlineData("more windows than the machine has")]
    public void What_the_driver_cannot_do_is_refused_before_the_kernel_is_asked(string what)
    {
        using var host = new Host(kernelWindows: 16);
        host.Attach(0);
        (Errno expected, Action call) = what switch
        {
            "small DMA mapping" => (Errno.EINVAL, Later(() => host.Shape(), () => host.Container.MapDma(0, Start, 0x1000, Both))),
            "MSI alone in 4 KiB windows" => (Errno.EINVAL, Later(() => host.Small(), () => host.Container.MapMsiBank(0, Start))),
            "late group and 4 KiB windows" => (Errno.EBUSY, Later(() => host.Small().Container.MapDma(0, Start, 0x1000, Both), () => host.Attach(1))),
            "last DMA mapping beside MSI in 4 KiB windows" => (Errno.EINVAL, Later(
                () =>
                {
                    host.Small().Container.MapDma(0, Start, 0x1000, Both);
                    host.Container.MapMsiBank(0, Start + 0x1000);
                },
                () => host.Container.UnmapDma(Start, 0x1000))),
            "DMA window that ends at 2^64" => (Errno.EINVAL, Later(() => host.High(), () => host.Container.MapDma(0, ulong.MaxValue - 0xFFFF, 0x1_0000, Both))),
            "MSI alone and no room for a keeper" => (Errno.EINVAL, Later(() => host.High(), () => host.Container.MapMsiBank(0, ulong.MaxValue - 0xFFFF))),
            _ => (Errno.EINVAL, Later(() => host.Shape(), () => host.Container.SetWindows(32))),
        };
        string before = host.Machine.Describe();
        int calls = host.Kernel.Calls.Count;

        Assert.Equal(expected, ErrnoOf.Call(call));

        Assert.Equal((before, calls), (host.Machine.Describe(), host.Kernel.Calls.Count));
    }

    [Fact]
    public void Groups_can_share_4_KiB_windows_if_they_come_before_the_mappings_or_are_replayed()
    {
        using Host host = new Host().Attach(0).Attach(1).Small();
        host.Container.MapDma(0x5000, Start, 0x1000, Both);
        host.Container.MapMsiBank(1, Start + 0x3000);
        Assert.Null(host.Machine.Difference());
        host.Detach(0).Detach(1);
        Assert.Null(host.Machine.Difference());
    }

    [Fact]
    public void Window_counts_change_a_hundred_times_and_no_table_entry_is_lost()
    {
        using Host host = new Host().Attach(0).Attach(1);
        host.Container.SetGeometry(0, 0xFFF_FFFF);
        for (int i = 0; i < 100; i++)
        {
            host.Container.SetWindows(i % 3 == 0 ? 256u : 128u);
            host.Container.MapDma(0x100_0000, 0, host.Container.WindowSize, Both);
            Assert.Null(host.Machine.Difference());
            Assert.Equal(3 * (host.Container.WindowCount - 1), host.Machine.Kernel.Driver.SecondaryUsed);
            host.Container.UnmapDma(0, host.Container.WindowSize);
        }
    }

    [Fact]
    public void With_a_device_open_counts_change_in_place_and_the_driver_runs_out_of_entries_which_is_said_and_changes_nothing()
    {
        using Host host = new Host().Attach(0);
        host.Container.SetGeometry(0, 0xFFF_FFFF);
        host.Kernel.InUse.Add(0);
        int changes = 0;
        string before = "";
        PamuException? refused = null;
        while (refused == null && changes < 20)
        {
            before = host.Machine.Describe();
            refused = Record.Exception(() => host.Container.SetWindows(changes % 2 == 0 ? 256u : 128u)) as PamuException;
            changes += refused == null ? 1 : 0;
        }

        Assert.Equal(10, changes); // five times 255 and five times 127 entries of 2,048 are lost or held: 138 are left, of which the way back takes 127
        Assert.Equal(Errno.ENOMEM, refused!.Errno);
        Assert.Equal(before, host.Machine.Describe());
        host.Container.MapDma(0x100_0000, 0, 0x20_0000, Both);
        Assert.Null(host.Machine.Difference());
        Assert.Contains("entries", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>The count is the machine's maximum, which a fresh domain says it has: the refusal would not show if it were set straight away.</summary>
    [Fact]
    public void A_first_group_for_whose_windows_no_table_entries_are_left_is_ENOMEM_and_other_containers_notice_nothing()
    {
        using Host host = new Host().Attach(0).Attach(1).Attach(3).Attach(7).Attach(8).Attach(2);
        host.Container.SetGeometry(0, 0xFFF_FFFF);
        host.Container.SetWindows(256);
        host.Container.MapDma(0x100_0000, 0, 0x40_0000, Both);
        int fd = host.Machine.Open();
        PamuContainer other = host.Machine.Find(fd);
        other.SetGeometry(0, 0xFFF_FFFF);
        other.SetWindows(256);
        other.MapDma(0x300_0000, 0, 0x40_0000, Both);

        PamuException refused = Assert.Throws<PamuException>(() => host.Machine.Group(fd, 9).Attach(other));

        Assert.Equal(Errno.ENOMEM, refused.Errno);
        Assert.Null(host.Machine.Difference());
        Assert.Empty(host.Machine.Kernels[fd].Groups);
        Assert.Equal(8 * 255, host.Machine.Kernel.Driver.SecondaryUsed);
        other.UnmapDma(0, 0x40_0000);
        other.SetWindows(2);
        host.Machine.Group(fd, 9).Attach(other);
        Assert.Null(host.Machine.Difference());
    }

    [Fact]
    public void With_one_device_open_the_other_groups_leave_and_come_back_when_the_count_changes()
    {
        using Host host = new Host().Attach(0).Attach(1).Attach(7).Shape().Msi(2);
        host.Kernel.InUse.Add(1);
        host.Container.SetWindows(4);
        Assert.Equal([0, 1, 7], host.Kernel.Groups.Order());
        Assert.Equal((4 * 3) + (3 * 7), host.Machine.Kernel.Driver.SecondaryUsed); // what the three LIODNs that stayed had is lost
        host.Dma(0).Msi(3);
        Assert.Null(host.Machine.Difference());
    }

    [Fact]
    public void A_group_for_which_no_table_entries_are_left_is_refused_and_the_domain_is_built_anew_without_it()
    {
        using Host host = new Host().Attach(0).Attach(1).Attach(3).Attach(7).Attach(8);
        host.Container.SetGeometry(0, 0xFFF_FFFF);
        host.Container.SetWindows(256);
        host.Container.MapDma(0x100_0000, 0, 0x10_0000, Both);
        host.Container.MapMsiBank(0, 0x20_0000);
        string before = host.Machine.Describe();

        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => host.Attach(9))); // 7 LIODNs have 1,785 entries; of its 3 only the first finds 255

        Assert.Equal(Host.Without([0x81, 0x82, 0x83], before), Host.Without([0x81, 0x82, 0x83], host.Machine.Describe()));
        Assert.Null(host.Machine.Difference());
        Assert.DoesNotContain(host.Kernel.Driver.Domain.Devices, device => device.Group == 9);
        Assert.Equal(7 * 255, host.Machine.Kernel.Driver.SecondaryUsed);
        host.Container.MapDma(0x200_0000, 0x10_0000, 0x10_0000, Both);
        Assert.Null(host.Machine.Difference());
    }

    [Fact]
    public void Where_devices_are_open_a_domain_with_a_refused_groups_devices_is_left_alone_until_they_are_closed()
    {
        using Host host = new Host().Attach(0).Attach(1).Attach(3).Attach(7).Attach(8);
        host.Container.SetGeometry(0, 0xFFF_FFFF);
        host.Container.SetWindows(256);
        host.Container.MapDma(0x100_0000, 0, 0x10_0000, Both);
        host.Kernel.InUse.UnionWith([0, 1, 3, 7, 8]);
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => host.Attach(9)));
        Assert.Null(host.Machine.Difference());
        string before = host.Machine.Describe();

        Assert.Equal(Errno.EBUSY, ErrnoOf.Call(() => host.Container.MapDma(0x200_0000, 0x10_0000, 0x10_0000, Both)));
        Assert.Equal(Errno.EBUSY, ErrnoOf.Call(() => host.Container.UnmapDma(0, 0x10_0000)));
        Assert.Equal(before, host.Machine.Describe());

        host.Kernel.InUse.Clear();
        host.Container.MapDma(0x200_0000, 0x10_0000, 0x10_0000, Both);
        Assert.Null(host.Machine.Difference());
    }

    [Fact]
    public void Memory_that_the_kernel_finds_in_pieces_is_EFAULT_and_the_neighbours_of_its_window_stay()
    {
        var platform = new PamuPlatform { PamuExtension = RecordedPlatform.PamuExtension, LiodnCount = RecordedPlatform.LiodnCount };
        using var engine = new PamuEngine(platform); // its page source has one piece everywhere
        var machine = new RecordedPamuMachine(256);
        PamuContainer container = engine.CreateContainer();
        var mirror = new PamuMirror(new RecordedPamuKernel(machine, 0), RecordedPlatform.PamuExtension);
        PamuGroup group = engine.CreateGroup(0, [0x42], [0]);
        mirror.Bind(group, 0);
        container.BindHardware(mirror);
        group.Attach(container);
        container.SetGeometry(Start, Start + Window * Count - 1);
        container.SetWindows(Count);
        container.MapDma(0x10_0000, Start, Window, Both);
        container.MapDma(0x20_0000, Start + Window * 3, Window, Both);
        string before = string.Join(", ", machine.Reach(0x42));

        // Windows 1 and 2: the first has memory, the second has not; driver maps one, fails, and takes both back.
        PamuException refused = Assert.Throws<PamuException>(() => container.MapDma(0x6_FFFF_0000, Start + Window, Window * 2, Both));

        Assert.Equal(Errno.EFAULT, refused.Errno);
        Assert.Contains("in one piece", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, string.Join(", ", machine.Reach(0x42)));
        Assert.Equal([0, 3], container.GetWindows().Select(window => window.Index));
    }

    [Fact]
    public void An_argument_structure_is_laid_out_as_in_the_ABI()
    {
        Assert.Equal(
            "20000000 00000000 02000000 00000000 07000000 03000000 0000000000000000",
            Layout(new VfioPamuAttr { Argsz = VfioPamuAttr.Bytes, Attribute = PamuAttr.Stash, StashCpu = 7, StashCache = 3 }, 4, 4, 4, 4, 4, 4, 8));
        Assert.Equal(
            "20000000 00000000 00000000 00000000 0010000000000000 FF1F000000000000",
            Layout(new VfioPamuAttr { Argsz = VfioPamuAttr.Bytes, ApertureStart = 0x1000, ApertureEnd = 0x1FFF }, 4, 4, 4, 4, 8, 8));
        Assert.Equal(
            "20000000 00000000 01000000 00000000 00010000",
            Layout(new VfioPamuAttr { Argsz = VfioPamuAttr.Bytes, Attribute = PamuAttr.Windows, Windows = 256 }, 4, 4, 4, 4, 4));
        Assert.Equal(
            "18000000 02000000 01000000 00000000 0000004000000000",
            Layout(new VfioPamuMsiBankMap { Argsz = VfioPamuMsiBankMap.Bytes, Flags = 2, Bank = 1, Iova = 0x4000_0000 }, 4, 4, 4, 4, 8));
        Assert.Equal(
            "10000000 00000000 0000004000000000",
            Layout(new VfioPamuMsiBankUnmap { Argsz = VfioPamuMsiBankUnmap.Bytes, Iova = 0x4000_0000 }, 4, 4, 8));
    }

    private static string Layout<T>(T value, params int[] fields)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes(new ReadOnlySpan<T>(ref value));
        var texts = new List<string>();
        foreach (int field in fields)
        {
            texts.Add(Convert.ToHexString(bytes[..field]));
            bytes = bytes[field..];
        }

        return string.Join(' ', texts);
    }

    private static Action Later(Action reach, Action call)
    {
        reach();
        return call;
    }

    /// <summary>A machine with one container on it.</summary>
    private sealed class Host : IDisposable
    {
        private readonly int _fd;

        internal Host(int kernelWindows = 256)
        {
            Machine = new MirroredMachine(256, kernelWindows);
            _fd = Machine.Open();
            Container = Machine.Find(_fd);
            Kernel = Machine.Kernels[_fd];
            Between = Machine.Between[_fd];
        }

        internal MirroredMachine Machine { get; }

        internal PamuContainer Container { get; }

        internal RecordedPamuKernel Kernel { get; }

        internal InterposedKernel Between { get; }

        public void Dispose() => Machine.Dispose();

        internal Host Shape(uint count = Count)
        {
            Container.SetGeometry(Start, Start + Window * Count - 1);
            Container.SetWindows(count);
            return this;
        }

        /// <summary>Eight windows of 4 KiB.</summary>
        internal Host Small()
        {
            Container.SetGeometry(Start, Start + 0x7FFF);
            Container.SetWindows(8);
            return this;
        }

        /// <summary>Two windows of 64 KiB at the end of the IOVAs.</summary>
        internal Host High()
        {
            Container.SetGeometry(ulong.MaxValue - 0x1_FFFF, ulong.MaxValue);
            Container.SetWindows(2);
            return this;
        }

        internal Host Attach(int group)
        {
            Machine.Group(_fd, group).Attach(Container);
            return this;
        }

        internal Host Detach(int group)
        {
            Machine.Group(_fd, group).Detach();
            return this;
        }

        internal Host Dma(params int[] windows)
        {
            foreach (int window in windows)
            {
                Map(window, 1);
            }

            return this;
        }

        internal Host Msi(int window)
        {
            Container.MapMsiBank(0, At(window));
            return this;
        }

        internal void Map(int window, int count) =>
            Container.MapDma(0x10_0000 + (ulong)window * Container.WindowSize, At(window), Container.WindowSize * (ulong)count, Both);

        internal void Unmap(int window, int count) => Container.UnmapDma(At(window), Container.WindowSize * (ulong)count);

        internal void UnmapMsi(int window) => Container.UnmapMsiBank(At(window));

        internal void InTransaction(Action<PamuTransaction> calls)
        {
            using PamuTransaction transaction = Container.BeginTransaction();
            calls(transaction);
            transaction.Commit();
        }

        /// <summary>LIODNs that nobody has programmed since boot.</summary>
        internal HashSet<int> Untouched() => RecordedPamuMachine.RecordedGroups.Values
            .SelectMany(devices => devices.SelectMany(device => device))
            .Where(liodn => Machine.Kernel.Driver.Tables[liodn] == PrimaryEntry.Boot)
            .ToHashSet();

        /// <summary>A description without some LIODNs: one that was never in a container may be cut off by an attempt.</summary>
        internal static string Without(HashSet<int> liodns, string description) => string.Join('\n', description.Split('\n').Where(line =>
            !liodns.Any(liodn => line.StartsWith($"0x{liodn:x} ", StringComparison.Ordinal))));

        private ulong At(int window) => Start + (ulong)window * Container.WindowSize;
    }
}
