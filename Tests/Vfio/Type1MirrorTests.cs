using System.Runtime.InteropServices;
using PamuFastPath.Interop;
using PamuFastPath.Tests.Control;
using PamuFastPath.Tests.Mirror;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Vfio;

/// <summary>What is the TYPE1v2 backend's own: maps and their merging, what the IOMMU takes, the order of calls, what a refusal says.</summary>
public sealed class Type1MirrorTests : IDisposable
{
    private const int HostGroup = 7;
    private const string MapCall = "ioctl 0x3b71";
    private const string UnmapCall = "ioctl 0x3b72";
    private const ulong Memory = 0x40_0000;

    private readonly Machine _machine = new();
    private readonly SimulatedType1Kernel _kernel = new() { Groups = { [HostGroup] = [], [HostGroup + 1] = [] } };
    private readonly List<string> _calls = [];
    private readonly PamuContainer _container;
    private readonly PamuGroup _group;
    private readonly PamuGroup _other;

    public Type1MirrorTests()
    {
        _container = _machine.Ready();
        _group = _machine.Engine.CreateGroup(1, [1], [0]);
        _other = _machine.Engine.CreateGroup(2, [2], [0]);
    }

    /// <summary>What is mapped in one transaction, and the maps that it becomes (window and windows long, or bytes where less).</summary>
    private static readonly Dictionary<string, (Action<PamuTransaction> Map, string Maps)> Neighbours = new()
    {
        ["several windows of one call"] = (t => t.MapDma(Memory, At(1), 3 * Window, DmaPermissions.Read), "1+3"),
        ["calls that continue each other"] = (t =>
        {
            t.MapDma(Memory, At(1), Window, DmaPermissions.Read);
            t.MapDma(Memory + Window, At(2), Window, DmaPermissions.Read);
        }, "1+2"),
        ["in whatever order they come"] = (t =>
        {
            t.MapDma(Memory + Window, At(2), Window, DmaPermissions.Read);
            t.MapDma(Memory, At(1), Window, DmaPermissions.Read);
        }, "1+2"),
        ["not if a window lies between"] = (t =>
        {
            t.MapDma(Memory, At(1), Window, DmaPermissions.Read);
            t.MapDma(Memory + Window, At(3), Window, DmaPermissions.Read);
        }, "1+1 3+1"),
        ["not if an interrupt's window lies between"] = (t =>
        {
            t.MapDma(Memory, At(1), Window, DmaPermissions.Read);
            t.MapMsiBank(0, At(2));
            t.MapDma(Memory + Window, At(3), Window, DmaPermissions.Read);
        }, "1+1 3+1"),
        ["not if the memory lies elsewhere"] = (t =>
        {
            t.MapDma(Memory, At(1), Window, DmaPermissions.Read);
            t.MapDma(Memory + 2 * Window, At(2), Window, DmaPermissions.Read);
        }, "1+1 2+1"),
        ["not if the permissions differ"] = (t =>
        {
            t.MapDma(Memory, At(1), Window, DmaPermissions.Read);
            t.MapDma(Memory + Window, At(2), Window, DmaPermissions.ReadWrite);
        }, "1+1 2+1"),
        ["not if the first is not full"] = (t =>
        {
            t.MapDma(Memory, At(1), Window / 2, DmaPermissions.Read);
            t.MapDma(Memory + Window / 2, At(2), Window, DmaPermissions.Read);
        }, "1+0x8000 2+1"),
        ["the last one need not be full"] = (t =>
        {
            t.MapDma(Memory, At(1), Window, DmaPermissions.Read);
            t.MapDma(Memory + Window, At(2), Window / 2, DmaPermissions.Read);
        }, "1+0x18000"),
    };

    public static TheoryData<string> NeighbourNames => [.. Neighbours.Keys];

    public void Dispose()
    {
        _container.Dispose();
        _machine.Dispose();
    }

    [Theory]
    [MemberData(nameof(NeighbourNames))]
    public void Windows_of_one_step_that_continue_each_other_are_one_map(string example)
    {
        Attach();
        (Action<PamuTransaction> map, string maps) = Neighbours[example];
        using (PamuTransaction transaction = _container.BeginTransaction())
        {
            map(transaction);
            transaction.Commit();
        }

        Assert.Equal(maps, Maps());
        _group.Detach();
        _group.Attach(_container);
        Assert.Equal(maps, Maps()); // a replay is one step, too
    }

    [Fact]
    public void A_window_that_comes_later_never_touches_what_is_held()
    {
        Attach();
        _container.MapDma(Memory + Window, At(2), Window, DmaPermissions.Read);
        _calls.Clear();
        _container.MapDma(Memory + 2 * Window, At(3), Window, DmaPermissions.Read);
        _container.MapDma(Memory, At(1), Window, DmaPermissions.Read);

        Assert.Equal([MapCall, MapCall], _calls);
        Assert.Equal("1+1 2+1 3+1", Maps());
    }

    [Theory]
    [InlineData(1, 1, "2+3")]
    [InlineData(2, 1, "1+1 3+2")]
    [InlineData(4, 1, "1+3")]
    [InlineData(2, 2, "1+1 4+1")]
    public void What_stays_of_a_merged_map_comes_back_at_once(int window, int count, string rest)
    {
        Attach();
        _container.MapDma(Memory, At(1), 4 * Window, DmaPermissions.ReadWrite);
        _calls.Clear();
        _container.UnmapDma(At(window), (ulong)count * Window);

        Assert.Equal([UnmapCall, .. Enumerable.Repeat(MapCall, rest.Split(' ').Length)], _calls);
        Assert.Equal(rest, Maps());
        Assert.All(_kernel.Maps, static map => Assert.Equal(Memory + (map.Iova - At(1)), map.Vaddr));
    }

    [Fact]
    public void Without_merging_a_call_touches_only_what_it_means()
    {
        Attach(merges: false);
        _container.MapDma(Memory, At(1), 4 * Window, DmaPermissions.ReadWrite);
        Assert.Equal("1+1 2+1 3+1 4+1", Maps());
        _calls.Clear();
        _container.UnmapDma(At(2), Window);

        Assert.Equal([UnmapCall], _calls);
        Assert.Equal("1+1 3+1 4+1", Maps());
    }

    [Fact]
    public void An_interrupts_window_is_softwares_alone()
    {
        _kernel.Groups[HostGroup].Add(new IovaRange(At(4), At(4) + 0xFFF)); // as the host's interrupt window, which is no memory
        Attach();
        _calls.Clear();
        _container.MapMsiBank(0, At(4));

        Assert.Empty(_calls);
        Assert.Equal(TranslationKind.Msi, _machine.Reader.Translate(_container, At(4), 4, DmaAccess.Write).Kind);
    }

    [Fact]
    public void No_device_ever_reaches_what_neither_the_old_nor_the_new_image_gives_it()
    {
        PamuGroup stays = _machine.Engine.CreateGroup(3, [3], []);
        _kernel.Groups[HostGroup + 2] = [];
        Type1Mirror mirror = Mirror(true);
        mirror.Bind(stays, HostGroup + 2);
        _container.BindHardware(mirror);
        stays.Attach(_container);
        _group.Attach(_container);
        _container.MapDma(Memory, At(0), 4 * Window, DmaPermissions.ReadWrite);
        HashSet<(ulong, ulong)> old = Pages();
        var seen = new List<(bool Old, bool New, bool Both, HashSet<(ulong, ulong)> Pages)>();
        _kernel.Observe = _ => See();

        using (PamuTransaction transaction = _container.BeginTransaction())
        {
            transaction.Detach(_group);
            transaction.Attach(_other);
            transaction.UnmapDma(At(1), Window);
            transaction.MapDma(2 * Memory, At(1), Window, DmaPermissions.Read);
            transaction.MapDma(3 * Memory, At(6), Window, DmaPermissions.Read);
            transaction.Commit();
        }

        See();
        HashSet<(ulong, ulong)> next = Pages();
        Assert.Contains(seen, static moment => moment.Old);
        Assert.Contains(seen, static moment => moment.New);
        Assert.All(seen, moment =>
        {
            Assert.True(!moment.Old || moment.Pages.IsSubsetOf(old), "the group that leaves meets the old windows");
            Assert.True(!moment.New || moment.Pages.IsSubsetOf(next), "the group that comes meets the new windows");
            Assert.True(moment.Both && moment.Pages.IsSubsetOf(old.Union(next)), "the group that stays meets either");
        });
        Assert.Equal([HostGroup + 2, HostGroup + 1], mirror.AttachedGroups);

        void See() => seen.Add((
            _kernel.Attached.Contains(HostGroup), _kernel.Attached.Contains(HostGroup + 1), _kernel.Attached.Contains(HostGroup + 2), Pages()));
    }

    [Fact]
    public void What_the_IOMMU_does_not_take_is_found_at_the_first_attach_before_anything_is_mapped()
    {
        _kernel.Aperture = new IovaRange(0, At(5) - 1);
        _container.MapDma(Memory, At(3), Window, DmaPermissions.Read);
        _container.MapDma(Memory, At(5), Window, DmaPermissions.Read);
        _container.BindHardware(Mirror(true));

        PamuException refused = Assert.Throws<PamuException>(() => _group.Attach(_container));

        Assert.Equal((Errno.EINVAL, "iova"), (refused.Errno, refused.Parameter));
        Assert.Contains("window 5 (0x150000-0x15ffff)", refused.Rule, StringComparison.Ordinal);
        Assert.Contains("0x0-0x14ffff", refused.Rule, StringComparison.Ordinal);
        Assert.DoesNotContain(MapCall, _calls);
        Assert.Empty(_kernel.Attached);
    }

    [Fact]
    public void What_the_IOMMU_does_not_take_is_refused_later_without_a_call()
    {
        _kernel.Aperture = new IovaRange(0, At(5) - 1);
        Attach();
        _container.MapDma(Memory, At(3), Window, DmaPermissions.Read);
        _calls.Clear();

        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => _container.MapDma(Memory, At(5), Window, DmaPermissions.Read)));
        Assert.Empty(_calls);
    }

    [Fact]
    public void What_a_later_groups_IOMMU_does_not_take_counts_from_then_on_and_no_longer_than_it_stays()
    {
        IovaRange wide = _kernel.Aperture;
        Attach();
        _container.MapDma(Memory, At(3), Window, DmaPermissions.Read);
        _kernel.Aperture = new IovaRange(0, At(5) - 1);
        _other.Attach(_container);
        _calls.Clear();

        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => _container.MapDma(Memory, At(5), Window, DmaPermissions.Read)));
        Assert.Empty(_calls);
        _kernel.Aperture = wide;
        _other.Detach();
        _container.MapDma(Memory, At(5), Window, DmaPermissions.Read);
        Assert.Equal("3+1 5+1", Maps());
    }

    [Theory]
    [InlineData(Memory, Window, true)]
    [InlineData(Memory + 0x1000, Window, false)]
    [InlineData(Memory, Window / 2, false)]
    public void A_window_begins_and_ends_on_the_IOMMUs_pages_and_so_does_its_memory(ulong vaddr, ulong size, bool fits)
    {
        var coarse = new CoarseKernel(_kernel);
        var mirror = new Type1Mirror(coarse);
        mirror.Bind(_group, HostGroup);
        _container.BindHardware(mirror);
        _group.Attach(_container);

        Errno errno = ErrnoOf.Call(() => _container.MapDma(vaddr, At(1), size, DmaPermissions.Read));

        Assert.Equal(fits ? Errno.Ok : Errno.EINVAL, errno);
        Assert.Equal(fits ? 1 : 0, _kernel.Maps.Count);
    }

    [Fact]
    public void Locked_memory_that_does_not_suffice_is_named_with_the_limit_and_the_need()
    {
        Attach();
        _container.MapDma(Memory, At(0), 2 * Window, DmaPermissions.Read);
        _kernel.LockLimit = 3 * Window;

        PamuException refused = Assert.Throws<PamuException>(() => _container.MapDma(2 * Memory, At(4), 2 * Window, DmaPermissions.Read));

        Assert.Equal(Errno.ENOMEM, refused.Errno);
        Assert.Contains($"RLIMIT_MEMLOCK, {MemoryLock.Describe()}", refused.Rule, StringComparison.Ordinal);
        Assert.Contains($"the {4 * Window} bytes", refused.Rule, StringComparison.Ordinal);
        Assert.Contains("0x140000-0x15ffff", refused.Rule, StringComparison.Ordinal);
        Assert.Equal("0+2", Maps());
    }

    [Fact]
    public void A_reserved_range_is_named_with_its_group_and_the_window()
    {
        _kernel.Groups[HostGroup].Add(new IovaRange(At(4) + 0x1000, At(4) + 0x1FFF));
        Attach();
        _calls.Clear();

        PamuException refused = Assert.Throws<PamuException>(() => _container.MapDma(Memory, At(3), 2 * Window, DmaPermissions.Read));

        Assert.Equal(
            (Errno.EINVAL, "window 4 (0x140000-0x14ffff) keeps clear of 0x141000-0x141fff, which the host reserves in group 7"), (refused.Errno, refused.Rule));
        Assert.Empty(_calls);
    }

    [Fact]
    public void A_way_back_that_fails_says_what_is_held_and_the_next_call_puts_it_right()
    {
        Attach();
        _container.MapDma(Memory, At(0), 3 * Window, DmaPermissions.Read);
        _container.MapDma(2 * Memory, At(5), Window, DmaPermissions.Read);
        _kernel.FailAt = 2; // the merged map goes, and its rest does not come back
        _kernel.FailsOn = true;

        PamuException refused = Assert.Throws<PamuException>(() => _container.UnmapDma(At(1), Window));

        Assert.EndsWith("the hardware now holds 0x150000-0x15ffff for group 7", refused.Rule, StringComparison.Ordinal);
        Assert.Equal("5+1", Maps());
        Assert.Equal(4, _container.GetWindows().Count); // the call did not happen
        _kernel.FailAt = 0;
        _container.MapDma(3 * Memory, At(7), Window, DmaPermissions.Read);
        Assert.Equal("0+3 5+1 7+1", Maps());
    }

    [Fact]
    public void A_group_is_bound_once_to_one_number_and_before_it_is_attached()
    {
        Type1Mirror mirror = Mirror(true);
        PamuGroup late = _machine.Engine.CreateGroup(3, [3], []);
        _container.BindHardware(mirror);
        late.Attach(_container);

        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => mirror.Bind(late, -1)));
        Assert.Equal(Errno.EBUSY, ErrnoOf.Call(() => mirror.Bind(_group, HostGroup + 5)));
        Assert.Equal(Errno.EBUSY, ErrnoOf.Call(() => mirror.Bind(late, HostGroup + 5)));
        late.Detach();
        Assert.Equal(Errno.EBUSY, ErrnoOf.Call(() => mirror.Bind(late, HostGroup)));
        mirror.Bind(late, HostGroup + 5);
        _container.Dispose();
        Assert.Equal(Errno.EBADF, ErrnoOf.Call(() => mirror.Bind(late, HostGroup + 6)));
    }

    private Type1Mirror Mirror(bool merges)
    {
        _kernel.Observe = _calls.Add;
        var mirror = new Type1Mirror(_kernel) { MergeNeighbours = merges };
        mirror.Bind(_group, HostGroup);
        mirror.Bind(_other, HostGroup + 1);
        return mirror;
    }

    private void Attach(bool merges = true)
    {
        _container.BindHardware(Mirror(merges));
        _group.Attach(_container);
    }

    /// <summary>What the kernel holds: "1+3" is a map of three windows from window 1.</summary>
    private string Maps() => string.Join(" ", _kernel.Maps.Select(static map =>
        $"{(map.Iova - Start) / Window}+{(map.Size % Window == 0 ? $"{map.Size / Window}" : $"0x{map.Size:x}")}"));

    /// <summary>Every page that devices reach, and where it leads.</summary>
    private HashSet<(ulong Iova, ulong Vaddr)> Pages()
    {
        var pages = new HashSet<(ulong, ulong)>();
        foreach (SimulatedType1Kernel.Map map in _kernel.Maps)
        {
            for (ulong offset = 0; offset < map.Size; offset += SimulatedType1Kernel.Page)
            {
                pages.Add((map.Iova + offset, map.Vaddr + offset));
            }
        }

        return pages;
    }

    /// <summary>A kernel whose smallest page has 64 KiB.</summary>
    private sealed class CoarseKernel(SimulatedType1Kernel kernel) : IVfioKernel
    {
        public long Ioctl(uint request, ulong value) => kernel.Ioctl(request, value);

        public long Ioctl(uint request, Span<byte> argument)
        {
            long result = kernel.Ioctl(request, argument);
            if (request == PamuRequests.IommuGetInfo && result == 0)
            {
                MemoryMarshal.Write(argument[8..], ~0xFFFFul);
            }

            return result;
        }

        public Refusal AddGroup(int group) => kernel.AddGroup(group);

        public Refusal RemoveGroup(int group) => kernel.RemoveGroup(group);

        public IReadOnlyList<IovaRange> ReservedRanges(int group) => kernel.ReservedRanges(group);

        public void Dispose() => kernel.Dispose();
    }
}
