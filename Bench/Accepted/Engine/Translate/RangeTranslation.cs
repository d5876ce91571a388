namespace PamuFastPath;

/// <summary>The answer to a range: all of it or nothing.</summary>
/// <param name="SegmentCount">
/// Segments the range needs. If the caller's span was shorter, nothing was written to it and <see cref="IsComplete"/> is false; 0 for a fault.
/// </param>
/// <param name="IsComplete">Whether the segments were written.</param>
/// <param name="Fault">Why the range is refused, or <see cref="FaultKind.None"/>.</param>
/// <param name="FaultIova">The first refused IOVA; 0 unless the range is refused.</param>
public readonly record struct RangeTranslation(int SegmentCount, bool IsComplete, FaultKind Fault, ulong FaultIova)
{
    /// <summary>Whether the range may be accessed as a whole (the span may still have been too short).</summary>
    public bool IsHit => Fault == FaultKind.None;
}
