using System.Runtime.InteropServices;

namespace PamuFastPath.Interop;

// The argument structures of the VFIO container and group calls, as include/uapi/linux/vfio.h has them on LP64. Native-endian.

/// <summary>struct vfio_group_status.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct VfioGroupStatus
{
    internal const int Bytes = 8;

    /// <summary>VFIO_GROUP_FLAGS_VIABLE: every device of the group has a VFIO driver, or none that does DMA.</summary>
    internal const uint Viable = 1;

    /// <summary>VFIO_GROUP_FLAGS_CONTAINER_SET.</summary>
    internal const uint ContainerSet = 2;

    [FieldOffset(0)]
    internal uint Argsz;

    [FieldOffset(4)]
    internal uint Flags;
}

/// <summary>struct vfio_iommu_type1_dma_map. The flags are those of <see cref="DmaPermissions"/>.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct VfioDmaMap
{
    internal const int Bytes = 32;

    [FieldOffset(0)]
    internal uint Argsz;

    [FieldOffset(4)]
    internal uint Flags;

    [FieldOffset(8)]
    internal ulong Vaddr;

    [FieldOffset(16)]
    internal ulong Iova;

    [FieldOffset(24)]
    internal ulong Size;
}

/// <summary>struct vfio_iommu_type1_dma_unmap. On return, <see cref="Size"/> is what was unmapped.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct VfioDmaUnmap
{
    internal const int Bytes = 24;

    [FieldOffset(0)]
    internal uint Argsz;

    [FieldOffset(4)]
    internal uint Flags;

    [FieldOffset(8)]
    internal ulong Iova;

    [FieldOffset(16)]
    internal ulong Size;
}

/// <summary>struct vfio_iommu_type1_info, before its capabilities.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct VfioType1Info
{
    internal const int Bytes = 24;

    /// <summary>VFIO_IOMMU_INFO_PGSIZES.</summary>
    internal const uint PageSizesValid = 1;

    /// <summary>VFIO_IOMMU_INFO_CAPS.</summary>
    internal const uint HasCapabilities = 2;

    [FieldOffset(0)]
    internal uint Argsz;

    [FieldOffset(4)]
    internal uint Flags;

    [FieldOffset(8)]
    internal ulong PageSizes;

    /// <summary>Offset of the first capability in the answer; 0 for none, or none that fitted.</summary>
    [FieldOffset(16)]
    internal uint CapabilityOffset;
}

/// <summary>struct vfio_info_cap_header.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct VfioCapability
{
    internal const int Bytes = 8;

    /// <summary>VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE.</summary>
    internal const ushort IovaRanges = 1;

    /// <summary>VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL.</summary>
    internal const ushort MapsAvailable = 3;

    [FieldOffset(0)]
    internal ushort Id;

    [FieldOffset(2)]
    internal ushort Version;

    /// <summary>Offset of the next capability in the answer; 0 for none.</summary>
    [FieldOffset(4)]
    internal uint Next;
}

/// <summary>struct vfio_iommu_type1_info_cap_iova_range, before its ranges of two u64, both ends inclusive.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct VfioIovaRanges
{
    internal const int Bytes = 16;

    [FieldOffset(0)]
    internal VfioCapability Header;

    [FieldOffset(8)]
    internal uint Count;
}

/// <summary>struct vfio_iommu_type1_info_dma_avail.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct VfioMapsAvailable
{
    internal const int Bytes = 12;

    [FieldOffset(0)]
    internal VfioCapability Header;

    [FieldOffset(8)]
    internal uint Available;
}

/// <summary>struct vfio_pamu_attr of the VFIO-PAMU ABI: the union as its two halves.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct VfioPamuAttr
{
    internal const int Bytes = 32;

    [FieldOffset(0)]
    internal uint Argsz;

    [FieldOffset(4)]
    internal uint Flags;

    [FieldOffset(8)]
    internal PamuAttr Attribute;

    [FieldOffset(16)]
    internal ulong ApertureStart;

    /// <summary>Inclusive.</summary>
    [FieldOffset(24)]
    internal ulong ApertureEnd;

    [FieldOffset(16)]
    internal uint Windows;

    [FieldOffset(16)]
    internal uint StashCpu;

    [FieldOffset(20)]
    internal uint StashCache;
}

/// <summary>struct vfio_pamu_msi_bank_map, as shipped: with flags, which are those of <see cref="DmaPermissions"/>.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct VfioPamuMsiBankMap
{
    internal const int Bytes = 24;

    [FieldOffset(0)]
    internal uint Argsz;

    [FieldOffset(4)]
    internal uint Flags;

    [FieldOffset(8)]
    internal uint Bank;

    [FieldOffset(16)]
    internal ulong Iova;
}

/// <summary>struct vfio_pamu_msi_bank_unmap.</summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct VfioPamuMsiBankUnmap
{
    internal const int Bytes = 16;

    [FieldOffset(0)]
    internal uint Argsz;

    [FieldOffset(4)]
    internal uint Flags;

    [FieldOffset(8)]
    internal ulong Iova;
}
