// Writes table images.
//
// Unsafe: the only writer of image memory. Invariants:
//   - an image is TableLayout.ImageBytes long, aligned to TableLayout.Alignment, and owned by exactly one place at a time:
//     the builder until it is published, then the publisher until it is retired and freed (Publisher.cs);
//   - it is written here, before publication, and never again (design decision 2);
//   - entries at and beyond the window count have limit 0, so a masked index that aliases into them is refused.

using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace PamuFastPath;

internal static unsafe class TableBuilder
{
    /// <summary>Builds the image of <paramref name="windows"/>, which holds one entry per window of <paramref name="geometry"/>.</summary>
    internal static TableHeader* Build(in TableGeometry geometry, ReadOnlySpan<LiveWindow> windows, ulong generation)
    {
        Debug.Assert(windows.Length == geometry.WindowCount, "one entry per window");

        TableHeader* table = Allocate(geometry.Start, geometry.Last, geometry.WindowShift, geometry.WindowCount, generation);
        ulong* delta = Column(table, TableLayout.DeltaOffset);
        ulong* readLimit = Column(table, TableLayout.ReadLimitOffset);
        ulong* writeLimit = Column(table, TableLayout.WriteLimitOffset);
        uint live = 0;

        for (int i = 0; i < windows.Length; i++)
        {
            ref readonly LiveWindow window = ref windows[i];
            if (window.IsEmpty)
            {
                continue;
            }

            Debug.Assert(window.Size <= geometry.WindowSize, "a mapping fits its window");
            Debug.Assert((window.Target & TableLayout.MsiTagMask) == 0, "targets are page aligned, so the tag has room");
            Debug.Assert(window.MsiBank < TableLayout.MsiBankCountMax, "the bank fits the tag");

            // Both terms are multiples of 4 KiB, so the low 12 bits of the difference are free for the tag.
            delta[i] = (window.Target - geometry.WindowStart(i)) | (uint)(window.MsiBank + 1);
            readLimit[i] = (window.Permissions & DmaPermissions.Read) != 0 ? window.Size : 0;
            writeLimit[i] = (window.Permissions & DmaPermissions.Write) != 0 ? window.Size : 0;
            live++;
        }

        table->LiveWindows = live;
        return table;
    }

    /// <summary>Builds an image in which every access answers <paramref name="refusal"/>.</summary>
    internal static TableHeader* BuildRefusing(FaultKind refusal)
    {
        Debug.Assert(refusal != FaultKind.None, "a refusing table refuses");
        TableHeader* table = Allocate(apertureBase: 0, apertureLast: 0, windowShift: 0, windowCount: 0, generation: 0);
        table->Refusal = (uint)refusal;
        return table;
    }

    internal static void Free(TableHeader* table)
    {
        Debug.Assert(table->Magic == TableLayout.Magic, "only whole images are freed, and once");
        table->Magic = 0;
        NativeMemory.AlignedFree(table);
    }

    internal static ReadOnlySpan<byte> ImageOf(TableHeader* table) => new(table, TableLayout.ImageBytes);

    private static TableHeader* Allocate(ulong apertureBase, ulong apertureLast, int windowShift, uint windowCount, ulong generation)
    {
        var table = (TableHeader*)NativeMemory.AlignedAlloc(TableLayout.ImageBytes, TableLayout.Alignment);
        Debug.Assert((nuint)table % TableLayout.Alignment == 0, "images are aligned");
        NativeMemory.Clear(table, TableLayout.ImageBytes);

        table->Magic = TableLayout.Magic;
        table->Version = TableLayout.Version;
        table->Generation = generation;
        table->ApertureBase = apertureBase;
        table->ApertureLast = apertureLast;
        table->WindowShift = (uint)windowShift;
        table->WindowCount = windowCount;
        table->ImageBytes = TableLayout.ImageBytes;
        table->DirectoryOffset = TableLayout.DirectoryOffset;

        AddColumn(table, TableColumn.Delta, TableLayout.DeltaOffset);
        AddColumn(table, TableColumn.ReadLimit, TableLayout.ReadLimitOffset);
        AddColumn(table, TableColumn.WriteLimit, TableLayout.WriteLimitOffset);
        return table;
    }

    private static void AddColumn(TableHeader* table, TableColumn column, int offset)
    {
        Debug.Assert(table->ColumnCount < TableLayout.DirectoryEntriesMax, "the directory has room");
        Debug.Assert(offset % TableLayout.Alignment == 0, "columns are aligned");
        var entry = (TableDirectoryEntry*)((byte*)table + TableLayout.DirectoryOffset) + table->ColumnCount++;
        entry->Column = (uint)column;
        entry->Offset = (uint)offset;
        entry->EntryBytes = sizeof(ulong);
        entry->EntryCount = TableLayout.WindowCountMax;
        entry->ColumnVersion = 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong* Column(TableHeader* table, int offset) => (ulong*)((byte*)table + offset);
}
