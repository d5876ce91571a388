using System.Runtime.InteropServices;

namespace PamuFastPath.Cli.Conform;

/// <summary>The engine behind its byte doors, on the recorded platform.</summary>
public sealed class EngineSubject : IConformanceSubject
{
    private readonly PamuEngine _engine;
    private readonly PamuReader _reader;
    private readonly Dictionary<int, PamuGroup> _groups = [];

    /// <summary>Boots a machine.</summary>
    /// <param name="maxWindows">The platform's window limit.</param>
    public EngineSubject(int maxWindows)
    {
        _engine = new PamuEngine(RecordedPlatform.Create(maxWindows));
        _reader = _engine.CreateReader("conform");
    }

    /// <inheritdoc/>
    public int Open()
    {
        PamuContainer container = _engine.CreateContainer();
        long result = container.Ioctl(PamuRequests.SetIommu, RecordedPlatform.PamuExtension);
        return result == 0 ? container.Fd : throw new InvalidOperationException($"SET_IOMMU answers {result}");
    }

    /// <inheritdoc/>
    public void Close(int container) => Find(container).Dispose();

    /// <inheritdoc/>
    public long Ioctl(int container, uint request, Span<byte> argument) => Find(container).Ioctl(request, argument);

    /// <inheritdoc/>
    public long Ioctl(int container, uint request, ulong value) => Find(container).Ioctl(request, value);

    /// <inheritdoc/>
    public long Attach(int container, int group, IReadOnlyList<int> liodns)
    {
        if (!_groups.TryGetValue(group, out PamuGroup? made))
        {
            made = _engine.CreateGroup(group, liodns, Enumerable.Range(0, RecordedPlatform.MsiPages.Count));
            _groups.Add(group, made);
        }

        Span<byte> fd = stackalloc byte[sizeof(int)];
        MemoryMarshal.Write(fd, container);
        return made.Ioctl(PamuRequests.GroupSetContainer, fd);
    }

    /// <inheritdoc/>
    public long Detach(int group) => _groups.TryGetValue(group, out PamuGroup? made)
        ? made.Ioctl(PamuRequests.GroupUnsetContainer, [])
        : -(long)Errno.EINVAL;

    /// <inheritdoc/>
    public IReadOnlyList<int> Groups(int container) => [.. Find(container).Groups.Select(group => group.Id)];

    /// <inheritdoc/>
    public IReadOnlyList<PamuWindow> Windows(int container) => Find(container).GetWindows();

    /// <inheritdoc/>
    public bool TryIovaToPhys(int container, ulong iova, out ulong phys) => Find(container).TryIovaToPhys(iova, out phys);

    /// <inheritdoc/>
    public Translation Translate(int container, ulong iova, ulong length, DmaAccess access) =>
        _reader.Translate(Find(container), iova, length, access);

    /// <inheritdoc/>
    public void Dispose()
    {
        _reader.Dispose(); // before the engine, which would keep what an open reader may touch
        _engine.Dispose();
    }

    private PamuContainer Find(int container) =>
        _engine.FindContainer(container) ?? throw new ArgumentOutOfRangeException(nameof(container), container, "no open container");
}
