using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace PamuFastPath.Interop;

/// <summary>An IOMMU of the host.</summary>
/// <param name="Name">Its name in <c>/sys/class/iommu</c>.</param>
/// <param name="Kind">What it is, as far as the name tells; null if it does not.</param>
public sealed record HostIommu(string Name, string? Kind)
{
    // The names are those that the kernel's drivers register with iommu_device_sysfs_add.
    private static readonly (string Prefix, string Kind)[] Kinds =
    [
        ("dmar", "Intel VT-d"),
        ("ivhd", "AMD-Vi"),
        ("smmu", "Arm SMMU"),
        ("virtio", "virtio-iommu"),
        ("iommu0", "Freescale PAMU"),
    ];

    internal static HostIommu Of(string name) =>
        new(name, Array.Find(Kinds, known => name.StartsWith(known.Prefix, StringComparison.Ordinal)).Kind);
}

/// <summary>A group, and whether VFIO can have it.</summary>
/// <param name="Group">The group.</param>
/// <param name="HasNode">Whether there is a <c>/dev/vfio/N</c>. Without one there is no way to VFIO.</param>
/// <param name="Obstacle">Why VFIO cannot have it, and what to do; null if it can.</param>
public sealed record GroupOffer(HostGroup Group, bool HasNode, string? Obstacle)
{
    /// <summary>Whether VFIO can have it: it has its <c>/dev/vfio/N</c>, and no driver keeps it. The kernel has the last word.</summary>
    public bool IsReady => Obstacle == null;

    internal static GroupOffer Of(HostGroup group, string vfio)
    {
        string id = group.Id.ToString(CultureInfo.InvariantCulture);
        bool hasNode = File.Exists(Path.Combine(vfio, id));
        HostDevice[] blockers = [.. group.Blockers];
        string? obstacle = blockers switch
        {
            [_, ..] => $"{string.Join(", ", blockers.Select(Holding))}: unbind, or bind to vfio-pci",
            _ when hasNode => null,
            _ when File.Exists(Path.Combine(vfio, "noiommu-" + id)) => "there is no IOMMU to isolate it (/dev/vfio/noiommu-" + id + ")",
            _ when group.Devices.FirstOrDefault(static device => device.IsBoundToVfio) is { } bound =>
                $"{Holding(bound)}, but there is no /dev/vfio/{id} here: have it passed in",
            _ => "no driver of VFIO has a device of it: bind one to vfio-pci",
        };
        return new GroupOffer(group, hasNode, obstacle);
    }

    private static string Holding(HostDevice device) => $"{device.Driver} has {device.Name}";
}

/// <summary>What a host offers to those who want to drive devices from user space. Taking it changes nothing on the host.</summary>
/// <param name="IsLinux">Whether the host is Linux; if not, all else is empty.</param>
/// <param name="Vfio">What <c>/dev/vfio/vfio</c> offers.</param>
/// <param name="HasIommufd">Whether there is an <c>/dev/iommu</c>.</param>
/// <param name="Iommus">The IOMMUs by name.</param>
/// <param name="Groups">The groups by number.</param>
/// <param name="MemoryLock">How much memory may be locked, and so mapped; null if it cannot be found out.</param>
public sealed record HostProbe(
    bool IsLinux,
    VfioOffer Vfio,
    bool HasIommufd,
    IReadOnlyList<HostIommu> Iommus,
    IReadOnlyList<GroupOffer> Groups,
    MemoryLock? MemoryLock)
{
    private const int NoSuchFile = 2; // ENOENT

    /// <summary>Looks at the host.</summary>
    /// <param name="sys">Where sysfs is mounted.</param>
    /// <param name="dev">Where the device nodes are.</param>
    /// <param name="self">The process's directory in procfs.</param>
    public static HostProbe Take(string sys = "/sys", string dev = "/dev", string self = "/proc/self")
    {
        if (!OperatingSystem.IsLinux())
        {
            return new HostProbe(false, VfioOffer.None(NoSuchFile), false, [], [], null);
        }

        string vfio = Path.Combine(dev, "vfio");
        var sysfs = new HostSysfs(sys);
        return new HostProbe(
            true,
            Ask(Path.Combine(vfio, "vfio")),
            File.Exists(Path.Combine(dev, "iommu")),
            [.. sysfs.Iommus().Select(HostIommu.Of)],
            [.. sysfs.Groups().Select(group => GroupOffer.Of(group, vfio))],
            MemoryLock.Read(self));
    }

    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    private static VfioOffer Ask(string path)
    {
        using SafeFileHandle container = Syscalls.Open(path, out int error);
        return error < 0 ? VfioOffer.None(-error) : VfioOffer.Ask((request, value) => Syscalls.Ioctl(container, request, value));
    }
}
