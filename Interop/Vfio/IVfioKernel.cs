namespace PamuFastPath.Interop;

/// <summary>An IOVA range, both ends inclusive.</summary>
/// <param name="Start">First IOVA.</param>
/// <param name="Last">Last IOVA.</param>
public readonly record struct IovaRange(ulong Start, ulong Last)
{
    /// <summary>Whether the two have an address in common.</summary>
    public bool Overlaps(IovaRange other) => Start <= other.Last && Last >= other.Start;

    /// <summary>Whether all of <paramref name="other"/> lies in this.</summary>
    public bool Contains(IovaRange other) => Start <= other.Start && Last >= other.Last;
}

/// <summary>
/// What the mirrors ask of the kernel: one VFIO container and the groups put into it. The real one makes system calls; the tests put
/// simulated kernels here, so that a backend meets every errno.
/// </summary>
internal interface IVfioKernel : IDisposable
{
    /// <summary>An ioctl on the container with an argument by value, or none.</summary>
    /// <returns>0 or a positive result, or a negative errno.</returns>
    long Ioctl(uint request, ulong value = 0);

    /// <summary>An ioctl on the container with an argument structure, read and written in place.</summary>
    /// <returns>0 or a positive result, or a negative errno.</returns>
    long Ioctl(uint request, Span<byte> argument);

    /// <summary>Opens a group, sees that it is viable, and puts it into the container. All or nothing.</summary>
    Refusal AddGroup(int group);

    /// <summary>Takes a group out of the container and closes it. EBUSY: one of its devices is open.</summary>
    Refusal RemoveGroup(int group);

    /// <summary>IOVA ranges that devices of a group cannot use for memory (message windows, ranges the host reserves).</summary>
    IReadOnlyList<IovaRange> ReservedRanges(int group);
}
