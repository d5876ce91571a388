// The native library as a subject of the recordings: every call goes through the C interface.
//
// Unsafe: see PamuAbi. The reader's memory is the subject's, and is freed when it has been given back.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PamuFastPath.Cli.Conform;

namespace PamuFastPath.Tests.Native;

/// <summary>
/// One machine of the native library. The C interface has no query for windows and addresses: they are read from the published table. A container
/// without groups shows its message windows while a group of our own, which uses every bank, is attached.
/// </summary>
internal sealed unsafe class NativeSubject : IConformanceSubject
{
    private const int OwnGroup = 1_000_000;
    private const uint OwnLiodn = 0x300;

    private readonly nint _engine;
    private readonly nint _ownGroup;
    private readonly void* _reader;
    private readonly Dictionary<int, nint> _containers = [];
    private readonly Dictionary<int, nint> _groups = [];
    private readonly Dictionary<int, int> _containerOfGroup = [];
    private readonly Dictionary<int, List<PamuWindow>> _windows = []; // as long as no call is made

    internal NativeSubject(int maxWindows)
    {
        PamuPlatform recorded = RecordedPlatform.Create(maxWindows);
        ulong[] pages = [.. recorded.MsiBanks.Select(bank => bank.Page)];
        AbiStashTarget[] stash = [.. recorded.StashTargets.Select(target => new AbiStashTarget(target.Cache, (int?)target.Cpu ?? -1, target.Id))];
        nint engine;
        fixed (ulong* msiPages = pages)
        fixed (AbiStashTarget* stashTargets = stash)
        {
            var platform = new AbiPlatform
            {
                Size = (uint)sizeof(AbiPlatform),
                MaxWindows = (uint)maxWindows,
                PhysicalAddressBits = 36,
                PageSize = 4096,
                LiodnCount = RecordedPlatform.LiodnCount,
                PamuExtension = RecordedPlatform.PamuExtension,
                MsiPages = msiPages,
                StashTargets = stashTargets,
                MsiPageCount = (uint)pages.Length,
                StashTargetCount = (uint)stash.Length,
                PageSource = &Supply,
            };
            PamuAbi.Accepted(PamuAbi.pamu_engine_create(&platform, &engine));
        }

        _engine = engine;
        _ownGroup = MakeGroup(OwnGroup, [(int)OwnLiodn]);
        _reader = NativeMemory.AlignedAlloc(PamuAbi.ReaderBytes, PamuAbi.ReaderBytes);
        NativeMemory.Clear(_reader, PamuAbi.ReaderBytes);
        PamuAbi.Accepted(PamuAbi.pamu_reader_register(_engine, null, _reader));
    }

    /// <inheritdoc/>
    public int Open()
    {
        nint container;
        PamuAbi.Accepted(PamuAbi.pamu_container_create(_engine, &container));
        PamuAbi.Accepted(PamuAbi.pamu_ioctl(container, PamuRequests.SetIommu, (nuint)RecordedPlatform.PamuExtension));
        int fd = PamuAbi.pamu_container_fd(container);
        _containers[fd] = container;
        return fd;
    }

    /// <inheritdoc/>
    public void Close(int container)
    {
        _windows.Clear();
        PamuAbi.Accepted(PamuAbi.pamu_container_destroy(_containers[container]));
        _containers.Remove(container);
        foreach (int group in Groups(container))
        {
            _containerOfGroup.Remove(group);
        }
    }

    /// <inheritdoc/>
    public long Ioctl(int container, uint request, Span<byte> argument)
    {
        _windows.Clear();
        fixed (byte* bytes = argument)
        {
            return PamuAbi.pamu_ioctl(_containers[container], request, (nuint)bytes);
        }
    }

    /// <inheritdoc/>
    public long Ioctl(int container, uint request, ulong value)
    {
        _windows.Clear();
        return PamuAbi.pamu_ioctl(_containers[container], request, (nuint)value);
    }

    /// <inheritdoc/>
    public long Attach(int container, int group, IReadOnlyList<int> liodns)
    {
        _windows.Clear();
        if (!_groups.TryGetValue(group, out nint made))
        {
            _groups.Add(group, made = MakeGroup(group, liodns));
        }

        int fd = container;
        long result = PamuAbi.pamu_group_ioctl(made, PamuRequests.GroupSetContainer, (nuint)(&fd));
        if (result == 0)
        {
            _containerOfGroup[group] = container;
        }

        return result;
    }

    /// <inheritdoc/>
    public long Detach(int group)
    {
        _windows.Clear();
        if (!_groups.TryGetValue(group, out nint made))
        {
            return -(long)Errno.EINVAL;
        }

        long result = PamuAbi.pamu_group_ioctl(made, PamuRequests.GroupUnsetContainer, 0);
        if (result == 0)
        {
            _containerOfGroup.Remove(group);
        }

        return result;
    }

    /// <summary>The groups that were attached, and by their own word are in a container still.</summary>
    public IReadOnlyList<int> Groups(int container) =>
        [.. _containerOfGroup.Where(pair => pair.Value == container && (!_containers.ContainsKey(container) || HasContainer(pair.Key))).Select(pair => pair.Key)];

    /// <inheritdoc/>
    public IReadOnlyList<PamuWindow> Windows(int container)
    {
        if (_windows.TryGetValue(container, out List<PamuWindow>? known))
        {
            return known;
        }

        List<PamuWindow> live = ReadTable(container);
        List<PamuWindow> all = live;
        if (Groups(container).Count == 0)
        {
            PamuAbi.Accepted(PamuAbi.pamu_attach(_ownGroup, _containers[container]));
            all = ReadTable(container);
            PamuAbi.Accepted(PamuAbi.pamu_detach(_ownGroup));
        }

        List<PamuWindow> windows = [.. all.Select(window => window with { IsLive = live.Contains(window) })];
        _windows.Add(container, windows);
        return windows;
    }

    /// <inheritdoc/>
    public bool TryIovaToPhys(int container, ulong iova, out ulong phys)
    {
        foreach (PamuWindow window in Windows(container))
        {
            if (iova - window.Iova < window.Size)
            {
                phys = window.Target + (iova - window.Iova);
                return true;
            }
        }

        phys = 0;
        return false;
    }

    /// <inheritdoc/>
    public Translation Translate(int container, ulong iova, ulong length, DmaAccess access)
    {
        AbiSection section;
        AbiAnswer answer;
        uint direction = (uint)access;
        PamuAbi.shim_enter(_reader, _containers[container], &section);
        PamuAbi.shim_translate(&section, 1, &iova, &length, &direction, &answer);
        PamuAbi.Accepted(PamuAbi.shim_leave(&section));
        return (TranslationKind)answer.Kind switch
        {
            TranslationKind.Crosses => Translation.Crossing,
            TranslationKind.Fault => Translation.Refused((FaultKind)answer.Fault, answer.FaultIova),
            _ => Translation.Hit(iova, (answer.Target - iova) | (uint)(answer.Bank + 1)),
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        PamuAbi.Accepted(PamuAbi.pamu_reader_unregister(_reader));
        NativeMemory.AlignedFree(_reader);
        PamuAbi.Accepted(PamuAbi.pamu_engine_destroy(_engine));
    }

    [UnmanagedCallersOnly]
    private static int Supply(void* context, ulong vaddr, ulong length, ulong* target) =>
        RecordedPlatform.TrySupply(vaddr, length, out *target) ? 0 : 1;

    private nint MakeGroup(int id, IReadOnlyList<int> liodns)
    {
        uint[] own = [.. liodns.Select(liodn => (uint)liodn)];
        uint[] banks = [.. Enumerable.Range(0, RecordedPlatform.MsiPages.Count).Select(bank => (uint)bank)];
        nint group;
        fixed (uint* ownLiodns = own, ownBanks = banks)
        {
            PamuAbi.Accepted(PamuAbi.pamu_group_create(_engine, id, ownLiodns, (nuint)own.Length, ownBanks, (nuint)banks.Length, &group));
        }

        return group;
    }

    private bool HasContainer(int group)
    {
        const uint containerSet = 2;
        uint* status = stackalloc uint[] { 2 * sizeof(uint), 0 };
        PamuAbi.Accepted(PamuAbi.pamu_group_ioctl(_groups[group], PamuRequests.GroupGetStatus, (nuint)status));
        return (status[1] & containerSet) != 0;
    }

    /// <summary>The live windows.</summary>
    private List<PamuWindow> ReadTable(int container)
    {
        AbiSection section;
        PamuAbi.shim_enter(_reader, _containers[container], &section);
        var table = new TableView(new ReadOnlySpan<byte>(section.Table, TableLayout.ImageBytes));
        List<PamuWindow> windows = [];
        for (int i = 0; i < table.WindowCount; i++)
        {
            ulong offset = (ulong)i << table.WindowShift;
            ulong iova = table.ApertureBase + offset;
            ulong readable = table.ReadEnd[i] - offset;
            ulong writable = table.WriteEnd[i] - offset;
            if ((readable | writable) != 0)
            {
                ulong tag = table.Delta[i] & TableLayout.MsiTagMask;
                var allowed = (readable != 0 ? DmaPermissions.Read : 0) | (writable != 0 ? DmaPermissions.Write : 0);
                windows.Add(new PamuWindow(i, true, iova, iova + table.Delta[i] - tag, readable | writable, allowed, (int)tag - 1));
            }
        }

        PamuAbi.Accepted(PamuAbi.shim_leave(&section));
        return windows;
    }
}
