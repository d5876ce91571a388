using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Hosts;

/// <summary>A host in a temporary directory: sysfs, device nodes and procfs, as far as a probe looks at them.</summary>
internal sealed class FakeHost : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("pamu-probe-");

    public string Sys => Path.Combine(_root.FullName, "sys");

    public HostSysfs Sysfs => new(Sys);

    private string Dev => Path.Combine(_root.FullName, "dev");

    private string Self => Path.Combine(_root.FullName, "self");

    /// <summary>A group with two devices, one held by a disk driver, and a group whose one device vfio-pci has.</summary>
    public static FakeHost WithTwoGroups()
    {
        var host = new FakeHost();
        host.AddDevice(4, "0000:00:04.0", 0x1234, 0x11e8, 0x00ff00, "vfio-pci");
        host.AddGroupFile(4, "type", "DMA\n");
        host.AddGroupFile(
            4,
            "reserved_regions",
            "0x00000000fee00000 0x00000000feefffff msi\n0x0000000000100000 0x00000000001fffff direct-relaxable\n");
        host.AddNode("vfio/4");
        host.AddDevice(12, "0000:00:1f.2", 0x8086, 0x2922, 0x010601, "ahci");
        host.AddDevice(12, "0000:00:1f.0", 0x8086, 0x2918, 0x060100, null);
        host.AddGroupFile(12, "type", "DMA-FQ\n");
        return host;
    }

    public void AddDevice(int group, string name, int vendor, int product, int code, string? driver)
    {
        string device = Path.Combine(Sys, "devices", "pci0000:00", name);
        Write(Path.Combine(device, "vendor"), $"0x{vendor:x4}\n");
        Write(Path.Combine(device, "device"), $"0x{product:x4}\n");
        Write(Path.Combine(device, "class"), $"0x{code:x6}\n");
        if (driver != null)
        {
            string target = Path.Combine(Sys, "bus", "pci", "drivers", driver);
            Directory.CreateDirectory(target);
            Directory.CreateSymbolicLink(Path.Combine(device, "driver"), target);
        }

        Link(Path.Combine(Sys, "kernel", "iommu_groups", $"{group}", "devices", name), device);
        Link(Path.Combine(Sys, "bus", "pci", "devices", name), device);
    }

    /// <summary>A PCI device that is in no group.</summary>
    public void AddLoneDevice(string name)
    {
        string device = Path.Combine(Sys, "devices", "pci0000:00", name);
        Directory.CreateDirectory(device);
        Link(Path.Combine(Sys, "bus", "pci", "devices", name), device);
    }

    public void AddGroupFile(int group, string name, string text) =>
        Write(Path.Combine(Sys, "kernel", "iommu_groups", $"{group}", name), text);

    public void AddDeviceFile(string device, string name, string text) =>
        Write(Path.Combine(Sys, "devices", "pci0000:00", device, name), text);

    public void AddIommu(string name) => Directory.CreateDirectory(Path.Combine(Sys, "class", "iommu", name));

    public void AddNode(string name) => Write(Path.Combine(Dev, name), "");

    public void AddProcess(string limits, string status)
    {
        Write(Path.Combine(Self, "limits"), limits);
        Write(Path.Combine(Self, "status"), status);
    }

    /// <summary>The probe, with what a VFIO that is not there would have said.</summary>
    public HostProbe Take(VfioOffer? vfio = null)
    {
        HostProbe probe = HostProbe.Take(Sys, Dev, Self);
        return vfio == null ? probe : probe with { Vfio = vfio };
    }

    public void Dispose() => _root.Delete(recursive: true);

    private static void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }

    private static void Link(string path, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        Directory.CreateSymbolicLink(path, target);
    }
}
