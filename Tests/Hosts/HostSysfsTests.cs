using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Hosts;

/// <summary>sysfs trees as kernels make them, and as they should not be.</summary>
public sealed class HostSysfsTests
{
    [Theory]
    [InlineData("0000:00:04.0", "0000:00:04.0")]
    [InlineData("00:04.0", "0000:00:04.0")]
    [InlineData("0:4.0", "0000:00:04.0")]
    [InlineData("10000:E1:1F.7", "10000:e1:1f.7")]
    [InlineData("", null)]
    [InlineData("4", null)]
    [InlineData("00:04", null)]
    [InlineData("00.04.0", null)]
    [InlineData("00:20.0", null)]
    [InlineData("00:04.8", null)]
    [InlineData("100:04.0", null)]
    [InlineData("0:0:0:04.0", null)]
    [InlineData("0000:00:04.0 ", null)]
    [InlineData("-0:04.0", null)]
    [InlineData(":04.0", null)]
    [InlineData("../../etc", null)]
    public void AnAddressIsBroughtIntoTheFormOfSysfs(string text, string? expected)
    {
        Assert.Equal(expected != null, HostSysfs.TryNormalizeAddress(text, out string address));
        Assert.Equal(expected ?? "", address);
    }

    [Fact]
    public void AHostWithoutIommuHasNoGroups()
    {
        using var host = new FakeHost();
        Assert.Empty(host.Sysfs.Groups());
        Assert.Empty(host.Sysfs.Iommus());
        Assert.Null(host.Sysfs.Group(0));
        Assert.Null(host.Sysfs.GroupOf("0000:00:04.0"));
        Assert.False(host.Sysfs.HasPciDevice("0000:00:04.0"));
    }

    [Fact]
    public void GroupsAreReadWithDevicesDriversAndReservedRanges()
    {
        using FakeHost host = FakeHost.WithTwoGroups();
        IReadOnlyList<HostGroup> groups = host.Sysfs.Groups();
        Assert.Equal([4, 12], groups.Select(static group => group.Id)); // as numbers, not as texts

        HostGroup edu = groups[0];
        Assert.Equal("DMA", edu.Type);
        Assert.Equal([new HostDevice("0000:00:04.0", 0x1234, 0x11e8, 0x00ff00, "vfio-pci")], edu.Devices);
        Assert.Equal(
            [
                new ReservedRegion(new IovaRange(0x10_0000, 0x1f_ffff), "direct-relaxable"),
                new ReservedRegion(new IovaRange(0xfee0_0000, 0xfeef_ffff), "msi"),
            ],
            edu.Reserved);
        Assert.Equal([new IovaRange(0xfee0_0000, 0xfeef_ffff)], host.Sysfs.ForbiddenRanges(edu.Id));
        Assert.Empty(edu.Blockers);

        HostGroup bridge = groups[1];
        Assert.Equal(["0000:00:1f.0", "0000:00:1f.2"], bridge.Devices.Select(static device => device.Name));
        Assert.Equal([null, "ahci"], bridge.Devices.Select(static device => device.Driver));
        Assert.Equal(["0000:00:1f.2"], bridge.Blockers.Select(static device => device.Name));
        Assert.Empty(bridge.Reserved);
    }

    [Fact]
    public void AGroupIsFoundByNumberAndByDevice()
    {
        using FakeHost host = FakeHost.WithTwoGroups();
        Assert.Equal("DMA-FQ", host.Sysfs.Group(12)?.Type);
        Assert.Null(host.Sysfs.Group(5));
        Assert.Equal(12, host.Sysfs.GroupOf("0000:00:1f.0")?.Id);
        Assert.Null(host.Sysfs.GroupOf("0000:00:1f.1"));
        Assert.True(host.Sysfs.HasPciDevice("0000:00:1f.0"));
        Assert.False(host.Sysfs.HasPciDevice("0000:00:1f.1"));
    }

    [Theory]
    [InlineData("direct", true)]
    [InlineData("direct-relaxable", false)]
    [InlineData("reserved", true)]
    [InlineData("msi", true)]
    [InlineData("something-new", true)]
    public void OnlyARelaxableRegionMayBeMapped(string type, bool forbids) =>
        Assert.Equal(forbids, new ReservedRegion(new IovaRange(0, 0xfff), type).ForbidsMapping);

    [Theory]
    [InlineData(null, false)]
    [InlineData("vfio-pci", false)]
    [InlineData("mlx5_vfio_pci", false)]
    [InlineData("pci-stub", false)]
    [InlineData("pcieport", false)]
    [InlineData("ahci", true)]
    [InlineData("pcieportal", true)]
    public void ADriverThatUsesDmaKeepsItsGroup(string? driver, bool keeps) =>
        Assert.Equal(keeps, new HostDevice("0000:00:01.0", null, null, null, driver).KeepsGroupFromVfio);

    [Fact]
    public void GarbledFilesAreLeftOut()
    {
        using var host = new FakeHost();
        host.AddDevice(1, "0000:00:04.0", 0x1234, 0x11e8, 0, null);
        host.AddDeviceFile("0000:00:04.0", "vendor", "1234\n"); // no 0x
        host.AddDeviceFile("0000:00:04.0", "device", "0x12345\n"); // not 16 bits
        host.AddDeviceFile("0000:00:04.0", "class", "\0\u00ff\n");
        host.AddDeviceFile("0000:00:04.0", "driver", "not a link");
        host.AddGroupFile(1, "type", "\n");
        host.AddGroupFile(
            1,
            "reserved_regions",
            """
            0x1000 0x1fff msi
            0x3000 0x2fff msi
            0x4000
            4000 4fff msi
            0x 0xfff msi
            0x00010000000000000000 0xfff msi
            0x5000 0x5fff msi and more

            0x0 0xffffffffffffffff reserved
            """);
        host.AddGroupFile(2, "devices", "a file where a directory belongs");
        Directory.CreateDirectory(Path.Combine(host.Sys, "kernel", "iommu_groups", "x3"));

        IReadOnlyList<HostGroup> groups = host.Sysfs.Groups();
        Assert.Equal([1, 2], groups.Select(static group => group.Id));
        Assert.Equal([new HostDevice("0000:00:04.0", null, null, null, null)], groups[0].Devices);
        Assert.Null(groups[0].Type);
        Assert.Equal(
            [
                new ReservedRegion(new IovaRange(0, ulong.MaxValue), "reserved"),
                new ReservedRegion(new IovaRange(0x1000, 0x1fff), "msi"),
            ],
            groups[0].Reserved);
        Assert.Empty(groups[1].Devices);
    }

    [Fact]
    public void ADeviceThatHasJustGoneHasNoIdsAndNoDriver()
    {
        using FakeHost host = FakeHost.WithTwoGroups();
        Directory.Delete(Path.Combine(host.Sys, "devices", "pci0000:00", "0000:00:04.0"), recursive: true); // its link dangles now
        Assert.Equal([new HostDevice("0000:00:04.0", null, null, null, null)], host.Sysfs.Groups()[0].Devices);
    }
}
