// Writes table images.
//
// Unsafe: the only writer of image memory. Invariants:
//   - an image is TableLayout.ImageBytes long, aligned to TableLayout.Alignment, and owned by exactly one place at a time:
//     the builder until it is published, then the publisher until it is retired and freed (Publisher.cs);
//   - it is written here, before publication, and never again (design decision 2);
//   - entries at and beyond the window count have end 0, so a masked index that aliases into them is refused.

using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace PamuFastPath;

internal static unsafe class TableBuilder
{
    /// <summary>Packed frames are 4 KiB, whatever the platform's page size.</summary>
    private const int FrameShift = 12;

    /// <summary>
    /// Builds the image of <paramref name="windows"/>, which holds one entry per window of <paramref name="geometry"/>. Readers count what they translate
    /// with it at <paramref name="countersOffset"/>.
    /// </summary>
    internal static TableHeader* Build(in TableGeometry geometry, ReadOnlySpan<LiveWindow> windows, ulong generation, uint countersOffset)
    {
        Debug.Assert(windows.Length == geometry.WindowCount, "one entry per window");

        TableHeader* table = Allocate(geometry.Start, geometry.Last, geometry.WindowShift, geometry.WindowCount, generation);
        ulong* delta = Column(table, TableLayout.DeltaOffset);
        ulong* readEnd = Column(table, TableLayout.ReadEndOffset);
        ulong* writeEnd = Column(table, TableLayout.WriteEndOffset);
        ushort live = 0;

        for (int i = 0; i < windows.Length; i++)
        {
            ref readonly LiveWindow window = ref windows[i];
            ulong start = (ulong)i << geometry.WindowShift;
            readEnd[i] = start;
            writeEnd[i] = start;
            if (window.IsEmpty)
            {
                continue;
            }

            Debug.Assert(window.Size <= geometry.WindowSize, "a mapping fits its window");
            Debug.Assert((window.Target & TableLayout.MsiTagMask) == 0, "targets are page aligned, so the tag has room");
            Debug.Assert(window.MsiBank < TableLayout.MsiBankCountMax, "the bank fits the tag");

            // Both terms are multiples of 4 KiB, so the low 12 bits of the difference are free for the tag.
            delta[i] = (window.Target - geometry.WindowStart(i)) | (uint)(window.MsiBank + 1);
            readEnd[i] += (window.Permissions & DmaPermissions.Read) != 0 ? window.Size : 0;
            writeEnd[i] += (window.Permissions & DmaPermissions.Write) != 0 ? window.Size : 0;
            live++;
        }

        table->LiveWindows = live;
        table->CountersOffset = countersOffset;
        bool isPacked = Pack(table, windows);
        table->Kernel = (ushort)BatchKernels.Choose(geometry.WindowCount, geometry.WindowShift, isPacked);
        return table;
    }

    /// <summary>
    /// Fills the packed columns and the MSI map. DMA targets must lie within 2^26 frames of each other. Message pages may lie elsewhere:
    /// their packed frames then mean nothing, and kernels take their targets from the delta column.
    /// </summary>
    /// <returns>Whether they do; if not, the header says so and the packed columns refuse everything.</returns>
    private static bool Pack(TableHeader* table, ReadOnlySpan<LiveWindow> windows)
    {
        uint* read = (uint*)((byte*)table + TableLayout.PackedReadOffset);
        uint* write = (uint*)((byte*)table + TableLayout.PackedWriteOffset);
        uint* msiMap = (uint*)((byte*)table + TableLayout.MsiMapOffset);
        byte* planesRead = (byte*)table + TableLayout.PlanesReadOffset;
        byte* planesWrite = (byte*)table + TableLayout.PlanesWriteOffset;
        new Span<uint>(read, 2 * TableLayout.WindowCountMax).Fill(TableLayout.PackedRefused);
        new Span<byte>(planesRead, TableLayout.WindowCountMax).Fill((byte)TableLayout.PackedRefused); // plane 0; the others are 0
        new Span<byte>(planesWrite, TableLayout.WindowCountMax).Fill((byte)TableLayout.PackedRefused);
        for (int i = 0; i < windows.Length; i++)
        {
            if (windows[i] is { IsMsi: true, IsEmpty: false })
            {
                msiMap[i / 32] |= 1u << (i % 32);
            }
        }

        bool fitsAll = FrameSpan(windows, withMessages: true, out ulong targetBase);
        bool isPacked = fitsAll || FrameSpan(windows, withMessages: false, out targetBase);
        table->MsiIsPacked = (ushort)(fitsAll ? 1 : 0);
        table->TargetBase = isPacked ? targetBase : ulong.MaxValue;
        for (int i = 0; isPacked && i < windows.Length; i++)
        {
            ref readonly LiveWindow window = ref windows[i];
            if (!window.IsEmpty)
            {
                ulong frame = !window.IsMsi || fitsAll ? (window.Target - targetBase) >> FrameShift : 0;
                Debug.Assert(frame < 1UL << TableLayout.PackedFrameBits, "the frame fits its field");
                uint entry = ((uint)frame << TableLayout.PackedSizeBits) | (uint)(BitOperations.Log2(window.Size) - FrameShift);
                read[i] = (window.Permissions & DmaPermissions.Read) != 0 ? entry : TableLayout.PackedRefused;
                write[i] = (window.Permissions & DmaPermissions.Write) != 0 ? entry : TableLayout.PackedRefused;
                SetPlanes(planesRead, i, read[i]);
                SetPlanes(planesWrite, i, write[i]);
            }
        }

        return isPacked;
    }

    private static void SetPlanes(byte* planes, int window, uint entry)
    {
        for (int plane = 0; plane < sizeof(uint); plane++)
        {
            planes[plane * TableLayout.WindowCountMax + window] = (byte)(entry >> (8 * plane));
        }
    }

    /// <summary>Whether the targets fit packed frames that count from the lowest of them.</summary>
    private static bool FrameSpan(ReadOnlySpan<LiveWindow> windows, bool withMessages, out ulong first)
    {
        first = ulong.MaxValue;
        ulong last = 0;
        foreach (ref readonly LiveWindow window in windows)
        {
            if (!window.IsEmpty && (withMessages || !window.IsMsi))
            {
                first = Math.Min(first, window.Target);
                last = Math.Max(last, window.Target);
            }
        }

        if (first > last)
        {
            first = 0; // nothing to pack
            return true;
        }

        return (last - first) >> FrameShift < 1UL << TableLayout.PackedFrameBits;
    }

    /// <summary>Builds an image in which every access answers <paramref name="refusal"/>. It is counted at offset 0, for no container.</summary>
    internal static TableHeader* BuildRefusing(FaultKind refusal)
    {
        Debug.Assert(refusal != FaultKind.None, "a refusing table refuses");
        TableHeader* table = Allocate(apertureBase: 0, apertureLast: 0, windowShift: 0, windowCount: 0, generation: 0);
        table->Refusal = (ushort)refusal;
        return table;
    }

    internal static void Free(TableHeader* table)
    {
        Debug.Assert(table->Magic == TableLayout.Magic, "only whole images are freed, and once");
        table->Magic = 0;
        NativeBlocks.Free(table);
    }

    internal static ReadOnlySpan<byte> ImageOf(TableHeader* table) => new(table, TableLayout.ImageBytes);

    private static TableHeader* Allocate(ulong apertureBase, ulong apertureLast, int windowShift, uint windowCount, ulong generation)
    {
        var table = (TableHeader*)NativeBlocks.Take(TableLayout.ImageBytes, TableLayout.Alignment, "table");
        table->Magic = TableLayout.Magic;
        table->Version = TableLayout.Version;
        table->Generation = generation;
        table->ApertureBase = apertureBase;
        table->ApertureLast = apertureLast;
        table->WindowShift = (uint)windowShift;
        table->WindowCount = windowCount;
        table->ImageBytes = TableLayout.ImageBytes;
        table->DirectoryOffset = TableLayout.DirectoryOffset;

        AddColumn(table, TableColumn.Delta, TableLayout.DeltaOffset, sizeof(ulong), TableLayout.WindowCountMax);
        AddColumn(table, TableColumn.ReadEnd, TableLayout.ReadEndOffset, sizeof(ulong), TableLayout.WindowCountMax);
        AddColumn(table, TableColumn.WriteEnd, TableLayout.WriteEndOffset, sizeof(ulong), TableLayout.WindowCountMax);
        AddColumn(table, TableColumn.PackedRead, TableLayout.PackedReadOffset, sizeof(uint), TableLayout.WindowCountMax);
        AddColumn(table, TableColumn.PackedWrite, TableLayout.PackedWriteOffset, sizeof(uint), TableLayout.WindowCountMax);
        AddColumn(table, TableColumn.MsiMap, TableLayout.MsiMapOffset, sizeof(uint), TableLayout.WindowCountMax / 32);
        AddColumn(table, TableColumn.PlanesRead, TableLayout.PlanesReadOffset, sizeof(byte), TableLayout.PlanesBytes);
        AddColumn(table, TableColumn.PlanesWrite, TableLayout.PlanesWriteOffset, sizeof(byte), TableLayout.PlanesBytes);
        return table;
    }

    private static void AddColumn(TableHeader* table, TableColumn column, int offset, ushort entryBytes, ushort entryCount)
    {
        Debug.Assert(table->ColumnCount < TableLayout.DirectoryEntriesMax, "the directory has room");
        Debug.Assert(offset % TableLayout.Alignment == 0, "columns are aligned");
        var entry = (TableDirectoryEntry*)((byte*)table + TableLayout.DirectoryOffset) + table->ColumnCount++;
        entry->Column = (uint)column;
        entry->Offset = (uint)offset;
        entry->EntryBytes = entryBytes;
        entry->EntryCount = entryCount;
        entry->ColumnVersion = 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong* Column(TableHeader* table, int offset) => (ulong*)((byte*)table + offset);
}
