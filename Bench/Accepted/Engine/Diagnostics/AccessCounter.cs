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
    /// <summary>Added to the address of a section's counters if windows are counted too.</summary>
    internal const uint WindowsTag = 1;

    /// <summary>
    /// Where a section counts, looked up once when it is entered: 0 for nowhere, else the address of its counters and <see cref="WindowsTag"/>. A switch
    /// therefore takes effect in the next section, and nothing but a test of a register or of the stack is left of counting while it is off.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static nuint Of(ReaderSlot* slot, TableHeader* table)
    {
        nuint first = (nuint)Volatile.Read(ref *(nint*)&slot->Counters); // acquire: pairs with the release in CounterBook.Show
        return first == 0 ? 0 : first + table->CountersOffset + slot->CountsWindows;
    }

    /// <summary>
    /// One access, counted if the section is. What nearly every access needs is inline; a refusal, a message and whatever else is to be
    /// counted share one call, so that hits keep no registers for it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Translation Translate(nuint counters, TableHeader* table, ulong iova, ulong length, DmaAccess access)
    {
        if (Translator.IsHit(table, iova, length, access, out byte* entry))
        {
            Translation hit = Translation.Hit(iova, *(ulong*)(entry + TableLayout.DeltaOffset));
            if (counters == 0)
            {
                return hit;
            }

            if ((hit.Code | ((uint)counters & WindowsTag)) == 0)
            {
                AddHit((ReaderCounters*)counters, iova, length, access);
                return hit;
            }
        }

        return TranslateOther(counters, table, iova, length, access);
    }

    /// <summary>The same for every answer.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Translation TranslateOther(nuint counters, TableHeader* table, ulong iova, ulong length, DmaAccess access)
    {
        Translation answer = Translator.Translate(table, iova, length, access);
        if (counters != 0)
        {
            Count(counters, table, iova, length, access, answer);
        }

        return answer;
    }

    /// <summary>The counters without the tag.</summary>
    internal static ReaderCounters* Untagged(nuint counters) => (ReaderCounters*)(counters & ~(nuint)WindowsTag);

    /// <summary>Counts one answer.</summary>
    internal static void Count(nuint section, TableHeader* table, ulong iova, ulong length, DmaAccess access, Translation answer)
    {
        ReaderCounters* counters = Untagged(section);
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

        CountWindows(section, table, iova, length);
    }

    /// <summary>Counts a piece of a port's access; see <see cref="ReaderSection.CountMemory"/>.</summary>
    internal static void CountMemory(nuint section, TableHeader* table, ulong iova, ulong length, DmaAccess access, bool isFirst)
    {
        ReaderCounters* counters = Untagged(section);
        counters->Hits += isFirst ? 1u : 0u;
        counters->Bytes[(int)access & 1] += length;
        counters->LastIova = iova;
        CountWindows(section, table, iova, length);
    }

    internal static void CountMsi(nuint section, TableHeader* table, int bank, ulong iova, ulong length)
    {
        ReaderCounters.MsiHitsOf(Untagged(section))[bank]++;
        CountWindows(section, table, iova, length);
    }

    internal static void CountFault(nuint section, FaultKind kind) => Untagged(section)->Faults[(int)kind]++;

    /// <summary>Counts a range that was answered completely. One that only asked how many segments it needs is asked again and counts then.</summary>
    internal static void CountRange(
        nuint section, TableHeader* table, ulong iova, ulong length, DmaAccess access, RangeTranslation answer, ReadOnlySpan<DmaSegment> segments)
    {
        ReaderCounters* counters = Untagged(section);
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

        CountWindows(section, table, iova, length);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddHit(ReaderCounters* counters, ulong iova, ulong length, DmaAccess access)
    {
        counters->Hits++;
        counters->Bytes[(int)access & 1] += length;
        counters->LastIova = iova;
    }

    private static void CountWindows(nuint section, TableHeader* table, ulong iova, ulong length)
    {
        if ((section & WindowsTag) != 0)
        {
            AddToWindows(Untagged(section), table, iova, length);
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
