// Counting batches: from what the kernel answered, an addition or two for each batch, and a look at single elements only where they are refused or
// hit an MSI page.
//
// Unsafe: writes counter blocks and reads table images; the invariants of AccessCounter.cs hold.

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace PamuFastPath.Diagnostics;

internal static unsafe class BatchCounter
{
    /// <summary>The element that stands for the window of all, another each time; -1 if nobody counts or there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int SampleAt(nuint section, int count) => section == 0 || count == 0
        ? -1
        : (int)(((ulong)((uint)AccessCounter.Untagged(section)->Hits * 0x9E37_79B1u) * (uint)count) >> 32);

    /// <summary>Counts a batch of one length, of which every element goes to memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void CountHits(nuint section, ulong count, ulong length, DmaAccess access, ulong sample)
    {
        ReaderCounters* counters = AccessCounter.Untagged(section);
        counters->Hits += count;
        counters->Bytes[(int)access & 1] += count * length;
        counters->LastIova = sample;
    }

    /// <summary>A batch, counted. The same answer as <see cref="BatchTranslator"/> gives.</summary>
    internal static BatchResult Translate(nuint section, TableHeader* table, in Batch batch, BatchKernel? kernel)
    {
        if ((section & AccessCounter.WindowsTag) != 0)
        {
            return TranslateEach(section, table, batch, kernel);
        }

        int at = SampleAt(section, batch.Iovas.Length);
        ulong sample = at < 0 ? 0 : batch.Iovas[at];
        BatchResult result = batch.Run(table, kernel);
        Count(section, table, batch, at, sample, result);
        return result;
    }

    /// <summary>A batch whose windows are counted too: each element by itself. The same answer as <see cref="BatchTranslator"/> gives.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static BatchResult TranslateEach(nuint section, TableHeader* table, in Batch batch, BatchKernel? kernel)
    {
        // Before the kernel runs, since that may overwrite the IOVAs, and after the spans were found good, since a batch that throws is none.
        BatchTranslator.Check(table, batch, kernel);
        CountEach(section, table, batch);
        return batch.Run(table, kernel);
    }

    /// <summary>Counts any batch, from its results.</summary>
    /// <param name="section">Where.</param>
    /// <param name="table">The section's table.</param>
    /// <param name="batch">The batch; its IOVAs are gone if it was translated in place.</param>
    /// <param name="at">What <see cref="SampleAt"/> answered before.</param>
    /// <param name="sample">The IOVA that stood there.</param>
    /// <param name="result">The batch's result.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Count(nuint section, TableHeader* table, in Batch batch, int at, ulong sample, in BatchResult result)
    {
        if (at < 0)
        {
            return;
        }

        ReaderCounters* counters = AccessCounter.Untagged(section);
        Count(counters, table, batch, result);
        if (result.DmaCount == batch.Iovas.Length || batch.IsMemoryHit(at))
        {
            counters->LastIova = sample;
        }
    }

    private static void CountEach(nuint section, TableHeader* table, in Batch batch)
    {
        for (int i = 0; i < batch.Iovas.Length; i++)
        {
            Translation answer = Translator.Translate(table, batch.Iovas[i], batch.LengthOf(i), batch.Access);
            AccessCounter.Count(section, table, batch.Iovas[i], batch.LengthOf(i), batch.Access, answer);
        }
    }

    private static void Count(ReaderCounters* counters, TableHeader* table, in Batch batch, in BatchResult result)
    {
        counters->Hits += (ulong)result.DmaCount;
        if (result.DmaCount != 0)
        {
            counters->Bytes[(int)batch.Access & 1] += batch.HasLengths ? BytesOfHits(batch, result) : (ulong)result.DmaCount * batch.Length;
        }

        if (result.DmaCount != batch.Iovas.Length)
        {
            counters->Crosses += (ulong)result.CrossCount;
            CountFaults(counters, table, batch, result.FaultCount);
            CountMessages(counters, table, batch, result.MsiCount);
        }
    }

    private static ulong BytesOfHits(in Batch batch, in BatchResult result)
    {
        ulong sum = Sum(batch.Lengths);
        for (int word = 0; result.DmaCount != batch.Iovas.Length && word * 64 < batch.Iovas.Length; word++)
        {
            for (ulong others = batch.Faults[word] | batch.Crosses[word] | batch.Messages[word]; others != 0; others &= others - 1)
            {
                sum -= batch.Lengths[word * 64 + BitOperations.TrailingZeroCount(others)];
            }
        }

        return sum;
    }

    private static ulong Sum(ReadOnlySpan<uint> lengths)
    {
        // Pairs of lengths as one element: the lower ones and the upper ones are added by themselves.
        ReadOnlySpan<ulong> pairs = MemoryMarshal.Cast<uint, ulong>(lengths);
        Vector512<ulong> lower = Vector512<ulong>.Zero;
        Vector512<ulong> upper = Vector512<ulong>.Zero;
        int i = 0;
        for (; i <= pairs.Length - Vector512<ulong>.Count; i += Vector512<ulong>.Count)
        {
            Vector512<ulong> step = Vector512.Create(pairs.Slice(i, Vector512<ulong>.Count));
            lower += step & Vector512.Create((ulong)uint.MaxValue);
            upper += step >>> 32;
        }

        ulong sum = Vector512.Sum(lower) + Vector512.Sum(upper);
        foreach (uint length in lengths[(2 * i)..])
        {
            sum += length;
        }

        return sum;
    }

    private static void CountFaults(ReaderCounters* counters, TableHeader* table, in Batch batch, int count)
    {
        if (table->Refusal != 0)
        {
            counters->Faults[table->Refusal] += (ulong)count;
            return;
        }

        if (batch.IsInPlace)
        {
            counters->Faults[(int)FaultKind.None] += (ulong)count; // the IOVAs are gone
            return;
        }

        for (int word = 0; count > 0; word++)
        {
            for (ulong faults = batch.Faults[word]; faults != 0; faults &= faults - 1, count--)
            {
                int i = word * 64 + BitOperations.TrailingZeroCount(faults);
                counters->Faults[(int)Translator.Explain(table, batch.Iovas[i], batch.LengthOf(i), batch.Access).Fault]++;
            }
        }
    }

    /// <summary>
    /// Tells the banks of messages apart by the pages of their targets, which are there even if the IOVAs are not. Two banks of one page are one.
    /// </summary>
    private static void CountMessages(ReaderCounters* counters, TableHeader* table, in Batch batch, int count)
    {
        if (count == 0)
        {
            return;
        }

        Span<(ulong Page, int Bank)> pages = stackalloc (ulong, int)[TableLayout.WindowCountMax];
        int pageCount = 0;
        bool isOneBank = true;
        uint* map = (uint*)((byte*)table + TableLayout.MsiMapOffset);
        for (int window = 0; window < (int)table->WindowCount; window++)
        {
            if ((map[window / 32] >> (window % 32) & 1) != 0)
            {
                ulong delta = *(ulong*)((byte*)table + TableLayout.DeltaOffset + window * sizeof(ulong));
                ulong start = table->ApertureBase + ((ulong)window << (int)table->WindowShift);
                pages[pageCount++] = (start + (delta & ~TableLayout.MsiTagMask), (int)(delta & TableLayout.MsiTagMask) - 1);
                isOneBank &= pages[pageCount - 1].Bank == pages[0].Bank;
            }
        }

        ulong* hits = ReaderCounters.MsiHitsOf(counters);
        if (isOneBank)
        {
            hits[pages[0].Bank] += (ulong)count;
            return;
        }

        for (int word = 0; count > 0; word++)
        {
            for (ulong messages = batch.Messages[word]; messages != 0; messages &= messages - 1, count--)
            {
                ulong page = batch.Targets[word * 64 + BitOperations.TrailingZeroCount(messages)] & ~TableLayout.MsiTagMask;
                int at = 0;
                while (pages[at].Page != page)
                {
                    at++;
                }

                hits[pages[at].Bank]++;
            }
        }
    }
}
