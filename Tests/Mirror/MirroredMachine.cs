using System.Runtime.InteropServices;
using PamuFastPath.Cli.Conform;
using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Mirror;

/// <summary>
/// The engine on the recorded platform, each container with the PAMU backend on the recorded kernel: one machine, one set of PAMU tables. Reached
/// as a VFIO client reaches it.
/// </summary>
internal sealed class MirroredMachine : IConformanceSubject
{
    private readonly PamuReader _reader;
    private readonly Dictionary<int, PamuGroup> _groups = [];
    private readonly Dictionary<int, PamuMirror> _mirrors = [];
    private readonly HashSet<(int Container, int Group)> _bound = [];
    private int _opened;

    internal MirroredMachine(int maxWindows, int? kernelWindows = null)
    {
        Engine = new PamuEngine(RecordedPlatform.Create(maxWindows));
        _reader = Engine.CreateReader("mirrored");
        Kernel = new RecordedPamuMachine(kernelWindows ?? maxWindows);
    }

    internal PamuEngine Engine { get; }

    internal RecordedPamuMachine Kernel { get; }

    internal Dictionary<int, RecordedPamuKernel> Kernels { get; } = [];

    /// <summary>Between backend and kernel, by container.</summary>
    internal Dictionary<int, InterposedKernel> Between { get; } = [];

    /// <inheritdoc/>
    public int Open()
    {
        PamuContainer container = Engine.CreateContainer();
        container.SetIommu(RecordedPlatform.PamuExtension);
        var kernel = new RecordedPamuKernel(Kernel, _opened++);
        Kernels.Add(container.Fd, kernel);
        Between.Add(container.Fd, new InterposedKernel(kernel));
        _mirrors.Add(container.Fd, new PamuMirror(Between[container.Fd], RecordedPlatform.PamuExtension));
        container.BindHardware(_mirrors[container.Fd]);
        return container.Fd;
    }

    /// <inheritdoc/>
    public void Close(int container)
    {
        Find(container).Dispose();
        Kernels.Remove(container);
        Between.Remove(container);
        _mirrors.Remove(container);
    }

    /// <inheritdoc/>
    public long Ioctl(int container, uint request, Span<byte> argument) => Find(container).Ioctl(request, argument);

    /// <inheritdoc/>
    public long Ioctl(int container, uint request, ulong value) => Find(container).Ioctl(request, value);

    /// <inheritdoc/>
    public long Attach(int container, int group, IReadOnlyList<int> liodns)
    {
        Span<byte> fd = stackalloc byte[sizeof(int)];
        MemoryMarshal.Write(fd, container);
        return Group(container, group).Ioctl(PamuRequests.GroupSetContainer, fd);
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
    public void Dispose() => Engine.Dispose();

    internal PamuContainer Find(int container) => Engine.FindContainer(container)!;

    /// <summary>A group of the recordings, using every MSI bank, bound to the container's hardware.</summary>
    internal PamuGroup Group(int container, int group)
    {
        if (!_groups.TryGetValue(group, out PamuGroup? made))
        {
            IEnumerable<int> liodns = RecordedPamuMachine.RecordedGroups[group].SelectMany(device => device);
            made = Engine.CreateGroup(group, liodns, Enumerable.Range(0, RecordedPlatform.MsiPages.Count));
            _groups.Add(group, made);
        }

        if (_bound.Add((container, group)))
        {
            _mirrors[container].Bind(made, group);
        }

        return made;
    }

    /// <summary>
    /// The first difference between what the tables let the recorded LIODNs do and what software lets them do; null if there is none. A LIODN
    /// that never was in a container is as after boot, one that was in one and left is cut off.
    /// </summary>
    internal string? Difference()
    {
        foreach ((int id, int[][] devices) in RecordedPamuMachine.RecordedGroups)
        {
            PamuContainer? container = _groups.GetValueOrDefault(id)?.Container;
            List<TableRange> wanted = container == null ? [] : Live(container);
            foreach (int liodn in devices.SelectMany(device => device).Where(liodn => liodn < RecordedPlatform.LiodnCount))
            {
                bool isUntouched = container == null && Kernel.Driver.Tables[liodn] == PrimaryEntry.Boot;
                IReadOnlyList<TableRange> reach = Kernel.Reach(liodn);
                if (!isUntouched && !reach.SequenceEqual(wanted))
                {
                    return $"LIODN 0x{liodn:x} reaches [{string.Join(", ", reach)}], in software [{string.Join(", ", wanted)}]";
                }
            }
        }

        return null;
    }

    /// <summary>The same for single accesses at every edge, software asked by LIODN as a device model asks it.</summary>
    internal string? AccessDifference(ref int probes)
    {
        foreach (PamuGroup group in _groups.Values.Where(group => group.Container != null))
        {
            List<ulong> edges = [.. Live(group.Container!).SelectMany(Edges)];
            foreach (int liodn in group.Liodns)
            {
                IReadOnlyList<TableRange> reach = Kernel.Reach(liodn);
                foreach (ulong iova in edges)
                {
                    TableRange range = reach.FirstOrDefault(range => iova >= range.Iova && iova - range.Iova < range.Size);
                    foreach (DmaAccess access in (ReadOnlySpan<DmaAccess>)[DmaAccess.Read, DmaAccess.Write])
                    {
                        probes++;
                        Translation answer = _reader.Translate((uint)liodn, iova, 1, access);
                        bool isAllowed = (range.Access & (access == DmaAccess.Read ? 1u : 2u)) != 0;
                        if (answer.IsHit != isAllowed || (isAllowed && answer.Target != range.Target + (iova - range.Iova)))
                        {
                            return $"LIODN 0x{liodn:x}, {access} at 0x{iova:x}: the tables say {range}, software {answer}";
                        }
                    }
                }
            }
        }

        return null;
    }

    /// <summary>Everything that can be seen of software and hardware, as text.</summary>
    internal string Describe() => string.Join('\n', Engine.Containers.Select(container =>
        $"{container.Fd} {container.Geometry} {container.WindowCount} {container.Stash} [{string.Join(' ', container.Groups.Select(group => group.Id))}] "
        + string.Join(' ', container.GetWindows()))) + "\n" + Reach();

    /// <summary>What the tables let each recorded LIODN do.</summary>
    internal string Reach() => string.Join('\n', RecordedPamuMachine.RecordedGroups.Values
        .SelectMany(devices => devices.SelectMany(device => device))
        .Select(liodn => $"0x{liodn:x} [{string.Join(", ", Kernel.Reach(liodn))}]"));

    private static IEnumerable<ulong> Edges(TableRange range) =>
        [range.Iova - 1, range.Iova, range.Iova + (range.Size - 1), unchecked(range.Iova + range.Size)];

    private static List<TableRange> Live(PamuContainer container) =>
    [
        .. container.GetWindows()
            .Where(window => window.IsLive)
            .Select(window => new TableRange(window.Iova, window.Size, window.Target, (uint)window.Permissions)),
    ];
}
