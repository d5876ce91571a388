// What 512-bit kernels do with the packed entries they looked up.

using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace PamuFastPath;

/// <summary>The arithmetic on packed entries, with what it needs of a table and a uniform length in vectors.</summary>
internal readonly unsafe struct PackedEntries
{
    private readonly Vector512<ulong> _apertureBase;
    private readonly Vector512<ulong> _offsetMask;
    private readonly Vector512<ulong> _lastByteMax;
    private readonly Vector512<ulong> _uniformLastByte;
    private readonly Vector512<ulong> _targetBase;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal PackedEntries(TableHeader* table, ulong uniformLength)
    {
        // The aperture is naturally aligned, so an exclusive or with its base is as good as a subtraction. It leaves, but for the window index,
        // the offset, and for an address outside the aperture a bit above it, which is beyond any limit. So one compare checks aperture,
        // mapping and length. Adding a length of at most a window, which no mapping exceeds, cannot wrap, since there is an index bit that is
        // 0: these kernels do not take a single window.
        Debug.Assert(table->WindowCount >= BatchKernels.PackedWindowsMin, "there is an index bit");
        int shift = (int)table->WindowShift;
        Debug.Assert((table->ApertureBase & (table->ApertureLast - table->ApertureBase)) == 0, "the aperture is naturally aligned");
        _apertureBase = Vector512.Create(table->ApertureBase);
        _offsetMask = Vector512.Create(~((ulong)(table->WindowCount - 1) << shift));
        _lastByteMax = Vector512.Create(1UL << shift);
        _uniformLastByte = Vector512.Create(Math.Min(uniformLength - 1, 1UL << shift));
        _targetBase = Vector512.Create(table->TargetBase);
    }

    /// <summary>Translates 8 addresses.</summary>
    /// <param name="iova">The addresses.</param>
    /// <param name="entry">Their windows' packed entries in the low halves of the lanes; the high halves do not matter.</param>
    /// <param name="lengths">The batch's lengths.</param>
    /// <param name="at">The first of the 8 elements.</param>
    /// <param name="target">Where they go; means nothing for one that is no hit.</param>
    /// <returns>A bit for each that is a hit.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte Translate<TLengths>(
        Vector512<ulong> iova, Vector512<ulong> entry, TLengths lengths, nuint at, out Vector512<ulong> target)
        where TLengths : struct, IBatchLengths
    {
        const ulong FrameMask = (1UL << TableLayout.PackedFrameBits) - 1;
        Vector512<ulong> offset = (iova ^ _apertureBase) & _offsetMask;
        Vector512<ulong> size = entry & Vector512.Create((1UL << TableLayout.PackedSizeBits) - 1);
        Vector512<ulong> limit = Avx512F.ShiftLeftLogicalVariable(Vector512.Create(4096UL), size); // 4096 << 63 is 0
        Vector512<ulong> frame = Vector512.ShiftLeft(entry, 12 - TableLayout.PackedSizeBits) & Vector512.Create(FrameMask << 12);
        target = frame + (_targetBase + offset);

        Vector512<ulong> lastByte = TLengths.IsUniform
            ? _uniformLastByte
            : Vector512.Min(lengths.At512(at) - Vector512<ulong>.One, _lastByteMax); // a zero length becomes the largest of all
        return (byte)Vector512.LessThan(offset + lastByte, limit).ExtractMostSignificantBits();
    }
}
