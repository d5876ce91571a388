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

    /// <summary>
    /// One access, counted if the reader is counted. What nearly every access needs is inline; a refusal, a message and whatever else is to be
    /// counted share one call, so that hits keep no registers for it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Translation Translate(ReaderSlot* slot, TableHeader* table, ulong iova, ulong length, DmaAccess access)
    {
        if (Translator.IsHit(table, iova, length, access, out byte* entry))
        {
            Translation hit = Translation.Hit(iova, *(ulong*)(entry + TableLayout.DeltaOffset));
            var first = (ReaderCounters*)Volatile.Read(ref *(nint*)&slot->Counters); // acquire: pairs with the release in CounterBook.Show
            if (first == null)
            {
                return hit;
            }

            if ((hit.Code | slot->CountsWindows) == 0)
            {
                AddHit((ReaderCounters*)((byte*)first + table->CountersOffset), iova, length, access);
                return hit;
            }
        }

        return TranslateOther(slot, table, iova, length, access);
    }

    /// <summary>The same for every answer.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Translation TranslateOther(ReaderSlot* slot, TableHeader* table, ulong iova, ulong length, DmaAccess access)
    {
        Translation answer = Translator.Translate(table, iova, length, access);
        ReaderCounters* counters = Of(slot, table);
        if (counters != null)
        {
            Count(counters, slot->CountsWindows != 0, table, iova, length, access, answer);
        }

        return answer;
    }

    /// <summary>Counts one answer.</summary>
    internal static void Count(
        ReaderCounters* counters, bool countsWindows, TableHeader* table, ulong iova, ulong length, DmaAccess access, Translation answer)
    {
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

        if (countsWindows)
        {
            AddToWindows(counters, table, iova, length);
        }
    }

    /// <summary>Counts a piece of a port's access; see <see cref="ReaderSection.CountMemory"/>.</summary>
    internal static void CountMemory(ReaderSlot* slot, TableHeader* table, ulong iova, ulong length, DmaAccess access, bool isFirst)
    {
        ReaderCounters* counters = Of(slot, table);
        if (counters != null)
        {
            counters->Hits += isFirst ? 1u : 0u;
            counters->Bytes[(int)access & 1] += length;
            counters->LastIova = iova;
            if (slot->CountsWindows != 0)
            {
                AddToWindows(counters, table, iova, length);
            }
        }
    }

    internal static void CountMsi(ReaderSlot* slot, TableHeader* table, int bank, ulong iova, ulong length)
    {
        ReaderCounters* counters = Of(slot, table);
        if (counters != null)
        {
            ReaderCounters.MsiHitsOf(counters)[bank]++;
            if (slot->CountsWindows != 0)
            {
                AddToWindows(counters, table, iova, length);
            }
        }
    }

    internal static void CountFault(ReaderSlot* slot, TableHeader* table, FaultKind kind)
    {
        ReaderCounters* counters = Of(slot, table);
        if (counters != null)
        {
            counters->Faults[(int)kind]++;
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
