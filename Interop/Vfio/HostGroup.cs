namespace PamuFastPath.Interop;

/// <summary>IOVAs that sysfs lists as reserved for a group.</summary>
/// <param name="Range">The IOVAs, both ends inclusive.</param>
/// <param name="Type">The kernel's word for why: <c>direct</c>, <c>direct-relaxable</c>, <c>reserved</c>, <c>msi</c>.</param>
public sealed record ReservedRegion(IovaRange Range, string Type)
{
    /// <summary>
    /// Whether VFIO refuses to map here. Only <c>direct-relaxable</c> gives way: firmware needs that one no longer once a driver has the
    /// device (the kernel's <c>vfio_iommu_type1</c> skips this type and no other). A type we do not know does not give way.
    /// </summary>
    public bool ForbidsMapping => Type != "direct-relaxable";
}

/// <summary>An IOMMU group of the host: devices that only move between users together.</summary>
/// <param name="Id">Its number, N in <c>/dev/vfio/N</c>.</param>
/// <param name="Type">The kernel's default domain for it (<c>DMA</c>, <c>DMA-FQ</c>, <c>identity</c>), or null if it does not say.</param>
/// <param name="Devices">Its devices by name.</param>
/// <param name="Reserved">Its reserved regions by start.</param>
public sealed record HostGroup(int Id, string? Type, IReadOnlyList<HostDevice> Devices, IReadOnlyList<ReservedRegion> Reserved)
{
    /// <summary>The devices whose drivers keep the group from VFIO. The kernel calls a group with none of them viable.</summary>
    public IEnumerable<HostDevice> Blockers => Devices.Where(static device => device.KeepsGroupFromVfio);
}
