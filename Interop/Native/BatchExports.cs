// Batches for C.
//
// Unsafe: the caller's arrays. Invariants:
//   - the section's reader is registered, the caller's own and inside a section (asked of its block and slot, which costs no lookup);
//   - arrays are not null and aligned; their lengths are the caller's word. Overlaps are checked by BatchTranslator.

using System.Runtime.InteropServices;

namespace PamuFastPath.Native;

/// <summary>pamu_translate_batch...() and pamu_kernel_name().</summary>
internal static unsafe class BatchExports
{
    [UnmanagedCallersOnly(EntryPoint = "pamu_translate_batch")]
    internal static int Translate(
        SectionBlock* section, ulong* iovas, nuint count, ulong length, int access, ulong* targets, ulong* faults, ulong* crosses, ulong* messages, BatchCounts* counts)
    {
        try
        {
            if (Check(section, iovas, count, targets, faults, crosses, messages) is var refused and not 0)
            {
                return refused;
            }

            int words = Words(count);
            BatchResult result = BatchTranslator.Translate(
                section->Table,
                new ReadOnlySpan<ulong>(iovas, (int)count),
                length,
                (DmaAccess)(access & 1),
                new Span<ulong>(targets, (int)count),
                new Span<ulong>(faults, words),
                new Span<ulong>(crosses, words),
                new Span<ulong>(messages, words),
                forced: null);
            Report(counts, result);
            return 0;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_translate_batch_lengths")]
    internal static int TranslateLengths(
        SectionBlock* section, ulong* iovas, uint* lengths, nuint count, int access, ulong* targets, ulong* faults, ulong* crosses, ulong* messages, BatchCounts* counts)
    {
        try
        {
            if (Check(section, iovas, count, targets, faults, crosses, messages) is var refused and not 0)
            {
                return refused;
            }

            if (lengths == null && count > 0)
            {
                return Answer.IsNull("lengths");
            }

            if ((nuint)lengths % sizeof(uint) != 0)
            {
                return Answer.Refuse(Errno.EINVAL, "lengths", "aligned");
            }

            int words = Words(count);
            BatchResult result = BatchTranslator.Translate(
                section->Table,
                new ReadOnlySpan<ulong>(iovas, (int)count),
                new ReadOnlySpan<uint>(lengths, (int)count),
                (DmaAccess)(access & 1),
                new Span<ulong>(targets, (int)count),
                new Span<ulong>(faults, words),
                new Span<ulong>(crosses, words),
                new Span<ulong>(messages, words),
                forced: null);
            Report(counts, result);
            return 0;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_kernel_name")]
    internal static byte* KernelName(TableHeader* table) => table == null ? null : (BatchKernel)table->Kernel switch
    {
        BatchKernel.Scalar => NativeText.Address("Scalar"u8),
        BatchKernel.Vector128 => NativeText.Address("Vector128"u8),
        BatchKernel.Vector256Registers => NativeText.Address("Vector256Registers"u8),
        BatchKernel.Vector256Gather => NativeText.Address("Vector256Gather"u8),
        BatchKernel.Vector512Registers => NativeText.Address("Vector512Registers"u8),
        BatchKernel.Vector512Packed => NativeText.Address("Vector512Packed"u8),
        BatchKernel.Vector512Gather => NativeText.Address("Vector512Gather"u8),
        BatchKernel.Vector512Bytes => NativeText.Address("Vector512Bytes"u8),
        _ => null,
    };

    private static int Check(SectionBlock* section, ulong* iovas, nuint count, ulong* targets, ulong* faults, ulong* crosses, ulong* messages)
    {
        if (section == null || section->Table == null || section->Reader == null || section->Reader->Self != section->Reader || section->Reader->Number == 0)
        {
            return NotInSection();
        }

        ReaderSlot* slot = section->Reader->Slot;
        if (slot->OwnerThread != Environment.CurrentManagedThreadId)
        {
            return Answer.Refuse(Errno.EPERM, "section", "of the calling thread's own reader");
        }

        if (slot->Epoch == 0)
        {
            return NotInSection();
        }

        if (count > int.MaxValue)
        {
            return Answer.Refuse(Errno.EINVAL, "count", $"at most {int.MaxValue}");
        }

        if (count > 0 && (iovas == null || targets == null || faults == null || crosses == null || messages == null))
        {
            return Answer.IsNull("iovas, targets, faults, crosses, messages");
        }

        // Unaligned, masks of bytes and masks of words would not be the same memory.
        return (((nuint)iovas | (nuint)targets | (nuint)faults | (nuint)crosses | (nuint)messages) % sizeof(ulong)) == 0
            ? 0
            : Answer.Refuse(Errno.EINVAL, "iovas, targets, faults, crosses, messages", "aligned to 8 bytes");
    }

    private static int NotInSection() => Answer.Refuse(Errno.EBADF, "section", "entered and not left");

    private static int Words(nuint count) => (int)((count + 63) / 64);

    private static void Report(BatchCounts* counts, BatchResult result)
    {
        if (counts != null)
        {
            *counts = new BatchCounts((ulong)result.FaultCount, (ulong)result.CrossCount, (ulong)result.MsiCount);
        }
    }
}

/// <summary>struct pamu_section.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SectionBlock
{
    internal TableHeader* Table;
    internal ReaderBlock* Reader;
    internal ReaderSlot* Slot;
}

/// <summary>struct pamu_batch_counts.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct BatchCounts(ulong Faults, ulong Crosses, ulong Messages);
