// Counting accesses where they are translated.
//
// Unsafe: writes counter blocks and reads table images. Invariants:
//   - the caller is inside a section: the table is the section's, the slot its reader's;
//   - the counters behind a table's offset are this reader's own, as long as the section lasts (CounterBook).

using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace PamuFastPath.Diagnostics;

internal static unsafe class AccessCounter
{
    /// <summary>Where a section counts, or null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ReaderCounters* Of(ReaderSlot* slot, TableHeader* table)
    {
        var first = (ReaderCounters*)Volatile.Read(ref *(nint*)&slot->Counters); // acquire: pairs with the release in CounterBook.Show
        return first == null ? null : (ReaderCounters*)((byte*)first + table->CountersOffset);
    }

    /// <summary>Counts one answer, if the reader is counted. Inline is what nearly every access needs; the rest is a call.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Count(ReaderSlot* slot, TableHeader* table, ulong iova, ulong length, DmaAccess access, Translation answer)
    {
        var first = (ReaderCounters*)Volatile.Read(ref *(nint*)&slot->Counters); // acquire: pairs with the release in CounterBook.Show
        if (first != null)
        {
            if ((answer.Code | slot->CountsWindows) == 0)
            {
                AddHit((ReaderCounters*)((byte*)first + table->CountersOffset), iova, length, access);
            }
            else
            {
                CountOther(slot, table, iova, length, access, answer);
            }
        }
    }

    /// <summary>Counts a range that was answered completely. One that only asked how many segments it needs is asked again and counts then.</summary>
    internal static void CountRange(
        ReaderSlot* slot, TableHeader* table, ulong iova, ulong length, DmaAccess access, RangeTranslation answer, ReadOnlySpan<DmaSegment> segments)
    {
        ReaderCounters* counters = Of(slot, table);
        if (counters == null)
        {
            return;
        }

        if (!answer.IsHit)
        {
            counters->Faults[(int)answer.Fault]++;
            return;
        }

        if (!answer.IsComplete)
        {
            return;
        }

        if (answer.SegmentCount == 1 && segments[0].IsMsi)
        {
            ReaderCounters.MsiHitsOf(counters)[segments[0].MsiBank]++;
        }
        else
        {
            AddHit(counters, iova, length, access);
        }

        if (slot->CountsWindows != 0)
        {
            AddToWindows(counters, table, iova, length);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddHit(ReaderCounters* counters, ulong iova, ulong length, DmaAccess access)
    {
        counters->Hits++;
        counters->Bytes[(int)access & 1] += length;
        counters->LastIova = iova;
    }

    /// <summary>Everything but a hit of memory that no window wants to know of.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CountOther(ReaderSlot* slot, TableHeader* table, ulong iova, ulong length, DmaAccess access, Translation answer)
    {
        ReaderCounters* counters = Of(slot, table);
        if (counters == null)
        {
            return; // switched off meanwhile
        }

        switch (answer.Kind)
        {
            case TranslationKind.Fault:
                counters->Faults[(int)answer.Fault]++;
                return;
            case TranslationKind.Crosses:
                counters->Crosses++;
                return;
            case TranslationKind.Msi:
                ReaderCounters.MsiHitsOf(counters)[answer.MsiBank]++;
                break;
            default:
                AddHit(counters, iova, length, access);
                break;
        }

        if (slot->CountsWindows != 0)
        {
            AddToWindows(counters, table, iova, length);
        }
    }

    private static void AddToWindows(ReaderCounters* counters, TableHeader* table, ulong iova, ulong length)
    {
        Debug.Assert(length != 0, "what was let through has bytes");
        ulong first = (iova - table->ApertureBase) >> (int)table->WindowShift;
        ulong last = (iova - table->ApertureBase + (length - 1)) >> (int)table->WindowShift;
        for (ulong window = first; window <= last; window++)
        {
            counters->WindowHits[(byte)window]++;
        }
    }
}
