using System.Runtime.InteropServices;
using PamuFastPath.Diagnostics;

namespace PamuFastPath;

/// <summary>
/// A reader's announcement, alone on its cache line and the line that the processor prefetches with it. Native memory, so that
/// writers, and later readers in other languages, can see it without an object.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = SlotBytes)]
internal unsafe struct ReaderSlot
{
    internal const int SlotBytes = 128;

    /// <summary>The epoch the reader announced, or 0 outside sections. Written by the reader's thread alone (but for removal by force).</summary>
    [FieldOffset(0)] internal ulong Epoch;

    /// <summary>
    /// Where the reader counts accesses, or null while nobody counts: the counters of the first account; each table says how far behind it its own
    /// container's stand (<see cref="TableHeader.CountersOffset"/>). Written by <see cref="CounterBook"/>, read by the reader.
    /// </summary>
    [FieldOffset(8)] internal ReaderCounters* Counters;

    /// <summary>Not 0: accesses are also counted in the windows they touch.</summary>
    [FieldOffset(16)] internal uint CountsWindows;

    /// <summary>Managed id of the thread that owns the reader: whoever waits compares it with its own.</summary>
    [FieldOffset(64)] internal int OwnerThread;
}

/// <summary>The native cell that holds a container's current table: what a reader loads after announcing itself.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal unsafe struct TableCell
{
    [FieldOffset(0)] internal TableHeader* Current;

    /// <summary>Makes a cell that owns <paramref name="first"/>; without memory for it, the table is freed.</summary>
    /// <exception cref="PamuException">ENOMEM.</exception>
    internal static TableCell* Make(TableHeader* first)
    {
        try
        {
            var cell = (TableCell*)NativeBlocks.Take((nuint)sizeof(TableCell), TableLayout.Alignment, "cell");
            cell->Current = first;
            return cell;
        }
        catch
        {
            TableBuilder.Free(first);
            throw;
        }
    }

    /// <summary>Frees a cell with its table, if there is one. No reader can find it any more.</summary>
    internal static void Free(TableCell* cell)
    {
        if (cell != null)
        {
            TableBuilder.Free(cell->Current);
            NativeBlocks.Free(cell);
        }
    }
}
