using System.Runtime.InteropServices;

namespace PamuFastPath.Bench.Workloads;

/// <summary>
/// Zeroed native memory, 64-byte aligned: what all measurements read and write, so that none pays for the alignment another does not
/// have. Each array starts at another place in its page: where a load and the stores before it agree in their low 12 bits, processors wait.
/// </summary>
internal sealed unsafe class NativeArray<T> : IDisposable
    where T : unmanaged
{
    private const uint PageBytes = 4096;
    private const uint Stagger = 11 * 64; // odd in lines: 64 arrays until a place comes again

    private readonly void* _block;

    internal NativeArray(int length)
    {
        Length = length;
        nuint bytes = (nuint)Math.Max(length, 1) * (nuint)sizeof(T);
        uint place = (NativeArrayCount.Next() * Stagger) % PageBytes;
        _block = NativeMemory.AlignedAlloc(bytes + place, PageBytes);
        Pointer = (T*)((byte*)_block + place);
        NativeMemory.Clear(Pointer, bytes);
    }

    ~NativeArray() => NativeMemory.AlignedFree(_block);

    internal T* Pointer { get; }

    internal int Length { get; }

    internal Span<T> Span => new(Pointer, Length);

    public void Dispose()
    {
        NativeMemory.AlignedFree(_block);
        GC.SuppressFinalize(this);
    }
}

/// <summary>Counts the arrays of all types.</summary>
internal static class NativeArrayCount
{
    private static uint Count;

    internal static uint Next() => Interlocked.Increment(ref Count);
}
