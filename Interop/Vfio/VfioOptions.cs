namespace PamuFastPath.Interop;

/// <summary>How a container's hardware is opened (<see cref="VfioMirror.Open(VfioOptions?)"/>).</summary>
public sealed record VfioOptions
{
    /// <summary>
    /// The number by which the host's kernel knows its PAMU (<see cref="PamuPlatform.PamuExtension"/>), if the host is a QorIQ with such a kernel;
    /// null, the default, for any other host. It has to be said, since Linux gave both numbers, 2 and 7, to the IOMMU of IBM's servers later.
    /// </summary>
    public uint? PamuExtension { get; init; }

    /// <summary><see cref="Type1Mirror.MergeNeighbours"/>; without meaning for a PAMU.</summary>
    public bool MergeNeighbours { get; init; } = true;
}
