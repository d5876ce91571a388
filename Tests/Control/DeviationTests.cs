using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Control;

/// <summary>The decided deviations from the shipped driver, row by row.</summary>
public sealed class DeviationTests
{
    [Fact]
    public void The_inner_error_is_returned_and_a_refusal_by_the_domain_keeps_its_reason()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();

        Assert.Equal(-(long)Errno.EINVAL, SetWindows(container, 3));
        Assert.Equal(-(long)Errno.ENODEV, MapMsiBank(container, 3, At(0)));
        container.MapDma(0, At(0), Window, DmaPermissions.Read);
        Assert.Equal(-(long)Errno.EBUSY, SetGeometry(container, 0, 0xFFFF));
        Assert.Equal(-(long)Errno.EINVAL, SetGeometry(container, 1, 0xFFFF)); // shape first, then enabled
    }

    [Fact]
    public void A_failed_MAP_DMA_leaves_every_window_of_its_range_as_it_was()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapMsiBank(1, At(2));
        IReadOnlyList<PamuWindow> before = container.GetWindows();

        Assert.Equal(-(long)Errno.EBUSY, MapDma(container, 0, At(0), 4 * Window));

        Assert.Equal(before, container.GetWindows());
    }

    [Theory]
    [InlineData(0x1000, true)]
    [InlineData(0x8000, true)]
    [InlineData(0x1_0000, true)]
    [InlineData(0x3_0000, true)]
    [InlineData(0x3000, false)]
    [InlineData(0x1001, false)]
    [InlineData(0x1_8000, false)]
    [InlineData(0x2_1000, false)]
    public void MAP_DMA_takes_whole_windows_or_one_power_of_two_below_a_window(ulong size, bool isMapped)
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();

        Assert.Equal(isMapped ? 0 : -(long)Errno.EINVAL, MapDma(container, 0x40_0000, At(1), size));

        Assert.Equal(isMapped ? (long)size : 0, container.GetWindows().Sum(window => (long)window.Size));
    }

    [Fact]
    public void UNMAP_DMA_that_would_split_a_windows_mapping_is_EINVAL_and_whole_mappings_come_out_one_by_one()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0, At(0), 3 * Window, DmaPermissions.Read);

        Assert.Equal(-(long)Errno.EINVAL, UnmapDma(container, At(0), Window / 2, out _));
        Assert.Equal(-(long)Errno.EINVAL, UnmapDma(container, At(0) + 1, 3 * Window, out _));
        Assert.Equal(-(long)Errno.EINVAL, UnmapDma(container, At(0), 2 * Window + 1, out _));
        Assert.Equal(0, UnmapDma(container, At(1), Window, out ulong unmapped));
        Assert.Equal(Window, unmapped);
        Assert.Equal([0, 2], container.GetWindows().Select(window => window.Index));
    }

    [Fact]
    public void UNMAP_DMA_of_less_than_a_window_takes_out_a_mapping_of_that_size()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0, At(1), 0x2000, DmaPermissions.Read);

        Assert.Equal(0, UnmapDma(container, At(1), 0x2000, out ulong unmapped));

        Assert.Equal(0x2000ul, unmapped);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0x10_0000, 0)]
    [InlineData(0x12_0000, 0x1_0000)]
    [InlineData(0x12_0001, 3)]
    [InlineData(0x14_0000, 0x1000)]
    [InlineData(0x12_0000, ulong.MaxValue)]
    [InlineData(ulong.MaxValue, ulong.MaxValue)]
    public void UNMAP_DMA_that_hits_nothing_succeeds_with_size_0_whatever_its_shape(ulong iova, ulong size)
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0, At(0), Window, DmaPermissions.Read);
        container.MapMsiBank(0, At(4)); // MSI windows are none of its business

        Assert.Equal(0, UnmapDma(container, iova, size, out ulong unmapped));

        Assert.Equal(0ul, unmapped);
        Assert.Equal(2, container.GetWindows().Count);
    }

    [Fact]
    public void SET_WINDOWS_and_SET_GEOMETRY_drop_all_windows_and_geometry_keeps_the_count()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapMsiBank(0, At(0));
        Assert.Equal(0, SetWindows(container, 4));
        Assert.Empty(container.GetWindows());

        container.MapMsiBank(0, At(0));
        Assert.Equal(0, SetGeometry(container, 0, 0xFFFF));
        Assert.Empty(container.GetWindows());
        Assert.Equal((4, 0x4000ul), (container.WindowCount, container.WindowSize));
        Assert.Equal(0, MapDma(container, 0, 0x4000, 0x4000));
    }

    [Fact]
    public void A_window_below_4_KiB_is_EINVAL_from_either_call()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();

        Assert.Equal(-(long)Errno.EINVAL, SetGeometry(container, 0, 0x3FFF));
        Assert.Equal(-(long)Errno.EINVAL, SetWindows(container, 256));
        Assert.Equal((Start, (int)Count), (container.Geometry.Start, container.WindowCount));
    }

    [Fact]
    public void Geometry_and_window_count_change_while_only_MSI_windows_are_mapped_and_after_the_last_unmap()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapMsiBank(0, At(1));
        Assert.False(container.IsEnabled);
        Assert.Equal(0, SetWindows(container, 4));

        container.MapDma(0, At(0), 0x1000, DmaPermissions.Read);
        Assert.True(container.IsEnabled);
        Assert.Equal(-(long)Errno.EBUSY, SetWindows(container, 8));
        container.UnmapDma(At(0), 0x1000);
        Assert.Equal(0, SetWindows(container, 8));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(0x1000)]
    [InlineData(0xFFFF)]
    public void MAP_MSI_BANK_takes_only_the_start_of_a_window(ulong offset)
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();

        Assert.Equal(-(long)Errno.EINVAL, MapMsiBank(container, 0, At(1) + offset));
        Assert.Equal(0, MapMsiBank(container, 0, At(1)));
        Assert.Equal(0, MapMsiBank(container, 0, At(2))); // the same bank again is fine
    }

    [Fact]
    public void Past_the_end_of_a_small_mapping_is_a_fault_and_no_translation_where_the_driver_wraps()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0x40_0000, At(1), 0x2000, DmaPermissions.ReadWrite);

        Assert.True(container.TryIovaToPhys(At(1) + 0x1FFF, out ulong phys));
        Assert.Equal(0x40_1FFFul, phys);
        Assert.False(container.TryIovaToPhys(At(1) + 0x2000, out _));
        Translation over = machine.Reader.Translate(container, At(1) + 0x1FFE, 4, DmaAccess.Read);
        Assert.Equal((FaultKind.BeyondMapping, At(1) + 0x2000), (over.Fault, over.FaultIova));
    }

    [Fact]
    public void An_MSI_window_is_live_as_soon_as_a_group_uses_its_bank_without_any_DMA_mapping()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapMsiBank(1, At(2));
        PamuGroup group = machine.Engine.CreateGroup(1, [0x42], [1]);
        Assert.Equal(FaultKind.NoMapping, machine.Fault(container, At(2)));
        Assert.True(container.TryIovaToPhys(At(2) + 0x140, out ulong phys)); // configured all the same
        Assert.Equal(0xF_FE04_5140ul, phys);

        group.Attach(container);

        Translation hit = machine.Reader.Translate(0x42u, At(2) + 0x140, 4, DmaAccess.Write);
        Assert.Equal((1, 0x140), (hit.MsiBank, hit.MsiOffset));
        Assert.Equal(FaultKind.DirectionDenied, machine.Fault(container, At(2), DmaAccess.Read));
        Assert.Equal(FaultKind.BeyondMapping, machine.Fault(container, At(2) + 0x1000));
    }

    [Fact]
    public void Attach_to_an_enabled_container_takes_effect_at_once_for_every_group()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0, At(0), Window, DmaPermissions.Read);

        machine.Engine.CreateGroup(1, [0x42], []).Attach(container);
        machine.Engine.CreateGroup(2, [0x51, 0x52], []).Attach(container);

        foreach (uint liodn in new[] { 0x42u, 0x51u, 0x52u })
        {
            Assert.True(machine.Reader.Translate(liodn, At(0), 4, DmaAccess.Read).IsDma);
        }
    }

    [Fact]
    public void A_failed_attach_changes_nothing_and_can_be_repeated()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        PamuGroup group = machine.Engine.CreateGroup(5, [0x60, 0x600], []);

        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => group.Attach(container)));
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => group.Attach(container)));

        Assert.Empty(container.Groups);
        Assert.Equal(FaultKind.UnknownLiodn, machine.Reader.Translate(0x60u, At(0), 4, DmaAccess.Read).Fault);
    }

    [Fact]
    public void A_refused_SET_STASH_leaves_GET_unchanged()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        Assert.Equal(0, SetStash(container, 77, 3)); // L3 is shared: any cpu

        Assert.Equal(-(long)Errno.EINVAL, SetStash(container, 1, 1));

        Assert.Equal((77u, 3u), container.Stash);
    }

    [Fact]
    public void A_vaddr_below_page_granularity_is_truncated_and_one_that_ends_at_2_to_the_64_is_fine()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();

        Assert.Equal(0, MapDma(container, 0x40_0FFF, At(0), Window));
        Assert.Equal(0, MapDma(container, ulong.MaxValue - Window + 1, At(1), Window));

        Assert.Equal([0x40_0000, ulong.MaxValue - Window + 1], container.GetWindows().Select(window => window.Target));
    }

    [Fact]
    public void Nothing_leaks_however_often_the_window_count_changes()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Fresh();
        container.SetGeometry(0, 0xFFF_FFFF);
        machine.Engine.CreateGroup(1, [0x42], []).Attach(container);

        for (int i = 0; i < 100; i++)
        {
            Assert.Equal(0, SetWindows(container, i % 2 == 0 ? 256u : 1u)); // the driver runs out after eight
        }

        Assert.True(machine.Engine.Publisher.RetiredCount <= 64, "replaced tables are freed");
    }

    [Fact]
    public void The_page_source_is_asked_once_per_window_with_a_page_aligned_vaddr_and_may_fail_in_any_way()
    {
        var asked = new List<(ulong, ulong)>();
        bool fails = false;
        using var machine = new Machine(new PamuPlatform
        {
            PageSource = (ulong vaddr, ulong length, out ulong target) =>
            {
                asked.Add((vaddr, length));
                target = vaddr + 0x8000_0000;
                return fails ? throw new InvalidOperationException("gone") : true;
            },
        });
        PamuContainer container = machine.Ready();

        Assert.Equal(0, MapDma(container, 0x40_0123, At(1), 2 * Window));
        Assert.Equal([(0x40_0000ul, Window), (0x41_0000ul, Window)], asked);
        Assert.Equal(-(long)Errno.EBUSY, MapDma(container, 0, At(1), Window));
        Assert.Equal(-(long)Errno.EINVAL, MapDma(container, 0, At(3), 0x3000));
        Assert.Equal(2, asked.Count);
        fails = true;
        Assert.Equal(-(long)Errno.EFAULT, MapDma(container, 0, At(3), Window));
    }
}
