// The 512-bit kernel that looks entries up byte by byte: 64 elements a step.
//
// A byte permute looks up 64 indices at once, in tables of 128 bytes (two registers). So the packed column stands in registers as four
// planes, one per byte of its entries, and a few unpacks put the bytes of 64 entries together again: 24 shuffles where
// looking up whole entries takes 44.
//
// Unsafe: see BatchTranslator.cs. In addition: the planes are whole columns of 256 bytes; a step reads its IOVAs twice, the second time
// just before it writes the targets in their place.

using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace PamuFastPath;

internal static unsafe class Vector512BytesKernel
{
    /// <summary>Elements of one step: the bytes of a register.</summary>
    private const int Step = 64;

    private const byte AllLanes = 0xFF;

    internal static void Run<TLengths>(in BatchArguments batch, TLengths lengths)
        where TLengths : struct, IBatchLengths
    {
        nuint whole = batch.Count & ~(nuint)(Step - 1);
        if (whole != 0)
        {
            if (Vector512Kernels.HasMsi(batch))
            {
                Run<TLengths, Vector512Kernels.WithMsi>(batch, whole, lengths);
            }
            else
            {
                Run<TLengths, Vector512Kernels.WithoutMsi>(batch, whole, lengths);
            }
        }

        if (whole != batch.Count)
        {
            Vector512Kernels.Packed(batch, lengths, first: whole);
        }
    }

    private static void Run<TLengths, TMsi>(in BatchArguments batch, nuint count, TLengths lengths)
        where TLengths : struct, IBatchLengths
        where TMsi : struct, Vector512Kernels.IMsiChoice
    {
        switch (batch.Table->WindowCount)
        {
            case <= 64:
                Run<TLengths, TMsi, Planes64>(batch, count, lengths);
                break;
            case <= 128:
                Run<TLengths, TMsi, Planes128>(batch, count, lengths);
                break;
            default:
                Run<TLengths, TMsi, Planes256>(batch, count, lengths);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Run<TLengths, TMsi, TPlane>(in BatchArguments batch, nuint count, TLengths lengths)
        where TLengths : struct, IBatchLengths
        where TMsi : struct, Vector512Kernels.IMsiChoice
        where TPlane : struct, IPlane
    {
        TableHeader* table = batch.Table;
        Debug.Assert(table->TargetBase != ulong.MaxValue, "the table is packed");
        Debug.Assert(count % Step == 0, "whole steps");
        byte* planes = batch.Planes;
        TPlane plane0 = default, plane1 = default, plane2 = default, plane3 = default;
        plane0.Load(planes);
        plane1.Load(planes + TableLayout.WindowCountMax);
        plane2.Load(planes + 2 * TableLayout.WindowCountMax);
        plane3.Load(planes + 3 * TableLayout.WindowCountMax);

        var entries = new PackedEntries(table, lengths.At(0));
        Vector512<ulong> apertureBase = Vector512.Create(table->ApertureBase);
        Vector128<ulong> shift = Vector128.CreateScalar((ulong)table->WindowShift);

        // The aperture is naturally aligned: its base has no index bits, and bits above them, which it may have, are cut off.
        Vector512<byte> indexMask = Vector512.Create((byte)(table->WindowCount - 1));

        // No call may stand in this loop: it would send all registers to the stack and back.
        bool keepsIovas = TMsi.IsPossible && table->MsiIsPacked == 0;
        ulong* kept = stackalloc ulong[TMsi.IsPossible ? Step : 0];
        for (nuint i = 0; i < count; i += Step)
        {
            ulong* iovas = batch.Iovas + i;
            ulong* targets = batch.Targets + i;

            // Byte j of 64-bit lane q becomes the window index of element 8 * j + q.
            Vector512<ulong> joined = Append(default, iovas + 56, shift);
            joined = Append(joined, iovas + 48, shift);
            joined = Append(joined, iovas + 40, shift);
            joined = Append(joined, iovas + 32, shift);
            joined = Append(joined, iovas + 24, shift);
            joined = Append(joined, iovas + 16, shift);
            joined = Append(joined, iovas + 8, shift);
            Vector512<byte> index = Append(joined, iovas, shift).AsByte() & indexMask;

            Vector512<byte> byte0 = plane0.Find(index);
            Vector512<byte> byte1 = plane1.Find(index);
            Vector512<byte> byte2 = plane2.Find(index);
            Vector512<byte> byte3 = plane3.Find(index);

            // Each 128-bit lane holds two of the lanes q, an even one below an odd one: unpacking low takes the even, high the odd.
            Vector512<ushort> even01 = Avx512BW.UnpackLow(byte0, byte1).AsUInt16();
            Vector512<ushort> even23 = Avx512BW.UnpackLow(byte2, byte3).AsUInt16();
            Vector512<ushort> odd01 = Avx512BW.UnpackHigh(byte0, byte1).AsUInt16();
            Vector512<ushort> odd23 = Avx512BW.UnpackHigh(byte2, byte3).AsUInt16();
            Vector512<uint> even = Avx512BW.UnpackLow(even01, even23).AsUInt32(); // j = 0 to 3
            Vector512<uint> odd = Avx512BW.UnpackLow(odd01, odd23).AsUInt32();
            if (TMsi.IsPossible && keepsIovas)
            {
                Copy(iovas, kept);
            }

            ulong hits = Eight(batch, entries, i, 0, even, odd, apertureBase, lengths);
            hits |= Eight(batch, entries, i, 1, even, odd, apertureBase, lengths) << 8;
            hits |= Eight(batch, entries, i, 2, even, odd, apertureBase, lengths) << 16;
            hits |= Eight(batch, entries, i, 3, even, odd, apertureBase, lengths) << 24;

            even = Avx512BW.UnpackHigh(even01, even23).AsUInt32(); // j = 4 to 7
            odd = Avx512BW.UnpackHigh(odd01, odd23).AsUInt32();
            hits |= Eight(batch, entries, i, 4, even, odd, apertureBase, lengths) << 32;
            hits |= Eight(batch, entries, i, 5, even, odd, apertureBase, lengths) << 40;
            hits |= Eight(batch, entries, i, 6, even, odd, apertureBase, lengths) << 48;
            hits |= Eight(batch, entries, i, 7, even, odd, apertureBase, lengths) << 56;

            if (TMsi.IsPossible)
            {
                ulong messages = InMsiWindow(index, (byte*)batch.MsiMap) & hits;
                *(ulong*)(batch.Msi + i / 8) = messages;
                if (keepsIovas)
                {
                    batch.SetMessageTargets(i, messages, kept);
                }
            }
        }
    }

    /// <summary>Puts the window indices of 8 elements below those already joined, a byte in each lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Append(Vector512<ulong> joined, ulong* iovas, Vector128<ulong> shift)
    {
        Vector512<ulong> index = Avx512F.ShiftRightLogical(Vector512.Load(iovas), shift);
        return Vector512.ShiftLeft(joined, 8) | (index & Vector512.Create(0xFFUL));
    }

    /// <summary>Elements 8 * j to 8 * j + 7 of a step, whose entries stand at place j % 4 of the 128-bit lanes.</summary>
    /// <returns>A bit for each that is a hit.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Eight<TLengths>(
        in BatchArguments batch,
        in PackedEntries entries,
        nuint step,
        [ConstantExpected] int j,
        Vector512<uint> even,
        Vector512<uint> odd,
        Vector512<ulong> apertureBase,
        TLengths lengths)
        where TLengths : struct, IBatchLengths
    {
        // The upper half of each lane gets another entry, for which the arithmetic does not care.
        Vector512<uint> places = Vector512.Create(0u, 0, 16, 0, 4, 0, 20, 0, 8, 0, 24, 0, 12, 0, 28, 0) + Vector512.Create((uint)j & 3);
        Vector512<ulong> entry = Avx512F.PermuteVar16x32x2(even, places, odd).AsUInt64();
        nuint first = step + 8 * (nuint)j;
        Vector512<ulong> iova = Vector512.Load(batch.Iovas + first);
        byte hits = entries.Translate(iova, entry, lengths, first, out Vector512<ulong> target);
        if (hits != AllLanes)
        {
            target = Vector512Kernels.RefuseLanes(batch, first, iova - apertureBase, lengths.At512(first), target, hits);
        }

        target.Store(batch.Targets + first);
        return hits;
    }

    /// <summary>A bit for each element of a step whose window is an MSI window.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong InMsiWindow(Vector512<byte> index, byte* msiMap)
    {
        Vector512<byte> map = Vector256.Load(msiMap).ToVector512Unsafe(); // 32 bytes, and an index to them is less
        Vector512<byte> bits = Avx512Vbmi.PermuteVar64x8(map, Vector512.ShiftRightLogical(index, 3));
        Vector512<byte> bit = Avx512BW.Shuffle(Vector512.Create(0x8040201008040201UL).AsByte(), index & Vector512.Create((byte)7));
        ulong byLane = Vector512.Equals(bits & bit, bit).ExtractMostSignificantBits();
        return byLane == 0 ? 0 : Transposed(byLane);
    }

    /// <summary>Bit 8 * q + j becomes bit 8 * j + q: the 8 by 8 matrix is turned over its diagonal by blocks of 4, 2 and 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Transposed(ulong bits)
    {
        ulong swap = (bits ^ (bits >> 28)) & 0x0000_0000_F0F0_F0F0;
        bits ^= swap ^ (swap << 28);
        swap = (bits ^ (bits >> 14)) & 0x0000_CCCC_0000_CCCC;
        bits ^= swap ^ (swap << 14);
        swap = (bits ^ (bits >> 7)) & 0x00AA_00AA_00AA_00AA;
        return bits ^ swap ^ (swap << 7);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(ulong* from, ulong* to)
    {
        for (int i = 0; i < Step; i += Vector512<ulong>.Count)
        {
            Vector512.Load(from + i).Store(to + i);
        }
    }

    /// <summary>One byte of each packed entry, in registers.</summary>
    private interface IPlane
    {
        void Load(byte* plane);

        /// <summary>The bytes of 64 indices; only the bits the plane needs are used.</summary>
        Vector512<byte> Find(Vector512<byte> index);
    }

    private struct Planes64 : IPlane
    {
        private Vector512<byte> _bytes;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Load(byte* plane) => _bytes = Vector512.Load(plane);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Vector512<byte> Find(Vector512<byte> index) => Avx512Vbmi.PermuteVar64x8(_bytes, index);
    }

    private struct Planes128 : IPlane
    {
        private Vector512<byte> _low;
        private Vector512<byte> _high;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Load(byte* plane)
        {
            _low = Vector512.Load(plane);
            _high = Vector512.Load(plane + 64);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Vector512<byte> Find(Vector512<byte> index) => Avx512Vbmi.PermuteVar64x8x2(_low, index, _high);
    }

    private struct Planes256 : IPlane
    {
        private Planes128 _low;
        private Planes128 _high;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Load(byte* plane)
        {
            _low.Load(plane);
            _high.Load(plane + 128);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Vector512<byte> Find(Vector512<byte> index) => Avx512BW.BlendVariable(_low.Find(index), _high.Find(index), index);
    }
}
