namespace PamuFastPath;

/// <summary>One refused access.</summary>
/// <param name="Kind">Why it was refused.</param>
/// <param name="Liodn">The LIODN it carried.</param>
/// <param name="Iova">Its first IOVA.</param>
/// <param name="Length">Its bytes.</param>
/// <param name="Access">Its direction, seen from the device.</param>
/// <param name="FaultIova">The first IOVA that was refused.</param>
public readonly record struct FaultRecord(
    FaultKind Kind, uint Liodn, ulong Iova, ulong Length, DmaAccess Access, ulong FaultIova);
