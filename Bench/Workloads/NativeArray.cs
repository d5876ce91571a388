using System.Runtime.InteropServices;

namespace PamuFastPath.Bench.Workloads;

/// <summary>
/// Zeroed native memory, 64-byte aligned: what all measurements read and write, so that none pays for the alignment another does not
/// have.
/// </summary>
internal sealed unsafe class NativeArray<T> : IDisposable
    where T : unmanaged
{
    private const int Alignment = 64;

    internal NativeArray(int length)
    {
        Length = length;
        nuint bytes = (nuint)Math.Max(length, 1) * (nuint)sizeof(T);
        Pointer = (T*)NativeMemory.AlignedAlloc(bytes, Alignment);
        NativeMemory.Clear(Pointer, bytes);
    }

    ~NativeArray() => NativeMemory.AlignedFree(Pointer);

    internal T* Pointer { get; }

    internal int Length { get; }

    internal Span<T> Span => new(Pointer, Length);

    public void Dispose()
    {
        NativeMemory.AlignedFree(Pointer);
        GC.SuppressFinalize(this);
    }
}
