// The scalar translation: the specification of every other path.
//
// Unsafe: reads the columns of an image through raw pointers. Invariants:
//   - `table` points at a whole image (TableBuilder) that stays alive for the call: the caller is inside a reader section;
//   - a window index is always taken modulo 256, and every column has 256 entries, so no IOVA, not even a mispredicted one,
//     can make a load leave the image;
//   - the access selects the limit column by its low bit only.

using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace PamuFastPath;

internal static unsafe class Translator
{
    /// <summary>
    /// One access. The fast path has one shape of check for everything: each window has an `end`, from the aperture's base, which is the
    /// window's own start if nothing may be accessed. An address in a window is never below its start, and one outside the aperture,
    /// whichever entry its cut index names, is beyond every end. So validity, permission, the mapping's end and the aperture are one compare.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Translation Translate(TableHeader* table, ulong iova, ulong length, DmaAccess access) =>
        IsHit(table, iova, length, access, out byte* entry)
            ? Translation.Hit(iova, *(ulong*)(entry + TableLayout.DeltaOffset))
            : Explain(table, iova, length, access);

    /// <summary>The check by itself. `entry` becomes the table plus the window's index in 64-bit entries: what column offsets are added to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsHit(TableHeader* table, ulong iova, ulong length, DmaAccess access, out byte* entry)
    {
        Debug.Assert(table->Magic == TableLayout.Magic, "the section's table is alive");

        ulong relative = iova - table->ApertureBase;
        entry = (byte*)table + (ulong)(byte)(relative >> (int)table->WindowShift) * sizeof(ulong);
        ulong end = *(ulong*)(entry + TableLayout.ReadEndOffset + (((nuint)access & 1) * TableLayout.ColumnBytes));

        // length - 1: a zero length becomes the largest of all and is refused here as well.
        return relative < end && length - 1 < end - relative;
    }

    /// <summary>
    /// Why an access is no hit. Checks in order: length, aperture, the window's end (crosses), the mapping, the direction, the
    /// mapping's end. Called only when the fast path refused; answers for accesses it would have let through are not defined here.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static Translation Explain(TableHeader* table, ulong iova, ulong length, DmaAccess access)
    {
        if (table->Refusal != 0)
        {
            return Translation.Refused((FaultKind)table->Refusal, iova);
        }

        if (length == 0)
        {
            return Translation.Refused(FaultKind.BadLength, iova);
        }

        ulong relative = iova - table->ApertureBase;
        if (relative > table->ApertureLast - table->ApertureBase)
        {
            return Translation.Refused(FaultKind.OutOfAperture, iova);
        }

        int shift = (int)table->WindowShift;
        int index = (byte)(relative >> shift);
        Debug.Assert(index < table->WindowCount, "an IOVA in the aperture has a window");
        ulong windowSize = 1UL << shift;
        ulong offset = relative & (windowSize - 1);
        if (length > windowSize - offset)
        {
            return Translation.Crossing;
        }

        (FaultKind kind, ulong at) = RefusalInWindow(table, index, offset, access);
        return Translation.Refused(kind, iova + (at - offset));
    }

    /// <summary>
    /// A range, split over its windows and merged where targets are contiguous. Two walks, the first without writing, so that a
    /// refusal or a short span leaves the span untouched.
    /// </summary>
    internal static RangeTranslation TranslateRange(
        TableHeader* table, ulong iova, ulong length, DmaAccess access, Span<DmaSegment> segments)
    {
        if (table->Refusal != 0)
        {
            return new(0, false, (FaultKind)table->Refusal, iova);
        }

        if (length == 0)
        {
            return new(0, false, FaultKind.BadLength, iova);
        }

        if (IsHit(table, iova, length, access, out byte* entry) && segments.Length > 0)
        {
            Translation whole = Translation.Hit(iova, *(ulong*)(entry + TableLayout.DeltaOffset));
            segments[0] = new DmaSegment(iova, whole.Target, length, whole.MsiBank); // the usual case: one window
            return new(1, true, FaultKind.None, 0);
        }

        RangeTranslation needed = Walk(table, iova, length, access, default);
        if (!needed.IsHit || needed.SegmentCount > segments.Length)
        {
            return needed with { IsComplete = false };
        }

        return Walk(table, iova, length, access, segments);
    }

    /// <summary>Walks the windows of a range; writes segments while the span has room (an empty span only counts).</summary>
    private static RangeTranslation Walk(TableHeader* table, ulong iova, ulong length, DmaAccess access, Span<DmaSegment> segments)
    {
        ulong windowSize = 1UL << (int)table->WindowShift;
        ulong span = table->ApertureLast - table->ApertureBase;
        int count = 0;
        DmaSegment current = default;
        ulong done = 0;

        while (done < length)
        {
            // An address past 2^64 wraps to below the aperture's end only if the aperture itself ends there: `past` catches it first.
            ulong relative = iova + done - table->ApertureBase;
            bool past = iova + done < iova;
            if (past || relative > span)
            {
                return new(0, false, FaultKind.OutOfAperture, iova + done);
            }

            int index = (byte)(relative >> (int)table->WindowShift);
            ulong offset = relative & (windowSize - 1);
            ulong piece = Math.Min(windowSize - offset, length - done);
            byte* entry = (byte*)table + index * sizeof(ulong);
            ulong end = *(ulong*)(entry + TableLayout.ReadEndOffset + (((nuint)access & 1) * TableLayout.ColumnBytes));
            if (relative >= end || piece > end - relative)
            {
                (FaultKind kind, ulong at) = RefusalInWindow(table, index, offset, access);
                return new(0, false, kind, iova + done + (at - offset));
            }

            Translation hit = Translation.Hit(iova + done, *(ulong*)(entry + TableLayout.DeltaOffset));

            // Greater, not only next to each other: nothing is contiguous across the end of the address space.
            bool merges = count > 0 && !hit.IsMsi && !current.IsMsi
                && current.Target + current.Length == hit.Target && hit.Target > current.Target;
            if (merges)
            {
                current = current with { Length = current.Length + piece };
            }
            else
            {
                current = new DmaSegment(iova + done, hit.Target, piece, hit.MsiBank);
                count++;
            }

            if (count <= segments.Length)
            {
                segments[count - 1] = current;
            }

            done += piece;
        }

        return new(count, true, FaultKind.None, 0);
    }

    /// <summary>Why an access from `offset` inside window `index` is refused, and the first refused offset.</summary>
    private static (FaultKind Kind, ulong Offset) RefusalInWindow(TableHeader* table, int index, ulong offset, DmaAccess access)
    {
        byte* entry = (byte*)table + index * sizeof(ulong);
        ulong start = (ulong)index << (int)table->WindowShift;
        ulong read = *(ulong*)(entry + TableLayout.ReadEndOffset) - start;
        ulong write = *(ulong*)(entry + TableLayout.WriteEndOffset) - start;
        ulong limit = ((uint)access & 1) == 0 ? read : write;

        // A mapping always allows some direction, and each limit is 0 or the mapping's size: their union is the size.
        // The order is the hardware's: the mapping's end for the first byte, then permission, then the end for the rest.
        ulong size = read | write;
        if (size == 0)
        {
            return (FaultKind.NoMapping, offset);
        }

        if (offset >= size)
        {
            return (FaultKind.BeyondMapping, offset);
        }

        return limit == 0 ? (FaultKind.DirectionDenied, offset) : (FaultKind.BeyondMapping, size);
    }
}
