using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace PamuFastPath;

/// <summary>Where a batch's lengths come from. Empty-cost: each implementation is a struct, so kernels are specialised for it.</summary>
internal unsafe interface IBatchLengths
{
    /// <summary>Whether all elements have the same length, which kernels can then fold into the limits.</summary>
    static abstract bool IsUniform { get; }

    /// <summary>The length of one element.</summary>
    ulong At(nuint i);

    /// <summary>The lengths of elements i to i + 7.</summary>
    Vector512<ulong> At512(nuint i);

    /// <summary>The lengths of elements i to i + 3.</summary>
    Vector256<ulong> At256(nuint i);

    /// <summary>The lengths of elements i and i + 1.</summary>
    Vector128<ulong> At128(nuint i);
}

/// <summary>One length for all.</summary>
internal readonly unsafe struct UniformLength(ulong length) : IBatchLengths
{
    public static bool IsUniform => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong At(nuint i) => length;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<ulong> At512(nuint i) => Vector512.Create(length);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<ulong> At256(nuint i) => Vector256.Create(length);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector128<ulong> At128(nuint i) => Vector128.Create(length);
}

/// <summary>A length per element, 32 bits each. The pointer outlives the kernel's call; kernels read whole vectors inside the count only.</summary>
internal readonly unsafe struct ElementLengths(uint* lengths) : IBatchLengths
{
    public static bool IsUniform => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong At(nuint i) => lengths[i];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<ulong> At512(nuint i)
    {
        Vector256<uint> narrow = Vector256.Load(lengths + i);
        return Vector512.IsHardwareAccelerated
            ? System.Runtime.Intrinsics.X86.Avx512F.ConvertToVector512UInt64(narrow)
            : Vector512.Create(Vector256.WidenLower(narrow), Vector256.WidenUpper(narrow));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<ulong> At256(nuint i)
    {
        Vector128<uint> narrow = Vector128.Load(lengths + i);
        return Vector256.Create(Vector128.WidenLower(narrow), Vector128.WidenUpper(narrow));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector128<ulong> At128(nuint i) => Vector128.Create(lengths[i], (ulong)lengths[i + 1]);
}
