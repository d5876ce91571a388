// The 512-bit kernels: 8 elements a vector.
//
// Unsafe: see BatchTranslator.cs. In addition: gathers use indices cut to 8 bits, so they stay in the columns; register tables are
// loaded from whole columns, which have 256 entries.

using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace PamuFastPath;

internal static unsafe class Vector512Kernels
{
    private const byte AllLanes = 0xFF;

    /// <summary>
    /// Up to 16 windows. The delta column and an `end` column live in four registers, and one two-source permute looks up 8 elements. `end` is
    /// measured from the aperture's start and has the length folded in, so that one compare of the relative address with it checks
    /// aperture, validity, permission, the mapping's end and the length: an address outside the aperture is beyond every end.
    /// </summary>
    internal static void Registers<TLengths>(in BatchArguments batch, TLengths lengths)
        where TLengths : struct, IBatchLengths
    {
        if (HasMsi(batch))
        {
            Registers<TLengths, WithMsi>(batch, lengths);
        }
        else
        {
            Registers<TLengths, WithoutMsi>(batch, lengths);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Registers<TLengths, TMsi>(in BatchArguments batch, TLengths lengths)
        where TLengths : struct, IBatchLengths
        where TMsi : struct, IMsiChoice
    {
        TableHeader* table = batch.Table;
        Debug.Assert(table->WindowCount <= BatchKernels.RegisterWindowsMax, "the table fits four registers");
        ulong* iovas = batch.Iovas;
        ulong* targets = batch.Targets;
        byte* msiMask = batch.Msi;
        nuint count = batch.Count;

        Vector512<ulong> apertureBase = Vector512.Create(table->ApertureBase);
        Vector128<ulong> shift = Vector128.CreateScalar((ulong)table->WindowShift);
        Vector512<ulong> delta0 = Vector512.Load(batch.Delta);
        Vector512<ulong> delta1 = Vector512.Load(batch.Delta + 8);
        ulong foldedLength = TLengths.IsUniform ? lengths.At(0) : 1;
        Vector512<ulong> end0 = EndsFor(batch, 0, foldedLength);
        Vector512<ulong> end1 = EndsFor(batch, 8, foldedLength);
        Vector512<ulong> tagBits = Vector512.Create(TableLayout.MsiTagMask);

        for (nuint i = 0; i < count; i += 8)
        {
            Vector512<ulong> iova = Vector512.Load(iovas + i);
            Vector512<ulong> relative = iova - apertureBase;
            Vector512<ulong> index = Avx512F.ShiftRightLogical(relative, shift); // the permutes use its low 4 bits
            Vector512<ulong> end = Avx512F.PermuteVar8x64x2(end0, index, end1);
            Vector512<ulong> delta = Avx512F.PermuteVar8x64x2(delta0, index, delta1);
            Vector512<ulong> target;
            if (TMsi.IsPossible)
            {
                target = iova + (delta & ~tagBits);
            }
            else
            {
                target = iova + delta;
            }

            // With a uniform length the end has it folded in. Else the length is compared with the room up to the end, which is 0 for an address
            // beyond it. One compare either way: two would have to be joined, by way of vectors.
            Vector512<ulong> hit;
            if (TLengths.IsUniform)
            {
                hit = Vector512.LessThan(relative, end);
            }
            else
            {
                Vector512<ulong> lastByte = lengths.At512(i) - Vector512<ulong>.One; // a zero length becomes the largest of all
                hit = Vector512.LessThan(lastByte, Vector512.Max(end, relative) - relative);
            }

            byte hits = (byte)hit.ExtractMostSignificantBits();
            if (TMsi.IsPossible)
            {
                msiMask[i / 8] = (byte)((byte)~(delta & tagBits).Equals0Mask() & hits);
            }

            if (hits != AllLanes)
            {
                target = RefuseLanes(batch, i, relative, lengths.At512(i), target, hits);
            }

            target.Store(targets + i);
        }
    }

    /// <summary>
    /// Packed columns of 32-bit entries in 2 to 16 registers: two-source permutes over 32 entries each, joined by the index bits above.
    /// 16 elements a step.
    /// </summary>
    internal static void Packed<TLengths>(in BatchArguments batch, TLengths lengths, nuint first = 0)
        where TLengths : struct, IBatchLengths
    {
        switch (batch.Table->WindowCount)
        {
            case <= 32:
                Packed<TLengths, Lookup32>(batch, lengths, first);
                break;
            case <= 64:
                Packed<TLengths, Lookup64>(batch, lengths, first);
                break;
            case <= 128:
                Packed<TLengths, Lookup128>(batch, lengths, first);
                break;
            default:
                Packed<TLengths, Lookup256>(batch, lengths, first);
                break;
        }
    }

    private static void Packed<TLengths, TLookup>(in BatchArguments batch, TLengths lengths, nuint first)
        where TLengths : struct, IBatchLengths
        where TLookup : struct, ILookup
    {
        if (HasMsi(batch))
        {
            Packed<TLengths, TLookup, WithMsi>(batch, lengths, first);
        }
        else
        {
            Packed<TLengths, TLookup, WithoutMsi>(batch, lengths, first);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Packed<TLengths, TLookup, TMsi>(in BatchArguments batch, TLengths lengths, nuint first)
        where TLengths : struct, IBatchLengths
        where TLookup : struct, ILookup
        where TMsi : struct, IMsiChoice
    {
        TableHeader* table = batch.Table;
        Debug.Assert(table->TargetBase != ulong.MaxValue, "the table is packed");
        ulong* iovas = batch.Iovas;
        ulong* targets = batch.Targets;
        nuint count = batch.Count;
        TLookup lookup = default;
        lookup.Load(batch.Packed);

        var entries = new PackedEntries(table, lengths.At(0));
        Vector512<ulong> apertureBase = Vector512.Create(table->ApertureBase);
        Vector128<ulong> shift = Vector128.CreateScalar((ulong)table->WindowShift);
        Vector512<uint> msiMap = Vector512.Create(Vector256.Load(batch.MsiMap), Vector256.Load(batch.MsiMap));
        bool msiIsPacked = table->MsiIsPacked != 0;
        Vector512<uint> lowHalves = Vector512.Create(0u, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);

        // The aperture is naturally aligned: its base has no index bits, and bits above them, which it may have, are cut off.
        Vector512<uint> indexMask = Vector512.Create(table->WindowCount - 1);

        for (nuint i = first; i < count; i += 16)
        {
            Vector512<ulong> iova0 = Vector512.Load(iovas + i);
            Vector512<ulong> iova1 = Vector512.Load(iovas + i + 8);
            Vector512<uint> index = indexMask & Avx512F.PermuteVar16x32x2(
                Avx512F.ShiftRightLogical(iova0, shift).AsUInt32(),
                lowHalves,
                Avx512F.ShiftRightLogical(iova1, shift).AsUInt32());
            Vector512<uint> entry = lookup.Find(index);

            Vector512<ulong> entry0 = Avx512F.ConvertToVector512UInt64(entry.GetLower());
            byte hits0 = entries.Translate(iova0, entry0, lengths, i, out Vector512<ulong> target0);
            if (hits0 != AllLanes)
            {
                target0 = RefuseLanes(batch, i, iova0 - apertureBase, lengths.At512(i), target0, hits0);
            }

            target0.Store(targets + i);

            Vector512<ulong> entry1 = Avx512F.ConvertToVector512UInt64(entry.GetUpper());
            byte hits1 = entries.Translate(iova1, entry1, lengths, i + 8, out Vector512<ulong> target1);
            if (hits1 != AllLanes)
            {
                target1 = RefuseLanes(batch, i + 8, iova1 - apertureBase, lengths.At512(i + 8), target1, hits1);
            }

            target1.Store(targets + i + 8);

            if (TMsi.IsPossible)
            {
                uint messages = InMsiWindow(index, msiMap) & (hits0 | (uint)hits1 << 8);
                *(ushort*)(batch.Msi + i / 8) = (ushort)messages;
                if (messages != 0 && !msiIsPacked)
                {
                    SetMessageTargets(batch, i, (byte)messages, iova0);
                    SetMessageTargets(batch, i + 8, (byte)(messages >> 8), iova1);
                }
            }
        }
    }

    /// <summary>The elements whose windows are MSI windows, by the 256-bit map.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint InMsiWindow(Vector512<uint> index, Vector512<uint> msiMap)
    {
        Vector512<uint> word = Avx512F.PermuteVar16x32(msiMap, Vector512.ShiftRightLogical(index, 5)); // 8 words, twice; 4 bits choose
        Vector512<uint> bit = Avx512F.ShiftLeftLogicalVariable(Vector512<uint>.One, index & Vector512.Create(31u));
        return ~(uint)Vector512.Equals(word & bit, Vector512<uint>.Zero).ExtractMostSignificantBits() & 0xFFFF;
    }

    /// <summary>Targets of messages whose pages lie too far from RAM for a packed frame. Rare, so one by one.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void SetMessageTargets(in BatchArguments batch, nuint i, byte messages, Vector512<ulong> iova)
    {
        ulong* iovas = stackalloc ulong[Vector512<ulong>.Count];
        iova.Store(iovas);
        batch.SetMessageTargets(i, messages, iovas);
    }

    /// <summary>Any table: both columns gathered, 8 elements at a time.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Gather<TLengths>(in BatchArguments batch, TLengths lengths)
        where TLengths : struct, IBatchLengths
    {
        TableHeader* table = batch.Table;
        ulong* delta = batch.Delta;
        ulong* ends = batch.Ends;
        Vector512<ulong> apertureBase = Vector512.Create(table->ApertureBase);
        Vector128<ulong> shift = Vector128.CreateScalar((ulong)table->WindowShift);
        Vector512<ulong> tagBits = Vector512.Create(TableLayout.MsiTagMask);

        for (nuint i = 0; i < batch.Count; i += 8)
        {
            Vector512<ulong> iova = Vector512.Load(batch.Iovas + i);
            Vector512<ulong> relative = iova - apertureBase;
            Vector512<ulong> index = Avx512F.ShiftRightLogical(relative, shift) & Vector512.Create(0xFFUL);
            Vector512<ulong> end = Gather8(ends, index);
            Vector512<ulong> entry = Gather8(delta, index);
            Vector512<ulong> length = lengths.At512(i);
            Vector512<ulong> hit = Vector512.LessThan(relative, end) & Vector512.LessThan(length - Vector512<ulong>.One, end - relative);
            byte hits = (byte)hit.ExtractMostSignificantBits();
            Vector512<ulong> target = iova + (entry & ~tagBits);
            batch.Msi[i / 8] = (byte)((byte)~(entry & tagBits).Equals0Mask() & hits);
            if (hits != AllLanes)
            {
                target = RefuseLanes(batch, i, relative, length, target, hits);
            }

            target.Store(batch.Targets + i);
        }
    }

    /// <summary>.NET offers no 512-bit gather; two 256-bit ones are what the processor would make of it anyway.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Gather8(ulong* column, Vector512<ulong> index) => Vector512.Create(
        Avx2.GatherVector256(column, index.GetLower().AsInt64(), 8),
        Avx2.GatherVector256(column, index.GetUpper().AsInt64(), 8));

    /// <summary>Lanes that are no hit: crossing or refused, all ones either way. The two masks are 0 where this is not called.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<ulong> RefuseLanes(
        in BatchArguments batch, nuint i, Vector512<ulong> relative, Vector512<ulong> length, Vector512<ulong> target, byte hits)
    {
        TableHeader* table = batch.Table;
        Vector512<ulong> windowMask = Vector512.Create((1UL << (int)table->WindowShift) - 1);
        Vector512<ulong> lastByte = length - Vector512<ulong>.One;
        Vector512<ulong> crosses = Vector512.LessThanOrEqual(relative, Vector512.Create(table->ApertureLast - table->ApertureBase))
            & Vector512.GreaterThan(lastByte, windowMask - (relative & windowMask))
            & ~Vector512.Equals(length, Vector512<ulong>.Zero);
        byte cross = (byte)((byte)crosses.ExtractMostSignificantBits() & ~hits);
        batch.Cross[i / 8] = cross;
        batch.Fault[i / 8] = (byte)~(hits | cross);

        // The lanes' bits as a vector again, rather than the compare's own result: kept alive for this rare path, that result would be moved
        // from its mask register to a vector and back on the common one.
        Vector512<ulong> laneBits = Vector512.Create(1UL, 2, 4, 8, 16, 32, 64, 128);
        return target | Vector512.Equals(Vector512.Create((ulong)hits) & laneBits, Vector512<ulong>.Zero);
    }

    /// <summary>
    /// The ends with `length - 1` taken off, so that a relative address below the result may be accessed with that length: the window's own
    /// start if it may not. Entries beyond the window count have their would-be start, and no address below it has their index.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> EndsFor(in BatchArguments batch, int first, ulong length)
    {
        Vector512<ulong> end = Vector512.Load(batch.Ends + first);
        Vector512<ulong> start = Avx512F.ShiftLeftLogical(
            Vector512.Create(0UL, 1, 2, 3, 4, 5, 6, 7) + Vector512.Create((ulong)first), Vector128.CreateScalar((ulong)batch.Table->WindowShift));
        Vector512<ulong> fits = Vector512.GreaterThanOrEqual(end - start, Vector512.Create(length)) & Vector512.GreaterThan(end, start);
        return Vector512.ConditionalSelect(fits, end - Vector512.Create(length - 1), start);
    }

    internal static bool HasMsi(in BatchArguments batch) =>
        (Vector256.Load(batch.MsiMap) & Vector256<uint>.AllBitsSet) != Vector256<uint>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Equals0Mask(this Vector512<ulong> value) =>
        (uint)Vector512.Equals(value, Vector512<ulong>.Zero).ExtractMostSignificantBits();

    internal interface IMsiChoice
    {
        static abstract bool IsPossible { get; }
    }

    internal struct WithMsi : IMsiChoice
    {
        public static bool IsPossible => true;
    }

    internal struct WithoutMsi : IMsiChoice
    {
        public static bool IsPossible => false;
    }

    /// <summary>A packed column in registers.</summary>
    private interface ILookup
    {
        void Load(uint* column);

        /// <summary>The entries of 16 indices; only the bits the column needs are used.</summary>
        Vector512<uint> Find(Vector512<uint> index);
    }

    private struct Lookup32 : ILookup
    {
        private Vector512<uint> _low;
        private Vector512<uint> _high;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Load(uint* column)
        {
            _low = Vector512.Load(column);
            _high = Vector512.Load(column + 16);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Vector512<uint> Find(Vector512<uint> index) => Avx512F.PermuteVar16x32x2(_low, index, _high);
    }

    private struct Lookup64 : ILookup
    {
        private Lookup32 _low;
        private Lookup32 _high;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Load(uint* column)
        {
            _low.Load(column);
            _high.Load(column + 32);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Vector512<uint> Find(Vector512<uint> index) => Choose(index, 32, _high.Find(index), _low.Find(index));
    }

    private struct Lookup128 : ILookup
    {
        private Lookup64 _low;
        private Lookup64 _high;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Load(uint* column)
        {
            _low.Load(column);
            _high.Load(column + 64);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Vector512<uint> Find(Vector512<uint> index) => Choose(index, 64, _high.Find(index), _low.Find(index));
    }

    private struct Lookup256 : ILookup
    {
        private Lookup128 _low;
        private Lookup128 _high;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Load(uint* column)
        {
            _low.Load(column);
            _high.Load(column + 128);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Vector512<uint> Find(Vector512<uint> index) => Choose(index, 128, _high.Find(index), _low.Find(index));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Choose(Vector512<uint> index, uint bit, Vector512<uint> ifSet, Vector512<uint> ifClear) =>
        Vector512.ConditionalSelect(Vector512.Equals(index & Vector512.Create(bit), Vector512<uint>.Zero), ifClear, ifSet);
}
