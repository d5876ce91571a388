// The 128-bit kernel: 2 elements a vector, 8 a step; portable, so it is also the path of ARM64.
//
// Unsafe: see BatchTranslator.cs. In addition: table entries are loaded by an index cut to 8 bits, so they stay in the columns.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace PamuFastPath;

internal static unsafe class Vector128Kernel
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Run<TLengths>(in BatchArguments batch, TLengths lengths)
        where TLengths : struct, IBatchLengths
    {
        TableHeader* table = batch.Table;
        ulong* delta = batch.Delta;
        ulong* ends = batch.Ends;
        int shift = (int)table->WindowShift;
        Vector128<ulong> apertureBase = Vector128.Create(table->ApertureBase);
        Vector128<ulong> apertureSpan = Vector128.Create(table->ApertureLast - table->ApertureBase);
        Vector128<ulong> windowMask = Vector128.Create((1UL << shift) - 1);
        Vector128<ulong> tagBits = Vector128.Create(TableLayout.MsiTagMask);

        for (nuint i = 0; i < batch.Count; i += 8)
        {
            uint hits = 0;
            uint messages = 0;
            uint crosses = 0;
            for (int pair = 0; pair < 8; pair += 2)
            {
                nuint at = i + (nuint)pair;
                Vector128<ulong> iova = Vector128.Load(batch.Iovas + at);
                Vector128<ulong> relative = iova - apertureBase;
                Vector128<ulong> index = Vector128.ShiftRightLogical(relative, shift);
                byte first = (byte)index.ToScalar();
                byte second = (byte)index.GetElement(1);
                Vector128<ulong> end = Vector128.Create(ends[first], ends[second]);
                Vector128<ulong> entry = Vector128.Create(delta[first], delta[second]);
                Vector128<ulong> length = lengths.At128(at);
                Vector128<ulong> lastByte = length - Vector128<ulong>.One; // a zero length becomes the largest of all
                Vector128<ulong> hit = Vector128.LessThan(relative, end) & Vector128.LessThan(lastByte, end - relative);
                Vector128<ulong> message = hit & ~Vector128.Equals(entry & tagBits, Vector128<ulong>.Zero);
                uint pairHits = hit.ExtractMostSignificantBits();
                if (pairHits != 0b11)
                {
                    Vector128<ulong> cross = Vector128.LessThanOrEqual(relative, apertureSpan)
                        & Vector128.GreaterThan(lastByte, windowMask - (relative & windowMask))
                        & ~Vector128.Equals(length, Vector128<ulong>.Zero);
                    crosses |= (cross.ExtractMostSignificantBits() & ~pairHits) << pair;
                }

                hits |= pairHits << pair;
                messages |= message.ExtractMostSignificantBits() << pair;
                ((iova + (entry & ~tagBits)) | ~hit).Store(batch.Targets + at);
            }

            batch.Msi[i / 8] = (byte)messages;
            batch.Cross[i / 8] = (byte)crosses;
            batch.Fault[i / 8] = (byte)~(hits | crosses);
        }
    }
}
