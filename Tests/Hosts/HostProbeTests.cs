using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Hosts;

/// <summary>What is concluded from a host's files and from VFIO's answers.</summary>
public sealed class HostProbeTests
{
    private const string Limits = """
        Limit                     Soft Limit           Hard Limit           Units
        Max processes             96365                96365                processes
        Max locked memory         65536                unlimited            bytes
        """;

    [Theory]
    [InlineData(65536, 8388608, 65536UL, 8388608UL)]
    [InlineData(65536, null, 65536UL, null)]
    [InlineData(null, null, null, null)]
    public void TheMemoryLockIsRead(int? soft, int? hard, ulong? expectedSoft, ulong? expectedHard)
    {
        string line = $"Max locked memory         {Limit(soft),-20} {Limit(hard),-20} bytes     \n";
        Assert.Equal(new MemoryLock(expectedSoft, expectedHard, false), MemoryLock.Parse("Max file locks 1 1 locks\n" + line, ""));
    }

    [Theory]
    [InlineData("CapEff:\t0000000000004000\n", true)]
    [InlineData("Name:\tpamu\nCapEff:\t000001ffffffffff\n", true)]
    [InlineData("CapEff:\t0000000000003fff\n", false)]
    [InlineData("CapPrm:\t0000000000004000\n", false)]
    [InlineData("CapEff:\tzz\n", false)]
    [InlineData("", false)]
    public void CapIpcLockLiftsTheLimit(string status, bool exempt) => Assert.Equal(exempt, MemoryLock.Parse(Limits, status)?.IsExempt);

    [Theory]
    [InlineData("")]
    [InlineData("Max locked memory\n")]
    [InlineData("Max locked memory many many bytes\n")]
    [InlineData("Max locked memory 1 -1 bytes\n")]
    public void ALimitThatIsNotThereIsUnknown(string limits) => Assert.Null(MemoryLock.Parse(limits, ""));

    [Fact]
    public void VfioIsAskedForEachExtension()
    {
        VfioOffer offer = VfioOffer.Ask(static (request, value) => (request, value) switch
        {
            (PamuRequests.GetApiVersion, _) => 0,
            (PamuRequests.CheckExtension, 1 or 3 or 9) => 1,
            (PamuRequests.CheckExtension, 5) => -22,
            (PamuRequests.CheckExtension, _) => 0,
            _ => -25,
        });
        Assert.True(offer.IsUsable);
        Assert.Equal([1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9u], offer.Extensions.Select(static one => one.Number));
        Assert.Equal(["TYPE1", "TYPE1v2", "UNMAP_ALL"], offer.Extensions.Where(static one => one.IsOffered).Select(static one => one.Name));
    }

    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(1, 1, false)]
    [InlineData(-25, null, false)]
    public void OnlyVersion0IsUsable(int answer, int? version, bool usable)
    {
        VfioOffer offer = VfioOffer.Ask((request, value) => request == PamuRequests.GetApiVersion ? answer : 0);
        Assert.Equal(version, offer.ApiVersion);
        Assert.Equal(usable, offer.IsUsable);
    }

    [Fact]
    public void AHostWithoutAnythingIsProbedToo()
    {
        using var host = new FakeHost();
        HostProbe probe = host.Take();
        Assert.True(probe.IsLinux);
        Assert.Equal(2, probe.Vfio.Error);
        Assert.False(probe.Vfio.IsUsable);
        Assert.False(probe.HasIommufd);
        Assert.Empty(probe.Groups);
        Assert.Empty(probe.Iommus);
        Assert.Null(probe.MemoryLock);
    }

    [Fact]
    public void AFileThatIsNotVfioIsNotUsable()
    {
        using var host = new FakeHost();
        host.AddNode("vfio/vfio");
        VfioOffer vfio = host.Take().Vfio;
        Assert.Equal(0, vfio.Error);
        Assert.Null(vfio.ApiVersion);
        Assert.False(vfio.IsUsable);
        Assert.Empty(vfio.Extensions);
    }

    [Theory]
    [InlineData("dmar0", "Intel VT-d")]
    [InlineData("ivhd0", "AMD-Vi")]
    [InlineData("smmu3.0x0000000009050000", "Arm SMMU")]
    [InlineData("iommu0", "Freescale PAMU")]
    [InlineData("apple-dart.0", null)]
    public void AnIommuIsKnownByItsName(string name, string? kind)
    {
        using var host = new FakeHost();
        host.AddIommu(name);
        host.AddNode("iommu");
        host.AddProcess(Limits, "");
        HostProbe probe = host.Take();
        Assert.Equal([new HostIommu(name, kind)], probe.Iommus);
        Assert.True(probe.HasIommufd);
        Assert.Equal(new MemoryLock(65536, null, false), probe.MemoryLock);
    }

    /// <summary>Drivers of a group's devices (comma separated), the nodes in /dev/vfio, and what stands in the way.</summary>
    [Theory]
    [InlineData("vfio-pci", "7", null)]
    [InlineData("vfio-pci,pcieport,none,pci-stub", "7", null)]
    [InlineData("vfio-pci", "", "vfio-pci has 0000:00:00.0, but there is no /dev/vfio/7 here: have it passed in")]
    [InlineData("none,none", "", "no driver of VFIO has a device of it: bind one to vfio-pci")]
    [InlineData("pcieport", "70", "no driver of VFIO has a device of it: bind one to vfio-pci")]
    [InlineData("vfio-pci,e1000e,none,ahci", "7", "e1000e has 0000:00:01.0, ahci has 0000:00:03.0: unbind, or bind to vfio-pci")]
    [InlineData("vfio-pci", "noiommu-7", "there is no IOMMU to isolate it (/dev/vfio/noiommu-7)")]
    public void WhatKeepsAGroupFromVfioIsNamed(string drivers, string nodes, string? obstacle)
    {
        using var host = new FakeHost();
        int slot = 0;
        foreach (string driver in drivers.Split(','))
        {
            host.AddDevice(7, $"0000:00:{slot++:x2}.0", 0x8086, 0x1000, 0x020000, driver == "none" ? null : driver);
        }

        if (nodes.Length > 0)
        {
            host.AddNode("vfio/" + nodes);
        }

        GroupOffer offer = Assert.Single(host.Take().Groups);
        Assert.Equal(obstacle, offer.Obstacle);
        Assert.Equal(obstacle == null, offer.IsReady);
    }

    private static string Limit(int? bytes) => bytes is int known ? $"{known}" : "unlimited";
}
