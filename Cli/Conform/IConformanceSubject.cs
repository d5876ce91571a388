namespace PamuFastPath.Cli.Conform;

/// <summary>
/// What recorded operations are replayed against, reached as a VFIO client reaches it. One subject is one freshly booted machine. It has
/// two implementations: the engine (EngineSubject) and the plain model of the test project, which has to pass the same recordings.
/// </summary>
public interface IConformanceSubject : IDisposable
{
    /// <summary>Opens a container whose IOMMU is set already, and returns its number.</summary>
    int Open();

    /// <summary>Closes a container; its groups leave it.</summary>
    void Close(int container);

    /// <summary>A container request at the byte door.</summary>
    /// <returns>0 or a positive result, or a negative errno.</returns>
    long Ioctl(int container, uint request, Span<byte> argument);

    /// <summary>A container request that takes its argument by value, at the byte door.</summary>
    long Ioctl(int container, uint request, ulong value);

    /// <summary>GROUP_SET_CONTAINER. A group is made, using every MSI bank, when it is first named.</summary>
    long Attach(int container, int group, IReadOnlyList<int> liodns);

    /// <summary>GROUP_UNSET_CONTAINER.</summary>
    long Detach(int group);

    /// <summary>The groups in a container.</summary>
    IReadOnlyList<int> Groups(int container);

    /// <summary>The configured windows of a container.</summary>
    IReadOnlyList<PamuWindow> Windows(int container);

    /// <summary>The control query.</summary>
    bool TryIovaToPhys(int container, ulong iova, out ulong phys);

    /// <summary>What a device in the container may do now.</summary>
    Translation Translate(int container, ulong iova, ulong length, DmaAccess access);
}
