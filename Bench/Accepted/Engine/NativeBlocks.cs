// The native memory of the engine: tables, cells, reader slots and counters, the epoch and the LIODN map. All of it comes from here and goes back here.
//
// Unsafe: hands out raw memory. Invariants:
//   - a block is cleared and aligned when it is handed out, and belongs to whoever asked until that one gives it back, once;
//   - whoever builds something of several blocks gives back the first ones when a later one is refused.

using System.Diagnostics;
using System.Runtime.InteropServices;

namespace PamuFastPath;

/// <summary>Takes and gives back native memory, and counts what is taken. Thread-safe. For control calls: translation takes none.</summary>
internal static unsafe class NativeBlocks
{
    private static long TakenTotal;

    [ThreadStatic]
    private static long TakenByThread;

    /// <summary>Test hook: the block, counted from the next one on this thread, that there is no memory for; 0 is none.</summary>
    [ThreadStatic]
    internal static int OutOfMemoryAtForTest;

    /// <summary>Blocks that are taken and not given back, in the process.</summary>
    internal static long LiveCount => Volatile.Read(ref TakenTotal);

    /// <summary>The same for what this thread took and gave back: exact for a test whose engine no other thread uses.</summary>
    internal static long LiveCountOfThread => TakenByThread;

    /// <summary>Takes a block.</summary>
    /// <param name="bytes">Its size.</param>
    /// <param name="alignment">A power of two.</param>
    /// <param name="what">What it is for, as the error calls it.</param>
    /// <exception cref="PamuException">ENOMEM.</exception>
    internal static void* Take(nuint bytes, nuint alignment, string what)
    {
        void* block = Taken(IsRefusedForTest() ? null : Allocate(bytes, alignment), bytes, what);
        Debug.Assert((nuint)block % alignment == 0, "blocks are aligned");
        NativeMemory.Clear(block, bytes);
        return block;
    }

    /// <summary>Takes a large block of which little may ever be used: cleared by the system, page by page as it is touched. Aligned to 16.</summary>
    /// <param name="bytes">Its size.</param>
    /// <param name="what">What it is for, as the error calls it.</param>
    /// <exception cref="PamuException">ENOMEM.</exception>
    internal static void* TakeSparse(nuint bytes, string what) => Taken(IsRefusedForTest() ? null : AllocateSparse(bytes), bytes, what);

    /// <summary>Gives a block of <see cref="Take"/> back; null is none.</summary>
    internal static void Free(void* block)
    {
        if (block != null)
        {
            NativeMemory.AlignedFree(block);
            Given();
        }
    }

    /// <summary>Gives a block of <see cref="TakeSparse"/> back; null is none.</summary>
    internal static void FreeSparse(void* block)
    {
        if (block != null)
        {
            NativeMemory.Free(block);
            Given();
        }
    }

    private static bool IsRefusedForTest() => OutOfMemoryAtForTest > 0 && --OutOfMemoryAtForTest == 0;

    private static void* Taken(void* block, nuint bytes, string what)
    {
        if (block == null)
        {
            throw new PamuException(Errno.ENOMEM, what, $"memory for {bytes} bytes");
        }

        TakenByThread++;
        Interlocked.Increment(ref TakenTotal);
        return block;
    }

    private static void Given()
    {
        TakenByThread--;
        Interlocked.Decrement(ref TakenTotal);
    }

    private static void* AllocateSparse(nuint bytes)
    {
        try
        {
            return NativeMemory.AllocZeroed(bytes);
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
    }

    private static void* Allocate(nuint bytes, nuint alignment)
    {
        try
        {
            return NativeMemory.AlignedAlloc(bytes, alignment);
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
    }
}
