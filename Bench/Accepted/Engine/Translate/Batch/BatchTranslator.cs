// Drives the batch kernels.
//
// Unsafe: pins the caller's spans and hands kernels raw pointers. Invariants:
//   - a kernel is called with a count that is a multiple of its step; it reads exactly `count` IOVAs (and lengths), writes exactly `count`
//     targets and `count / 8` bytes of each mask. The last elements of a batch go through a buffer of one step on the stack;
//   - targets are the IOVAs' own memory or do not overlap it; masks overlap nothing (checked);
//   - each kernel reads its IOVAs of a step before it writes that step's targets, which is what makes in place work.

using System.Buffers.Binary;
using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace PamuFastPath;

/// <summary>Everything a kernel gets.</summary>
internal unsafe struct BatchArguments
{
    internal TableHeader* Table;
    internal ulong* Iovas;
    internal ulong* Targets;
    internal byte* Fault;
    internal byte* Cross;
    internal byte* Msi;
    internal nuint Count;
    internal DmaAccess Access;

    /// <summary>The end column of the access.</summary>
    internal readonly ulong* Ends => (ulong*)((byte*)Table + TableLayout.ReadEndOffset + ((nuint)Access & 1) * TableLayout.ColumnBytes);

    internal readonly ulong* Delta => (ulong*)((byte*)Table + TableLayout.DeltaOffset);

    /// <summary>The packed column of the access.</summary>
    internal readonly uint* Packed => (uint*)((byte*)Table + TableLayout.PackedReadOffset + ((nuint)Access & 1) * TableLayout.PackedColumnBytes);

    /// <summary>The packed column of the access as four planes.</summary>
    internal readonly byte* Planes => (byte*)Table + TableLayout.PlanesReadOffset + ((nuint)Access & 1) * TableLayout.PlanesBytes;

    internal readonly uint* MsiMap => (uint*)((byte*)Table + TableLayout.MsiMapOffset);

    /// <summary>
    /// Gives messages their targets from the delta column, for tables whose message pages do not lie within the packed frames' span.
    /// </summary>
    /// <param name="i">The first element of a step.</param>
    /// <param name="messages">The step's elements that hit an MSI window, a bit each.</param>
    /// <param name="iovas">The step's IOVAs: those of the batch may be overwritten already.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly void SetMessageTargets(nuint i, ulong messages, ulong* iovas)
    {
        for (; messages != 0; messages &= messages - 1)
        {
            int lane = BitOperations.TrailingZeroCount(messages);
            byte index = (byte)((iovas[lane] - Table->ApertureBase) >> (int)Table->WindowShift);
            Targets[i + (nuint)lane] = iovas[lane] + (Delta[index] & ~TableLayout.MsiTagMask);
        }
    }
}

internal static unsafe class BatchTranslator
{
    /// <summary>Elements of the widest kernel step, and of the stack buffer for the rest of a batch.</summary>
    internal const int StepMax = 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static BatchResult Translate(
        TableHeader* table,
        ReadOnlySpan<ulong> iovas,
        ulong length,
        DmaAccess access,
        Span<ulong> targets,
        Span<ulong> faultMask,
        Span<ulong> crossMask,
        Span<ulong> msiMask,
        BatchKernel? forced)
    {
        return Run(table, iovas, default, length, access, targets, faultMask, crossMask, msiMask, KernelFor(table, forced));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static BatchResult Translate(
        TableHeader* table,
        ReadOnlySpan<ulong> iovas,
        ReadOnlySpan<uint> lengths,
        DmaAccess access,
        Span<ulong> targets,
        Span<ulong> faultMask,
        Span<ulong> crossMask,
        Span<ulong> msiMask,
        BatchKernel? forced)
    {
        CheckCounts(iovas.Length, lengths.Length);
        return Run(table, iovas, lengths, 1, access, targets, faultMask, crossMask, msiMask, KernelFor(table, forced));
    }

    /// <summary>Throws what translating the batch would throw.</summary>
    internal static void Check(TableHeader* table, in Batch batch, BatchKernel? forced)
    {
        if (batch.HasLengths)
        {
            CheckCounts(batch.Iovas.Length, batch.Lengths.Length);
        }

        _ = KernelFor(table, forced);
        int words = WordsFor(batch.Iovas.Length);
        CheckLengths(batch.Iovas.Length, batch.Targets.Length, words, batch.Faults.Length, batch.Crosses.Length, batch.Messages.Length);
        fixed (ulong* from = batch.Iovas, to = batch.Targets, fault = batch.Faults, cross = batch.Crosses, msi = batch.Messages)
        {
            CheckOverlaps(from, to, (nuint)batch.Iovas.Length, fault, cross, msi, (nuint)words);
        }
    }

    private static BatchKernel KernelFor(TableHeader* table, BatchKernel? forced)
    {
        if (forced is not BatchKernel kernel)
        {
            return (BatchKernel)table->Kernel;
        }

        return BatchKernels.CanRun(kernel, table->WindowCount, (int)table->WindowShift, table->TargetBase != ulong.MaxValue)
            ? kernel
            : throw new PlatformNotSupportedException($"kernel {kernel} cannot run here: instruction set, window count or targets");
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static BatchResult Run(
        TableHeader* table,
        ReadOnlySpan<ulong> iovas,
        ReadOnlySpan<uint> lengths,
        ulong length,
        DmaAccess access,
        Span<ulong> targets,
        Span<ulong> faultMask,
        Span<ulong> crossMask,
        Span<ulong> msiMask,
        BatchKernel kernel)
    {
        int words = WordsFor(iovas.Length);
        CheckLengths(iovas.Length, targets.Length, words, faultMask.Length, crossMask.Length, msiMask.Length);
        fixed (ulong* from = iovas, to = targets, fault = faultMask, cross = crossMask, msi = msiMask)
        fixed (uint* lengthOf = lengths)
        {
            return Run(table, from, lengthOf, length, iovas.Length, access, to, fault, cross, msi, kernel);
        }
    }

    /// <summary>What spans come down to, and what C callers have: arrays of <paramref name="count"/> elements, masks of a word for each 64 of them.</summary>
    /// <param name="table">The section's table.</param>
    /// <param name="iovas">First IOVA of each access.</param>
    /// <param name="lengths">Bytes of each, or null for one length.</param>
    /// <param name="length">The one length; anything but 0 if there are many.</param>
    /// <param name="count">Elements; 0 leaves all memory alone.</param>
    /// <param name="access">Direction of all.</param>
    /// <param name="targets">Receives the targets.</param>
    /// <param name="fault">Receives the fault mask.</param>
    /// <param name="cross">Receives the cross mask.</param>
    /// <param name="msi">Receives the message mask.</param>
    /// <param name="kernel">One that can run on the table.</param>
    /// <exception cref="ArgumentException">Arrays overlap.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static BatchResult Run(
        TableHeader* table,
        ulong* iovas,
        uint* lengths,
        ulong length,
        int count,
        DmaAccess access,
        ulong* targets,
        ulong* fault,
        ulong* cross,
        ulong* msi,
        BatchKernel kernel)
    {
        if (count == 0)
        {
            return default;
        }

        int words = WordsFor(count);
        CheckOverlaps(iovas, targets, (nuint)count, fault, cross, msi, (nuint)words);
        if (lengths != null)
        {
            CheckLengthOverlaps(lengths, targets, (nuint)count, fault, cross, msi, (nuint)words);
        }

        if (table->Refusal != 0 || length == 0)
        {
            return RefuseAll(count, targets, fault, cross, msi, words);
        }

        // A length no window has gives the same answers as any larger one; offset + length then stays far below 2^64.
        if (table->WindowShift <= BatchKernels.WindowShiftMax)
        {
            length = Math.Min(length, 1UL << (BatchKernels.WindowShiftMax + 1));
        }

        // Kernels write a mask byte only where there is something to say (msi: always), so all starts at 0.
        ClearMasks(fault, cross, msi, words);

        nuint whole = (nuint)count & ~(nuint)(StepMax - 1);
        var batch = new BatchArguments
        {
            Table = table,
            Iovas = iovas,
            Targets = targets,
            Fault = (byte*)fault,
            Cross = (byte*)cross,
            Msi = (byte*)msi,
            Count = whole,
            Access = access,
        };
        if (whole != 0)
        {
            Dispatch(kernel, batch, lengths, length);
        }

        if (whole != (nuint)count)
        {
            RunRest(kernel, batch, lengths, length, count - (int)whole);
        }

        return Count(count, fault, cross, msi, words);
    }

    /// <summary>The last elements, fewer than a step: through a buffer whose unused elements repeat the first.</summary>
    private static void RunRest(BatchKernel kernel, BatchArguments batch, uint* lengths, ulong length, int rest)
    {
        Debug.Assert(rest is > 0 and < StepMax, "a rest is less than a step");
        ulong* values = stackalloc ulong[StepMax];
        uint* restLengths = stackalloc uint[StepMax];
        ushort fault = 0;
        ushort cross = 0;
        ushort msi = 0;
        nuint first = batch.Count;
        for (int i = 0; i < StepMax; i++)
        {
            nuint source = first + (nuint)(i < rest ? i : 0);
            values[i] = batch.Iovas[source];
            restLengths[i] = lengths != null ? lengths[source] : 0;
        }

        BatchArguments buffered = batch with
        {
            Iovas = values,
            Targets = values,
            Fault = (byte*)&fault,
            Cross = (byte*)&cross,
            Msi = (byte*)&msi,
            Count = StepMax,
        };
        Dispatch(kernel, buffered, lengths != null ? restLengths : null, length);

        new ReadOnlySpan<ulong>(values, rest).CopyTo(new Span<ulong>(batch.Targets + first, rest));
        int used = (1 << rest) - 1;
        StoreRest(batch.Fault + first / 8, fault & used, rest);
        StoreRest(batch.Cross + first / 8, cross & used, rest);
        StoreRest(batch.Msi + first / 8, msi & used, rest);
    }

    private static void StoreRest(byte* mask, int bits, int rest)
    {
        mask[0] = (byte)bits;
        if (rest > 8)
        {
            mask[1] = (byte)(bits >> 8);
        }
    }

    private static void Dispatch(BatchKernel kernel, in BatchArguments batch, uint* lengths, ulong length)
    {
        if (lengths == null)
        {
            Dispatch(kernel, batch, new UniformLength(length));
        }
        else
        {
            Dispatch(kernel, batch, new ElementLengths(lengths));
        }
    }

    private static void Dispatch<TLengths>(BatchKernel kernel, in BatchArguments batch, TLengths lengths)
        where TLengths : struct, IBatchLengths
    {
        switch (kernel)
        {
            case BatchKernel.Vector512Registers:
                Vector512Kernels.Registers(batch, lengths);
                break;
            case BatchKernel.Vector512Bytes:
                Vector512BytesKernel.Run(batch, lengths);
                break;
            case BatchKernel.Vector512Packed:
                Vector512Kernels.Packed(batch, lengths);
                break;
            case BatchKernel.Vector512Gather:
                Vector512Kernels.Gather(batch, lengths);
                break;
            case BatchKernel.Vector256Registers:
                Vector256Kernels.Registers(batch, lengths);
                break;
            case BatchKernel.Vector256Gather:
                Vector256Kernels.Gather(batch, lengths);
                break;
            case BatchKernel.Vector128:
                Vector128Kernel.Run(batch, lengths);
                break;
            default:
                ScalarKernel.Run(batch, lengths);
                break;
        }
    }

    private static BatchResult RefuseAll(int count, ulong* targets, ulong* fault, ulong* cross, ulong* msi, int words)
    {
        new Span<ulong>(targets, count).Fill(ulong.MaxValue);
        new Span<ulong>(cross, words).Clear();
        new Span<ulong>(msi, words).Clear();
        new Span<ulong>(fault, words).Fill(ulong.MaxValue);
        if (count % 64 != 0)
        {
            fault[words - 1] = (1UL << (count % 64)) - 1;
        }

        return new BatchResult(0, 0, count, 0);
    }

    private static int WordsFor(int count) => (int)(((uint)count + 63) / 64);

    /// <summary>Spans are cleared by a call each, which is dear for a word or two.</summary>
    private static void ClearMasks(ulong* fault, ulong* cross, ulong* msi, int words)
    {
        if (words > 4)
        {
            new Span<ulong>(fault, words).Clear();
            new Span<ulong>(cross, words).Clear();
            new Span<ulong>(msi, words).Clear();
            return;
        }

        for (int i = 0; i < words; i++)
        {
            fault[i] = 0;
            cross[i] = 0;
            msi[i] = 0;
        }
    }

    /// <summary>Counts the mask bits, after putting the bytes that kernels wrote (element i in byte i / 8) into the machine's order.</summary>
    private static BatchResult Count(int elements, ulong* fault, ulong* cross, ulong* msi, int words)
    {
        if (!BitConverter.IsLittleEndian)
        {
            foreach (nint mask in (ReadOnlySpan<nint>)[(nint)fault, (nint)cross, (nint)msi])
            {
                BinaryPrimitives.ReverseEndianness(new ReadOnlySpan<ulong>((ulong*)mask, words), new Span<ulong>((ulong*)mask, words));
            }
        }

        int faults = 0;
        int crosses = 0;
        int messages = 0;
        for (int i = 0; i < words; i++)
        {
            faults += BitOperations.PopCount(fault[i]);
            crosses += BitOperations.PopCount(cross[i]);
            messages += BitOperations.PopCount(msi[i]);
        }

        return new BatchResult(elements - faults - crosses - messages, messages, faults, crosses);
    }

    private static void CheckCounts(int iovas, int lengths)
    {
        if (lengths != iovas)
        {
            throw new ArgumentException($"{iovas} IOVAs need as many lengths, not {lengths}", nameof(lengths));
        }
    }

    private static void CheckLengths(int elements, int targets, int words, int faultMask, int crossMask, int msiMask)
    {
        if (targets < elements)
        {
            throw new ArgumentException($"{elements} targets do not fit {targets} entries", nameof(targets));
        }

        if (faultMask < words || crossMask < words || msiMask < words)
        {
            throw new ArgumentException($"each mask of {elements} elements has at least {words} words", nameof(faultMask));
        }
    }

    private static void CheckOverlaps(ulong* iovas, ulong* targets, nuint elements, ulong* faultMask, ulong* crossMask, ulong* msiMask, nuint words)
    {
        if (iovas != targets && Overlap(iovas, elements, targets, elements))
        {
            throw new ArgumentException("targets are the IOVAs' own span or do not overlap it", nameof(targets));
        }

        if (Overlap(faultMask, words, crossMask, words) || Overlap(faultMask, words, msiMask, words) || Overlap(crossMask, words, msiMask, words)
            || Overlap(iovas, elements, faultMask, words) || Overlap(iovas, elements, crossMask, words) || Overlap(iovas, elements, msiMask, words)
            || Overlap(targets, elements, faultMask, words) || Overlap(targets, elements, crossMask, words)
            || Overlap(targets, elements, msiMask, words))
        {
            throw new ArgumentException("masks overlap neither each other nor the IOVAs and targets", nameof(faultMask));
        }
    }

    /// <summary>Lengths are read while the results are written.</summary>
    private static void CheckLengthOverlaps(
        uint* lengths, ulong* targets, nuint elements, ulong* faultMask, ulong* crossMask, ulong* msiMask, nuint words)
    {
        nuint bytes = elements * sizeof(uint);
        nuint maskBytes = words * sizeof(ulong);
        if (ShareBytes(lengths, bytes, targets, elements * sizeof(ulong)) || ShareBytes(lengths, bytes, faultMask, maskBytes)
            || ShareBytes(lengths, bytes, crossMask, maskBytes) || ShareBytes(lengths, bytes, msiMask, maskBytes))
        {
            throw new ArgumentException("lengths overlap neither targets nor masks", nameof(lengths));
        }
    }

    private static bool Overlap(ulong* a, nuint lengthOfA, ulong* b, nuint lengthOfB) =>
        ShareBytes(a, lengthOfA * sizeof(ulong), b, lengthOfB * sizeof(ulong));

    /// <summary>Whether two arrays, neither of them empty, share a byte: one compare, since a negative distance wraps to a huge one.</summary>
    private static bool ShareBytes(void* a, nuint bytesOfA, void* b, nuint bytesOfB) =>
        (nuint)b - (nuint)a + (bytesOfB - 1) < bytesOfA + bytesOfB - 1;
}
