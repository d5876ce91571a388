// Batches for C.
//
// Unsafe: the caller's arrays. Invariants:
//   - the section's reader is registered, the caller's own and inside a section (asked of its block and slot, which costs no lookup);
//   - arrays are not null and aligned; their lengths are the caller's word. Overlaps are checked by BatchTranslator.

using System.Runtime.CompilerServices;
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
            return Run(section, iovas, null, count, length, access, targets, new BatchMasks(faults, crosses, messages), counts);
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
            if (lengths == null && count > 0)
            {
                return Answer.IsNull("lengths");
            }

            return Run(section, iovas, lengths, count, length: 1, access, targets, new BatchMasks(faults, crosses, messages), counts);
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

    /// <summary>By itself: inside a try, the compiler keeps everything in memory.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Run(
        SectionBlock* section, ulong* iovas, uint* lengths, nuint count, ulong length, int access, ulong* targets, in BatchMasks masks, BatchCounts* counts)
    {
        if (Check(section, iovas, lengths, count, targets, masks) is var refused and not 0)
        {
            return refused;
        }

        TableHeader* table = section->Table;
        BatchResult result = BatchTranslator.Run(
            table, iovas, lengths, length, (int)count, (DmaAccess)(access & 1), targets, masks.Faults, masks.Crosses, masks.Messages, (BatchKernel)table->Kernel);
        if (counts != null)
        {
            *counts = new BatchCounts((ulong)result.FaultCount, (ulong)result.CrossCount, (ulong)result.MsiCount);
        }

        return 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Check(SectionBlock* section, ulong* iovas, uint* lengths, nuint count, ulong* targets, in BatchMasks masks)
    {
        if (section == null || section->Table == null || section->Reader == null || section->Reader->Self != section->Reader || section->Reader->Number == 0)
        {
            return NotInSection();
        }

        if (section->Reader->Owner != Threads.Self())
        {
            return Answer.Refuse(Errno.EPERM, "section", "of the calling thread's own reader");
        }

        if (section->Reader->Slot->Epoch == 0)
        {
            return NotInSection();
        }

        if (count > int.MaxValue)
        {
            return Answer.Refuse(Errno.EINVAL, "count", "at most 2147483647");
        }

        if (count > 0 && (iovas == null || targets == null || masks.Faults == null || masks.Crosses == null || masks.Messages == null))
        {
            return Answer.IsNull("iovas, targets, faults, crosses, messages");
        }

        // Unaligned, masks of bytes and masks of words would not be the same memory.
        nuint words = (nuint)iovas | (nuint)targets | (nuint)masks.Faults | (nuint)masks.Crosses | (nuint)masks.Messages;
        return words % sizeof(ulong) == 0 && (nuint)lengths % sizeof(uint) == 0
            ? 0
            : Answer.Refuse(Errno.EINVAL, "iovas, lengths, targets, faults, crosses, messages", "aligned to their elements");
    }

    private static int NotInSection() => Answer.Refuse(Errno.EBADF, "section", "entered and not left");
}

/// <summary>The masks of one batch.</summary>
internal readonly unsafe struct BatchMasks(ulong* faults, ulong* crosses, ulong* messages)
{
    internal readonly ulong* Faults = faults;
    internal readonly ulong* Crosses = crosses;
    internal readonly ulong* Messages = messages;
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
