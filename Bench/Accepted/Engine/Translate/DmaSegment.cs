namespace PamuFastPath;

/// <summary>One contiguous piece of a translated range.</summary>
/// <param name="Iova">First IOVA of the piece.</param>
/// <param name="Target">Where its first byte goes.</param>
/// <param name="Length">Bytes, at least 1.</param>
/// <param name="MsiBank">The MSI bank the piece hits, or -1 for memory. The offset in the bank's page is the low 12 bits of <paramref name="Target"/>.</param>
public readonly record struct DmaSegment(ulong Iova, ulong Target, ulong Length, int MsiBank)
{
    /// <summary>Whether the piece hits an MSI bank's page.</summary>
    public bool IsMsi => MsiBank >= 0;
}
