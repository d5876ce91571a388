namespace PamuFastPath;

/// <summary>One configured window of a container, as the control queries list it.</summary>
/// <param name="Index">Window number, zero-based.</param>
/// <param name="IsLive">Whether devices can use it now: always for DMA, for MSI while an attached group uses the bank.</param>
/// <param name="Iova">First IOVA of the window.</param>
/// <param name="Target">What <paramref name="Iova"/> translates to.</param>
/// <param name="Size">Bytes mapped from the window's start.</param>
/// <param name="Permissions">What devices may do.</param>
/// <param name="MsiBank">The MSI bank the window is mapped to, or -1 for DMA.</param>
public readonly record struct PamuWindow(
    int Index, bool IsLive, ulong Iova, ulong Target, ulong Size, DmaPermissions Permissions, int MsiBank);
