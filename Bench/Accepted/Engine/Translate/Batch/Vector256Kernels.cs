// The 256-bit kernels: 4 elements a vector, 8 a step.
//
// Unsafe: see BatchTranslator.cs. In addition: gathers use indices cut to 8 bits, so they stay in the columns; register tables are
// loaded from whole columns, which have 256 entries.
//
// AVX2 compares signed only. The register kernel keeps everything it compares below 2^63: window indices are shifted right by at least 12,
// offsets and limits are below 2^62 (BatchKernels.CanRun), and lengths are cut to 2^62, which no limit reaches (BatchTranslator).

using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace PamuFastPath;

internal static unsafe class Vector256Kernels
{
    /// <summary>Up to 16 windows: the packed column in two registers, a permute of each, and a blend by the fourth index bit.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Registers<TLengths>(in BatchArguments batch, TLengths lengths)
        where TLengths : struct, IBatchLengths
    {
        TableHeader* table = batch.Table;
        Debug.Assert(table->WindowCount <= BatchKernels.RegisterWindowsMax && table->WindowShift <= BatchKernels.WindowShiftMax, "CanRun");
        ulong* iovas = batch.Iovas;
        ulong* targets = batch.Targets;
        nuint count = batch.Count;
        bool hasMsi = HasMsi(batch);

        Vector256<ulong> apertureBase = Vector256.Create(table->ApertureBase);
        Vector256<ulong> windowMask = Vector256.Create((1UL << (int)table->WindowShift) - 1);
        Vector128<ulong> shift = Vector128.CreateScalar((ulong)table->WindowShift);
        Vector256<ulong> targetBase = Vector256.Create(table->TargetBase);
        Vector256<uint> entries0 = Vector256.Load(batch.Packed);
        Vector256<uint> entries1 = Vector256.Load(batch.Packed + 8);
        Vector256<ulong> uniform = TLengths.IsUniform ? lengths.At256(0) : default;

        for (nuint i = 0; i < count; i += 8)
        {
            Vector256<ulong> iova0 = Vector256.Load(iovas + i);
            Vector256<ulong> iova1 = Vector256.Load(iovas + i + 4);
            Vector256<ulong> relative0 = iova0 - apertureBase;
            Vector256<ulong> relative1 = iova1 - apertureBase;
            Vector256<ulong> index0 = Avx2.ShiftRightLogical(relative0, shift);
            Vector256<ulong> index1 = Avx2.ShiftRightLogical(relative1, shift);

            // Low halves, in the order 0 1 4 5 2 3 6 7, which the two unpacks below undo.
            Vector256<uint> index = Avx.Shuffle(index0.AsSingle(), index1.AsSingle(), 0b10_00_10_00).AsUInt32();
            Vector256<float> isHigh = Vector256.ShiftLeft(index, 28).AsSingle(); // index bit 3 becomes the sign
            Vector256<uint> entry = Avx.BlendVariable(
                Avx2.PermuteVar8x32(entries0, index).AsSingle(), Avx2.PermuteVar8x32(entries1, index).AsSingle(), isHigh).AsUInt32();

            Vector256<ulong> length0 = TLengths.IsUniform ? uniform : lengths.At256(i);
            Vector256<ulong> length1 = TLengths.IsUniform ? uniform : lengths.At256(i + 4);
            Vector256<ulong> entry0 = Avx2.UnpackLow(entry, Vector256<uint>.Zero).AsUInt64();
            Vector256<ulong> entry1 = Avx2.UnpackHigh(entry, Vector256<uint>.Zero).AsUInt64();
            Vector256<ulong> miss0 = Miss(relative0, index0, entry0, length0, windowMask, targetBase, out Vector256<ulong> target0);
            Vector256<ulong> miss1 = Miss(relative1, index1, entry1, length1, windowMask, targetBase, out Vector256<ulong> target1);
            if (!TLengths.IsUniform)
            {
                miss0 |= Vector256.Equals(length0, Vector256<ulong>.Zero);
                miss1 |= Vector256.Equals(length1, Vector256<ulong>.Zero);
            }

            uint hits = 0xFF;
            if ((miss0 | miss1) != Vector256<ulong>.Zero)
            {
                hits = ~(miss0.ExtractMostSignificantBits() | (miss1.ExtractMostSignificantBits() << 4)) & 0xFF;
                MarkRefused(batch, i, relative0, relative1, lengths, hits);
                target0 |= miss0;
                target1 |= miss1;
            }

            target0.Store(targets + i);
            target1.Store(targets + i + 4);
            if (hasMsi)
            {
                MarkMessages(batch, i, index, hits, iova0, iova1);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Miss(
        Vector256<ulong> relative,
        Vector256<ulong> index,
        Vector256<ulong> entry,
        Vector256<ulong> length,
        Vector256<ulong> windowMask,
        Vector256<ulong> targetBase,
        out Vector256<ulong> target)
    {
        Vector256<ulong> offset = relative & windowMask;
        Vector256<ulong> limit = Avx2.ShiftLeftLogicalVariable(
            Vector256.Create(4096UL), entry & Vector256.Create((1UL << TableLayout.PackedSizeBits) - 1)); // 4096 << 63 is 0
        Vector256<ulong> frame = Vector256.ShiftLeft(entry, 12 - TableLayout.PackedSizeBits) & Vector256.Create(~0xFFFUL);
        target = frame + targetBase + offset;
        return (Avx2.CompareGreaterThan(index.AsInt64(), Vector256.Create((long)BatchKernels.RegisterWindowsMax - 1))
            | Avx2.CompareGreaterThan((offset + length).AsInt64(), limit.AsInt64())).AsUInt64();
    }

    /// <summary>
    /// Finds the elements in MSI windows by the map, and gives them their targets from the delta column if the message pages do not lie
    /// within the packed frames' span.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MarkMessages(
        in BatchArguments batch, nuint i, Vector256<uint> index, uint hits, Vector256<ulong> iova0, Vector256<ulong> iova1)
    {
        // Up to 16 windows, one word of the map: bit `index` of it becomes the sign.
        Vector256<uint> sign = Avx2.ShiftLeftLogicalVariable(
            Vector256.Create(batch.MsiMap[0]), Vector256.Create(31u) - (index & Vector256.Create(15u)));
        uint shuffled = sign.ExtractMostSignificantBits();
        uint messages = ((shuffled & 0b1100_0011) | ((shuffled & 0b0000_1100) << 2) | ((shuffled & 0b0011_0000) >> 2)) & hits;
        batch.Msi[i / 8] = (byte)messages;
        if (messages != 0 && batch.Table->MsiIsPacked == 0)
        {
            FixMessages(batch, i, messages, iova0, iova1);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FixMessages(in BatchArguments batch, nuint i, uint messages, Vector256<ulong> iova0, Vector256<ulong> iova1)
    {
        ulong* iovas = stackalloc ulong[8];
        iova0.Store(iovas);
        iova1.Store(iovas + 4);
        batch.SetMessageTargets(i, messages, iovas);
    }

    /// <summary>Any table: both columns gathered.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Gather<TLengths>(in BatchArguments batch, TLengths lengths)
        where TLengths : struct, IBatchLengths
    {
        TableHeader* table = batch.Table;
        ulong* delta = batch.Delta;
        ulong* ends = batch.Ends;
        Vector256<ulong> apertureBase = Vector256.Create(table->ApertureBase);
        Vector128<ulong> shift = Vector128.CreateScalar((ulong)table->WindowShift);
        Vector256<ulong> tagBits = Vector256.Create(TableLayout.MsiTagMask);

        for (nuint i = 0; i < batch.Count; i += 8)
        {
            Vector256<ulong> iova0 = Vector256.Load(batch.Iovas + i);
            Vector256<ulong> iova1 = Vector256.Load(batch.Iovas + i + 4);
            uint hits = Half(iova0, lengths.At256(i), out Vector256<ulong> target0, out uint messages0)
                | (Half(iova1, lengths.At256(i + 4), out Vector256<ulong> target1, out uint messages1) << 4);
            if (hits != 0xFF)
            {
                MarkRefused(batch, i, iova0 - apertureBase, iova1 - apertureBase, lengths, hits);
            }

            batch.Msi[i / 8] = (byte)(messages0 | (messages1 << 4));
            target0.Store(batch.Targets + i);
            target1.Store(batch.Targets + i + 4);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        uint Half(Vector256<ulong> iova, Vector256<ulong> length, out Vector256<ulong> target, out uint messages)
        {
            Vector256<ulong> relative = iova - apertureBase;
            Vector256<long> index = (Avx2.ShiftRightLogical(relative, shift) & Vector256.Create(0xFFUL)).AsInt64();
            Vector256<ulong> end = Avx2.GatherVector256(ends, index, 8);
            Vector256<ulong> entry = Avx2.GatherVector256(delta, index, 8);
            Vector256<ulong> hit = Vector256.LessThan(relative, end) & Vector256.LessThan(length - Vector256<ulong>.One, end - relative);
            target = (iova + (entry & ~tagBits)) | ~hit;
            messages = (hit & ~Vector256.Equals(entry & tagBits, Vector256<ulong>.Zero)).ExtractMostSignificantBits();
            return hit.ExtractMostSignificantBits();
        }
    }

    /// <summary>Tells crossing from refused elements of a step. The two masks are 0 where this is not called.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MarkRefused<TLengths>(
        in BatchArguments batch, nuint i, Vector256<ulong> relative0, Vector256<ulong> relative1, TLengths lengths, uint hits)
        where TLengths : struct, IBatchLengths
    {
        uint cross = (Crossing(batch.Table, relative0, lengths.At256(i)) | (Crossing(batch.Table, relative1, lengths.At256(i + 4)) << 4)) & ~hits;
        batch.Cross[i / 8] = (byte)cross;
        batch.Fault[i / 8] = (byte)~(hits | cross);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Crossing(TableHeader* table, Vector256<ulong> relative, Vector256<ulong> length)
    {
        Vector256<ulong> windowMask = Vector256.Create((1UL << (int)table->WindowShift) - 1);
        return (Vector256.LessThanOrEqual(relative, Vector256.Create(table->ApertureLast - table->ApertureBase))
            & Vector256.GreaterThan(length - Vector256<ulong>.One, windowMask - (relative & windowMask))
            & ~Vector256.Equals(length, Vector256<ulong>.Zero)).ExtractMostSignificantBits();
    }

    private static bool HasMsi(in BatchArguments batch) => Vector256.Load(batch.MsiMap) != Vector256<uint>.Zero;
}
