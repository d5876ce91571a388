using System.Runtime.InteropServices;

namespace PamuFastPath;

/// <summary>
/// Where everything stands in a table image, layout version 1. <c>docs/table-layout.md</c> says the same in prose.
/// All integers are native-endian; <see cref="Magic"/> read in the other byte order shows that the image is foreign.
/// </summary>
/// <remarks>
/// Every column has <see cref="WindowCountMax"/> entries whatever the window count is: the column offsets are then constants
/// of the layout version, and an index masked to 8 bits can never leave the image, not even under misspeculation.
/// </remarks>
public static class TableLayout
{
    /// <summary>"PAMU" in the byte order of the machine that wrote the image (bytes 50 41 4d 55 if it was little-endian).</summary>
    public const uint Magic = 0x554D4150;

    /// <summary>The layout version. A new column does not change it; a new meaning of an old field does.</summary>
    public const ushort Version = 1;

    /// <summary>Images and their columns are aligned to this many bytes.</summary>
    public const int Alignment = 64;

    /// <summary>The most windows a geometry can have, and the entries of every column.</summary>
    public const int WindowCountMax = 256;

    /// <summary>Bytes of the header, the column directory included.</summary>
    public const int HeaderBytes = 0x100;

    /// <summary>Offset of the column directory in bytes from the start of the image.</summary>
    public const int DirectoryOffset = 0x40;

    /// <summary>Where the header says how far behind a reader's first counters those of this table's container stand; means nothing elsewhere.</summary>
    public const int CountersOffsetOffset = 0xF0;

    /// <summary>The most columns the directory has room for.</summary>
    public const int DirectoryEntriesMax = (CountersOffsetOffset - DirectoryOffset) / 16;

    /// <summary>Bytes of one column of 64-bit entries.</summary>
    public const int ColumnBytes = WindowCountMax * sizeof(ulong);

    /// <summary>Offset of the delta column: target minus IOVA, with the MSI tag in its low 12 bits.</summary>
    public const int DeltaOffset = HeaderBytes;

    /// <summary>
    /// Offset of the column of ends for reads: bytes from the aperture's base to the end (exclusive) of what a device may read in each window, or
    /// to the window's start if it may read nothing.
    /// </summary>
    public const int ReadEndOffset = DeltaOffset + ColumnBytes;

    /// <summary>Offset of the same column for writes. One <see cref="ColumnBytes"/> behind the one for reads.</summary>
    public const int WriteEndOffset = ReadEndOffset + ColumnBytes;

    /// <summary>Bytes of one packed column of 32-bit entries.</summary>
    public const int PackedColumnBytes = WindowCountMax * sizeof(uint);

    /// <summary>Offset of the packed column for reads: frame and size of each window in 32 bits, for kernels that hold the table in registers.</summary>
    public const int PackedReadOffset = WriteEndOffset + ColumnBytes;

    /// <summary>Offset of the packed column for writes. One <see cref="PackedColumnBytes"/> behind the one for reads.</summary>
    public const int PackedWriteOffset = PackedReadOffset + PackedColumnBytes;

    /// <summary>Offset of the MSI map: bit <c>i % 32</c> of word <c>i / 32</c> is set if window i is a live MSI window; padded to 64 bytes.</summary>
    public const int MsiMapOffset = PackedWriteOffset + PackedColumnBytes;

    /// <summary>Bytes of the four planes of a packed column: byte p of every entry stands in plane p.</summary>
    public const int PlanesBytes = 4 * WindowCountMax;

    /// <summary>Offset of the packed column for reads as planes, for kernels that look up bytes.</summary>
    public const int PlanesReadOffset = MsiMapOffset + 64;

    /// <summary>Offset of the packed column for writes as planes. One <see cref="PlanesBytes"/> behind the one for reads.</summary>
    public const int PlanesWriteOffset = PlanesReadOffset + PlanesBytes;

    /// <summary>Bytes of a whole image.</summary>
    public const int ImageBytes = PlanesWriteOffset + PlanesBytes;

    /// <summary>Low bits of a packed entry that hold log2(size in pages of 4 KiB).</summary>
    public const int PackedSizeBits = 6;

    /// <summary>The size field of a window that refuses the access: 4 KiB shifted left by 63 is 0 in 64 bits.</summary>
    public const uint PackedRefused = 63;

    /// <summary>High bits of a packed entry that hold the target's 4 KiB frame, relative to the header's target base.</summary>
    public const int PackedFrameBits = 32 - PackedSizeBits;

    /// <summary>The bits of a delta entry that carry the MSI tag: 0 for a DMA window, bank index + 1 for an MSI window.</summary>
    public const ulong MsiTagMask = 0xFFF;

    /// <summary>The most MSI banks a tag can name.</summary>
    public const int MsiBankCountMax = (int)MsiTagMask;
}

/// <summary>What a column of the table image holds. The numbers are part of the layout.</summary>
public enum TableColumn
{
    /// <summary>u64: target minus IOVA, MSI tag in the low 12 bits.</summary>
    Delta = 1,

    /// <summary>u64: bytes from the aperture's base to the end of what a device may read; the window's start if nothing.</summary>
    ReadEnd = 2,

    /// <summary>u64: the same for writes.</summary>
    WriteEnd = 3,

    /// <summary>u32: for reads, frame above the target base in the high 26 bits, log2(pages) in the low 6. Only if the table is packed.</summary>
    PackedRead = 4,

    /// <summary>u32: the same for writes.</summary>
    PackedWrite = 5,

    /// <summary>u32: 8 words, one bit per window.</summary>
    MsiMap = 6,

    /// <summary>u8, 4 planes of 256: byte p (the lowest is 0) of each entry of <see cref="PackedRead"/> in plane p.</summary>
    PlanesRead = 7,

    /// <summary>u8: the same of <see cref="PackedWrite"/>.</summary>
    PlanesWrite = 8,
}

/// <summary>The header but for the column directory. The first 64 bytes are all that translation reads of it; counting reads one word more.</summary>
[StructLayout(LayoutKind.Explicit, Size = TableLayout.HeaderBytes)]
internal struct TableHeader
{
    [FieldOffset(0x00)] internal uint Magic;
    [FieldOffset(0x04)] internal ushort Version;
    [FieldOffset(0x06)] internal ushort ColumnCount;
    [FieldOffset(0x08)] internal ulong Generation;
    [FieldOffset(0x10)] internal ulong ApertureBase;
    [FieldOffset(0x18)] internal ulong ApertureLast;
    [FieldOffset(0x20)] internal uint WindowShift;
    [FieldOffset(0x24)] internal uint WindowCount;
    [FieldOffset(0x28)] internal uint ImageBytes;

    /// <summary>0, or the <see cref="FaultKind"/> that every access to this table answers (its ends are all 0 then).</summary>
    [FieldOffset(0x2C)] internal ushort Refusal;

    /// <summary>The <see cref="BatchKernel"/> chosen for this table on this machine. Means nothing elsewhere.</summary>
    [FieldOffset(0x2E)] internal ushort Kernel;

    [FieldOffset(0x30)] internal uint DirectoryOffset;
    [FieldOffset(0x34)] internal ushort LiveWindows;

    /// <summary>1 if message pages lie within the packed frames' span too, so that packed entries give their targets.</summary>
    [FieldOffset(0x36)] internal ushort MsiIsPacked;

    /// <summary>Packed frames count from here, 4 KiB aligned. All ones: the targets do not fit, there are no packed columns.</summary>
    [FieldOffset(0x38)] internal ulong TargetBase;

    /// <summary>Bytes from a reader's first counters to those of this table's container. Means nothing outside of the process.</summary>
    [FieldOffset(TableLayout.CountersOffsetOffset)] internal uint CountersOffset;
}

/// <summary>One entry of the column directory.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal struct TableDirectoryEntry
{
    internal uint Column;
    internal uint Offset;
    internal ushort EntryBytes;
    internal ushort EntryCount;

    /// <summary>Version of this column's meaning, 1 today.</summary>
    internal uint ColumnVersion;
}
