using System.Runtime.InteropServices;

namespace PamuFastPath.Interop;

/// <summary>Numbers and structures of the VFIO device calls. Source: the kernel's include/uapi/linux/vfio.h.</summary>
internal static class VfioDeviceAbi
{
    internal const uint GroupGetDeviceFd = 0x3B6A;
    internal const uint GetInfo = 0x3B6B;
    internal const uint GetRegionInfo = 0x3B6C;
    internal const uint GetIrqInfo = 0x3B6D;
    internal const uint SetIrqs = 0x3B6E;
    internal const uint Reset = 0x3B6F;

    internal const uint DeviceCanReset = 1;
    internal const uint DeviceIsPci = 2;

    internal const uint RegionRead = 1;
    internal const uint RegionWrite = 2;
    internal const uint RegionMap = 4;
    internal const uint RegionHasCapabilities = 8;

    internal const uint IrqEvents = 1;
    internal const uint IrqAutomasked = 4;

    internal const uint SetNoData = 1;
    internal const uint SetEvents = 4;
    internal const uint SetUnmask = 0x10;
    internal const uint SetTrigger = 0x20;

    internal const int ConfigRegion = 7;

    /// <summary>struct vfio_device_info, up to the last member that every kernel has.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct DeviceInfo
    {
        internal uint ArgumentSize;
        internal uint Flags;
        internal uint Regions;
        internal uint Irqs;
    }

    /// <summary>struct vfio_region_info; capabilities follow it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct RegionInfo
    {
        internal uint ArgumentSize;
        internal uint Flags;
        internal uint Index;
        internal uint CapabilityOffset;
        internal ulong Size;
        internal ulong Offset;
    }

    /// <summary>struct vfio_irq_info.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct IrqInfo
    {
        internal uint ArgumentSize;
        internal uint Flags;
        internal uint Index;
        internal uint Count;
    }

    /// <summary>struct vfio_irq_set; its data follow it: 32-bit descriptors here, or nothing.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct IrqSet
    {
        internal uint ArgumentSize;
        internal uint Flags;
        internal uint Index;
        internal uint Start;
        internal uint Count;
    }

    /// <summary>struct vfio_info_cap_header.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct CapabilityHeader
    {
        internal ushort Id;
        internal ushort Version;
        internal uint Next;
    }

    /// <summary>struct vfio_region_info_cap_sparse_mmap; its areas follow it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct SparseMapCapability
    {
        internal const ushort Id = 1;

        internal CapabilityHeader Header;
        internal uint Areas;
        internal uint Reserved;
    }
}
