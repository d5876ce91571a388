namespace PamuFastPath;

/// <summary>
/// Request numbers of the VFIO-PAMU ABI, in the form where <c>_IOC_NONE</c> is 0 (x86-64, arm64). The powerpc form has bit 29 set as well;
/// the byte doors take both.
/// </summary>
public static class PamuRequests
{
    /// <summary>VFIO_GET_API_VERSION: no argument; returns 0.</summary>
    public const uint GetApiVersion = 0x3B64;

    /// <summary>VFIO_CHECK_EXTENSION: extension number by value; returns 0 or 1.</summary>
    public const uint CheckExtension = 0x3B65;

    /// <summary>VFIO_SET_IOMMU: IOMMU type by value.</summary>
    public const uint SetIommu = 0x3B66;

    /// <summary>VFIO_GROUP_GET_STATUS.</summary>
    public const uint GroupGetStatus = 0x3B67;

    /// <summary>VFIO_GROUP_SET_CONTAINER: pointer to the container's number (s32).</summary>
    public const uint GroupSetContainer = 0x3B68;

    /// <summary>VFIO_GROUP_UNSET_CONTAINER: no argument.</summary>
    public const uint GroupUnsetContainer = 0x3B69;

    /// <summary>VFIO_IOMMU_GET_INFO.</summary>
    public const uint IommuGetInfo = 0x3B70;

    /// <summary>VFIO_IOMMU_MAP_DMA.</summary>
    public const uint IommuMapDma = 0x3B71;

    /// <summary>VFIO_IOMMU_UNMAP_DMA.</summary>
    public const uint IommuUnmapDma = 0x3B72;

    /// <summary>VFIO_IOMMU_PAMU_GET_ATTR.</summary>
    public const uint PamuGetAttr = 0x3B73;

    /// <summary>VFIO_IOMMU_PAMU_SET_ATTR.</summary>
    public const uint PamuSetAttr = 0x3B74;

    /// <summary>VFIO_IOMMU_PAMU_GET_MSI_BANK_COUNT: no argument; returns the count.</summary>
    public const uint PamuGetMsiBankCount = 0x3B75;

    /// <summary>VFIO_IOMMU_PAMU_MAP_MSI_BANK.</summary>
    public const uint PamuMapMsiBank = 0x3B76;

    /// <summary>VFIO_IOMMU_PAMU_UNMAP_MSI_BANK.</summary>
    public const uint PamuUnmapMsiBank = 0x3B77;

    /// <summary>The bit that <c>_IOC_NONE</c> adds on powerpc.</summary>
    public const uint PowerPcNone = 0x2000_0000;

    /// <summary>Brings a request number into the plain form.</summary>
    public static uint Plain(uint request) => (request & 0xFFFF_0000) == PowerPcNone ? request & ~PowerPcNone : request;

    /// <summary>The ABI's name of a request, for messages; the number in hex for one that has none.</summary>
    public static string NameOf(uint request) => Plain(request) switch
    {
        GetApiVersion => "GET_API_VERSION",
        CheckExtension => "CHECK_EXTENSION",
        SetIommu => "SET_IOMMU",
        GroupGetStatus => "GROUP_GET_STATUS",
        GroupSetContainer => "GROUP_SET_CONTAINER",
        GroupUnsetContainer => "GROUP_UNSET_CONTAINER",
        IommuGetInfo => "IOMMU_GET_INFO",
        IommuMapDma => "IOMMU_MAP_DMA",
        IommuUnmapDma => "IOMMU_UNMAP_DMA",
        PamuGetAttr => "PAMU_GET_ATTR",
        PamuSetAttr => "PAMU_SET_ATTR",
        PamuGetMsiBankCount => "PAMU_GET_MSI_BANK_COUNT",
        PamuMapMsiBank => "PAMU_MAP_MSI_BANK",
        PamuUnmapMsiBank => "PAMU_UNMAP_MSI_BANK",
        _ => $"0x{request:x}",
    };
}

/// <summary>Attribute numbers of PAMU_GET_ATTR and PAMU_SET_ATTR.</summary>
public enum PamuAttr : uint
{
    /// <summary>The aperture: u64 first, u64 last (inclusive).</summary>
    Geometry = 0,

    /// <summary>The window count: u32.</summary>
    Windows = 1,

    /// <summary>The stash target: u32 cpu, u32 cache.</summary>
    Stash = 2,
}
