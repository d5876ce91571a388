// The native memory of the engine: tables, cells, reader slots, the epoch and the LIODN map. All of it comes from here and goes back here.
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
    private static long Taken;

    [ThreadStatic]
    private static long TakenByThread;

    /// <summary>Test hook: the block, counted from the next one on this thread, that there is no memory for; 0 is none.</summary>
    [ThreadStatic]
    internal static int OutOfMemoryAtForTest;

    /// <summary>Blocks that are taken and not given back, in the process.</summary>
    internal static long LiveCount => Volatile.Read(ref Taken);

    /// <summary>The same for what this thread took and gave back: exact for a test whose engine no other thread uses.</summary>
    internal static long LiveCountOfThread => TakenByThread;

    /// <summary>Takes a block.</summary>
    /// <param name="bytes">Its size.</param>
    /// <param name="alignment">A power of two.</param>
    /// <param name="what">What it is for, as the error calls it.</param>
    /// <exception cref="PamuException">ENOMEM.</exception>
    internal static void* Take(nuint bytes, nuint alignment, string what)
    {
        void* block = OutOfMemoryAtForTest > 0 && --OutOfMemoryAtForTest == 0 ? null : Allocate(bytes, alignment);
        if (block == null)
        {
            throw new PamuException(Errno.ENOMEM, what, $"memory for {bytes} bytes");
        }

        Debug.Assert((nuint)block % alignment == 0, "blocks are aligned");
        NativeMemory.Clear(block, bytes);
        TakenByThread++;
        Interlocked.Increment(ref Taken);
        return block;
    }

    /// <summary>Gives a block back; null is none.</summary>
    internal static void Free(void* block)
    {
        if (block != null)
        {
            NativeMemory.AlignedFree(block);
            TakenByThread--;
            Interlocked.Decrement(ref Taken);
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
