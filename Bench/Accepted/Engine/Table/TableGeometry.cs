using System.Diagnostics;
using System.Numerics;

namespace PamuFastPath;

/// <summary>
/// A power-of-two, naturally aligned aperture cut into 2^k equal windows. Sizes never exceed 2^63 bytes, so they fit 64 bits;
/// addresses are handled as start and (inclusive) last, because start + size may not be representable.
/// </summary>
internal readonly struct TableGeometry : IEquatable<TableGeometry>
{
    internal TableGeometry(ulong start, ulong last, uint windowCount)
    {
        Debug.Assert(start <= last, "aperture runs forward");
        Debug.Assert(BitOperations.IsPow2(last - start + 1), "aperture is a power of two, below 2^64");
        Debug.Assert((start & (last - start)) == 0, "aperture is naturally aligned");
        Debug.Assert(BitOperations.IsPow2(windowCount) && windowCount <= TableLayout.WindowCountMax, "window count is a power of two");
        Start = start;
        Last = last;
        WindowCount = windowCount;
    }

    internal ulong Start { get; }

    internal ulong Last { get; }

    internal uint WindowCount { get; }

    internal ulong Size => Last - Start + 1;

    internal ulong WindowSize => Size / WindowCount;

    internal int WindowShift => BitOperations.TrailingZeroCount(WindowSize);

    internal ulong WindowStart(int index) => Start + (ulong)index * WindowSize;

    internal bool Contains(ulong iova) => iova - Start <= Last - Start;

    internal int IndexOf(ulong iova)
    {
        Debug.Assert(Contains(iova), "only addresses in the aperture have a window");
        return (int)((iova - Start) >> WindowShift);
    }

    /// <summary>The window an address has, or would have if the aperture repeated.</summary>
    internal int WindowOf(ulong iova) => (int)((iova - Start) >> WindowShift) & ((int)WindowCount - 1);

    public bool Equals(TableGeometry other) => Start == other.Start && Last == other.Last && WindowCount == other.WindowCount;

    public override bool Equals(object? obj) => obj is TableGeometry other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(Start, Last, WindowCount);
}
