namespace PamuFastPath.Cli.Conform;

/// <summary>
/// Why the shipped driver, in one operation, went another way than the ABI page. Collected by the ledger, read by the rules.
/// </summary>
[Flags]
internal enum Causes
{
    None = 0,

    /// <summary>The entry in its list that made a map EBUSY.</summary>
    ListBusy = 1 << 0,

    /// <summary>A map whose size is not whole windows.</summary>
    Remainder = 1 << 1,

    /// <summary>A failed map disabled windows.</summary>
    RolledBack = 1 << 2,

    /// <summary>Too few table entries, now or in an earlier operation.</summary>
    TableEntries = 1 << 3,

    /// <summary>The secondary table is full.</summary>
    TableFull = 1 << 4,

    /// <summary>A window below 4 KiB, or of a size the table cannot say.</summary>
    SmallWindows = 1 << 5,

    /// <summary>The mapped counter says there are windows where there are none.</summary>
    StaleMapped = 1 << 6,

    /// <summary>Its window size is zero: a division by zero.</summary>
    NoWindowSize = 1 << 7,

    /// <summary>There is no window array (before the operation).</summary>
    NoWindows = 1 << 8,

    /// <summary>An MSI IOVA inside its window.</summary>
    InsideWindow = 1 << 9,

    /// <summary>A window number cut to 32 bits, or counted from below the aperture.</summary>
    IndexCut = 1 << 10,

    /// <summary>A window was disabled for a use it was not mapped for.</summary>
    OtherOwner = 1 << 11,

    /// <summary>Its two layers disagree about the geometry or the window size (before the operation).</summary>
    Apart = 1 << 12,

    /// <summary>Its domain is enabled without a DMA window, or not enabled with one (before the operation).</summary>
    EnabledWrong = 1 << 13,

    /// <summary>A DMA window is mapped that its list does not know (before the operation).</summary>
    Orphan = 1 << 14,

    /// <summary>A range or a mapping ends at or beyond 2^64, so that its end compares as low.</summary>
    EndWraps = 1 << 15,
}
