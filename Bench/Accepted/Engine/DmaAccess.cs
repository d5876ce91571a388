namespace PamuFastPath;

/// <summary>The direction of one access, seen from the device. The values select a column; only the low bit is ever used.</summary>
public enum DmaAccess
{
    /// <summary>The device reads memory (PAMU access class "query").</summary>
    Read = 0,

    /// <summary>The device writes memory or sends a message (PAMU access class "update").</summary>
    Write = 1,
}

/// <summary>What a mapping lets devices do. The values are the READ and WRITE flags of MAP_DMA and MAP_MSI_BANK.</summary>
[Flags]
public enum DmaPermissions
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Devices may read.</summary>
    Read = 1,

    /// <summary>Devices may write.</summary>
    Write = 2,

    /// <summary>Devices may read and write.</summary>
    ReadWrite = Read | Write,
}
