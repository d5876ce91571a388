namespace PamuFastPath;

/// <summary>What a device may reach through one window now; the input of <see cref="TableBuilder"/>. Default: nothing.</summary>
/// <param name="Target">Target of the window's first byte, 4 KiB aligned.</param>
/// <param name="Size">Bytes mapped from the window's start, a power of two, at most the window; 0 for an empty window.</param>
/// <param name="Permissions">What the device may do.</param>
/// <param name="MsiBank">MSI bank index, or -1 for DMA.</param>
internal readonly record struct LiveWindow(ulong Target, ulong Size, DmaPermissions Permissions, int MsiBank)
{
    internal static LiveWindow Empty => new(0, 0, DmaPermissions.None, -1);

    internal bool IsEmpty => Size == 0;

    internal bool IsMsi => MsiBank >= 0;

    /// <summary>Whether everything <paramref name="other"/> allows is allowed here with the same result.</summary>
    internal bool Covers(in LiveWindow other) =>
        other.IsEmpty
        || (Target == other.Target && MsiBank == other.MsiBank && Size >= other.Size
            && (Permissions & other.Permissions) == other.Permissions);

    /// <summary>What both allow with the same result.</summary>
    internal LiveWindow Common(in LiveWindow other)
    {
        DmaPermissions both = Permissions & other.Permissions;
        return Target == other.Target && MsiBank == other.MsiBank && both != DmaPermissions.None
            ? this with { Size = Math.Min(Size, other.Size), Permissions = both }
            : Empty;
    }
}
