namespace PamuFastPath.Interop;

/// <summary>A device behind the host's IOMMU, as sysfs shows it.</summary>
/// <param name="Name">Its name on its bus: <c>0000:00:04.0</c> for PCI.</param>
/// <param name="Vendor">PCI vendor id, or null if there is none to read.</param>
/// <param name="Product">PCI device id, or null.</param>
/// <param name="Class">PCI class code (base class, subclass, interface: 24 bits), or null.</param>
/// <param name="Driver">The driver bound to it, or null.</param>
public sealed record HostDevice(string Name, ushort? Vendor, ushort? Product, uint? Class, string? Driver)
{
    /// <summary>Whether a driver of VFIO has it: <c>vfio-pci</c>, or a variant such as <c>mlx5_vfio_pci</c>.</summary>
    public bool IsBoundToVfio => Driver?.Contains("vfio", StringComparison.Ordinal) == true;

    /// <summary>
    /// Whether its driver keeps its group from VFIO. No driver does not, nor does one that leaves DMA to others: a driver of VFIO,
    /// <c>pci-stub</c>, and the port driver of PCI bridges (those that set <c>driver_managed_dma</c> in the kernel).
    /// </summary>
    public bool KeepsGroupFromVfio => Driver is not (null or "pci-stub" or "pcieport") && !IsBoundToVfio;
}
