using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Vfio;

/// <summary>What a person is told about a group that VFIO cannot have.</summary>
public sealed class GroupAdviceTests
{
    private static readonly HostDevice Bound = new("0000:00:04.0", 0x1234, 0x11E8, 0xFF0000, "vfio-pci");
    private static readonly HostDevice Bare = new("0000:00:04.0", 0x1234, 0x11E8, 0xFF0000, null);
    private static readonly HostDevice Network = new("0000:00:04.1", 0x8086, 0x10D3, 0x020000, "e1000e");
    private static readonly HostDevice Bridge = new("0000:00:1c.0", 0x8086, 0x3420, 0x060400, "pcieport");
    private static readonly HostDevice Platform = new("fe100000.dma", null, null, null, "fsl-edma");

    [Fact]
    public void Every_device_is_named_with_its_driver()
    {
        string advice = GroupAdvice.For(Group(Bound, Network, Bridge, Bare with { Name = "0000:00:05.0" }));

        Assert.Contains(
            "group 7 has 0000:00:04.0 (vfio-pci), 0000:00:04.1 (e1000e), 0000:00:1c.0 (pcieport), 0000:00:05.0 (no driver)", advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_what_keeps_the_group_is_to_be_moved()
    {
        Assert.EndsWith(
            "To do: echo 0000:00:04.1 > /sys/bus/pci/drivers/e1000e/unbind; echo vfio-pci > /sys/bus/pci/devices/0000:00:04.1/driver_override; "
                + "echo 0000:00:04.1 > /sys/bus/pci/drivers_probe",
            GroupAdvice.For(Group(Bound, Network, Bridge)),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_group_that_nothing_keeps_but_that_has_no_device_of_VFIO_gets_its_bare_device_bound()
    {
        Assert.EndsWith(
            "To do: echo vfio-pci > /sys/bus/pci/devices/0000:00:04.0/driver_override; echo 0000:00:04.0 > /sys/bus/pci/drivers_probe",
            GroupAdvice.For(Group(Bare, Bridge)),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Paths_of_the_PCI_bus_are_for_PCI_devices_only()
    {
        string advice = GroupAdvice.For(Group(Platform));

        Assert.EndsWith("To do: unbind fe100000.dma from fsl-edma and bind it to its bus's VFIO driver", advice, StringComparison.Ordinal);
    }

    [Fact]
    public void There_is_nothing_to_do_where_nothing_is_in_the_way() =>
        Assert.DoesNotContain("To do", GroupAdvice.For(Group(Bound, Bridge)), StringComparison.Ordinal);

    [Fact]
    public void A_group_that_the_host_does_not_have_is_said_so() =>
        Assert.Contains("/sys/kernel/iommu_groups", GroupAdvice.For(null), StringComparison.Ordinal);

    private static HostGroup Group(params HostDevice[] devices) => new(7, "DMA", devices, []);
}
