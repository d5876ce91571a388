namespace PamuFastPath.Interop;

/// <summary>How a container's hardware is opened (<see cref="VfioMirror.Open(VfioOptions?)"/>).</summary>
public sealed record VfioOptions
{
    /// <summary><see cref="Type1Mirror.MergeNeighbours"/>.</summary>
    public bool MergeNeighbours { get; init; } = true;
}
