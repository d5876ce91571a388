using System.Runtime.InteropServices;

namespace PamuFastPath.Diagnostics;

/// <summary>
/// What one reader counted in one container. Native memory on cache lines of its own: the reader's thread adds with plain loads and stores,
/// whoever looks reads. <c>docs/observability.md</c> describes it for code that counts in other languages.
/// </summary>
/// <remarks>
/// Behind the fixed part stands one 64-bit count for each MSI bank of the platform. All counts start at 0 and wrap at 2^64.
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = FixedBytes)]
internal unsafe struct ReaderCounters
{
    internal const int FaultKinds = 8;
    internal const int Alignment = 128;
    internal const int LookersOffset = 0x80;
    internal const int WindowHitsOffset = 0x100;
    internal const int MsiHitsOffset = WindowHitsOffset + TableLayout.WindowCountMax * sizeof(ulong);
    internal const int FixedBytes = MsiHitsOffset;

    /// <summary>Accesses that go to memory.</summary>
    [FieldOffset(0x00)] internal ulong Hits;

    /// <summary>Their bytes; <see cref="DmaAccess"/> is the index.</summary>
    [FieldOffset(0x08)] internal fixed ulong Bytes[2];

    /// <summary>The first IOVA of the last of them: whoever looks often enough learns from it which windows are hot.</summary>
    [FieldOffset(0x18)] internal ulong LastIova;

    /// <summary>Accesses that ran over their window's end; the range form decides about them and counts them.</summary>
    [FieldOffset(0x20)] internal ulong Crosses;

    /// <summary>Refused accesses by <see cref="FaultKind"/>; at 0 those of batches in place, whose kind cannot be known afterwards.</summary>
    [FieldOffset(0x40)] internal fixed ulong Faults[FaultKinds];

    /// <summary>How many hits have been given to windows by sampling. Belongs to whoever looks, under the lock of <see cref="CounterBook"/>.</summary>
    [FieldOffset(LookersOffset)] internal ulong SampledHits;

    /// <summary>Accesses that touched each window, if counted exactly.</summary>
    [FieldOffset(WindowHitsOffset)] internal fixed ulong WindowHits[TableLayout.WindowCountMax];

    /// <summary>Bytes of a block for a platform with <paramref name="banks"/> MSI banks.</summary>
    internal static int BytesFor(int banks) => (FixedBytes + banks * sizeof(ulong) + Alignment - 1) & -Alignment;

    /// <summary>Accesses that hit each MSI bank's page: behind the fixed part.</summary>
    internal static ulong* MsiHitsOf(ReaderCounters* counters) => (ulong*)((byte*)counters + MsiHitsOffset);
}
