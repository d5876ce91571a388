using System.Diagnostics;

namespace PamuFastPath.Interop;

/// <summary>
/// A container's hardware on a QorIQ machine: the PAMU, by the VFIO-PAMU driver of Freescale's SDK kernels as it was recorded, not as it is
/// documented. What it cannot do is refused with a clear errno before anything changes; docs/hardware.md lists it, and what cannot be hidden.
/// </summary>
/// <remarks>
/// The driver's habits, and what is done about them here:
/// <list type="bullet">
/// <item>A refused map destroys every window of its range: one call maps one window, which was empty.</item>
/// <item>The domain is enabled by a successful MAP_DMA only and disabled with the last entry of the DMA list, so that MSI windows die with it, and
/// a group attached later is dead until the next map. A <em>keeper</em> holds it: an entry beyond the aperture, made of two maps of half a window
/// each. Each maps nothing, as a map below one window does, but enables the domain; the two merge into an entry of one whole window, which
/// UNMAP_DMA can take back. So nothing that is mapped has to be touched, and no DMA faults meanwhile.</item>
/// <item>An attached LIODN passes everything through until a window count is set, so a count of 1 is set first. It also makes a refused count
/// show when it is read back, and costs no entry of the secondary table.</item>
/// <item>A window count other than 1 takes entries of the secondary table that only a detach gives back: before it changes, the groups leave.</item>
/// <item>An attach that fails leaves devices in the domain that nothing can take out: the groups leave, and a new domain is built.</item>
/// </list>
/// </remarks>
public sealed class PamuMirror : VfioMirror
{
    private const ulong PageBytes = 4096; // the driver's page; a map is one at least

    private const int NoEntry = 2; // ENOENT

    private readonly PamuCalls _calls;
    private readonly SortedDictionary<int, HardwareWindow> _held = [];
    private readonly List<ulong> _keepers = [];
    private Shape? _shape;
    private ulong? _halfKeeper;
    private (uint Cpu, uint Cache)? _stash;
    private bool _isSpoilt;

    // What the machine can do; 0 until it has said so.
    private uint _windowsMax;
    private int _bankCount;

    internal PamuMirror(IVfioKernel kernel, uint extension)
        : base(kernel)
    {
        IommuType = extension;
        _calls = new PamuCalls(kernel);
    }

    private protected override uint IommuType { get; }

    private static Refusal Spoilt => new(
        Errno.EBUSY, "group", "no device of the container's groups is open: the kernel keeps devices of a group it refused, and has to be set up anew");

    private protected override Refusal CheckShape(HardwareImage image)
    {
        Shape shape = Shape.Of(image);
        Refusal refusal = CheckMachine(image);
        foreach (HardwareWindow window in image.Windows)
        {
            refusal = refusal.IsRefused || window.IsMsi ? refusal : CheckDma(window, shape);
        }

        if (refusal.IsRefused || shape.CanKeep)
        {
            return refusal;
        }

        if (image.Windows.Length > 0 && image.Windows.All(window => window.IsMsi))
        {
            return new Refusal(Errno.EINVAL, "iova", $"{shape.KeeperRule}, where MSI windows are mapped and no memory is: the kernel enables neither then");
        }

        return _held.Count > 0 && WantedGroups(image).Except(AttachedGroups).Any()
            ? new Refusal(Errno.EBUSY, "group", $"{shape.KeeperRule}, where a group comes to windows that are mapped: the kernel leaves it disabled")
            : Refusal.None;
    }

    private protected override Refusal Settle()
    {
        if (_halfKeeper is not ulong iova)
        {
            return Refusal.None;
        }

        ulong half = _shape!.WindowSize / 2;
        long result = _calls.MapDma(half, iova + half, half, DmaPermissions.Read);
        if (result < 0)
        {
            return KeeperRefused(result);
        }

        _halfKeeper = null;
        _keepers.Add(iova);
        return Refusal.None;
    }

    private protected override bool StartsAfresh(HardwareImage image) =>
        _isSpoilt || _shape == null || (_shape != Shape.Of(image) && _shape.Count > 1);

    private protected override Refusal HoldWindows(HardwareImage image)
    {
        Shape shape = Shape.Of(image);
        List<HardwareWindow> leaving = [.. _held.Values.Except(image.Windows)];
        List<HardwareWindow> coming = [.. image.Windows.Except(_held.Values)];
        if (_isSpoilt && (leaving.Count > 0 || coming.Count > 0 || _shape != shape))
        {
            return Spoilt;
        }

        Refusal refusal = LearnMachine();
        refusal = refusal.IsRefused ? refusal : CheckMachine(image);
        refusal = refusal.IsRefused ? refusal : Release(leaving);
        refusal = refusal.IsRefused ? refusal : Reshape(shape);
        refusal = refusal.IsRefused ? refusal : SetStash(image.Stash);
        foreach (HardwareWindow window in coming)
        {
            refusal = refusal.IsRefused ? refusal : Map(window);
        }

        return refusal.IsRefused ? refusal : SetKeepers(isAwake: true);
    }

    /// <summary>Wakes the LIODNs that came: they are off until the next map.</summary>
    private protected override Refusal GroupsJoined(HardwareImage image)
    {
        if (_isSpoilt)
        {
            return Spoilt; // to wake these would wake the devices left behind
        }

        if (_held.Count == 0)
        {
            return Refusal.None;
        }

        if (_shape!.CanKeep)
        {
            return SetKeepers(isAwake: false);
        }

        // CheckShape lets groups come to mapped windows without a keeper only where these are replayed, or on the way back.
        HardwareWindow window = _held.Values.First(held => !held.IsMsi);
        return Release([window]) is { IsRefused: true } stays ? stays : Map(window);
    }

    private protected override void GroupRefused(in Refusal refusal) => _isSpoilt |= _shape != null && refusal.Errno == Errno.EINVAL;

    private protected override void Dropped()
    {
        _held.Clear();
        _keepers.Clear();
        (_shape, _halfKeeper, _stash, _isSpoilt) = (null, null, null, false);
    }

    private protected override void ReleaseWindows() => _ = Release([.. _held.Values]);

    private protected override string DescribeWindows() =>
        _held.Count == 0 ? "no window" : string.Join(", ", _held.Values.Select(static window => Name(window)));

    private static Refusal CheckDma(in HardwareWindow window, Shape shape)
    {
        if (window.Size != shape.WindowSize)
        {
            return new Refusal(Errno.EINVAL, "size", $"{Name(window)} is mapped as a whole, {shape.WindowSize} bytes: of less the kernel maps nothing");
        }

        return window.Last == ulong.MaxValue
            ? new Refusal(Errno.EINVAL, "iova", $"{Name(window)} ends below 2^64: the kernel takes such an end for 0 when it unmaps")
            : Refusal.None;
    }

    /// <summary>What depends on the machine, and is known once the first group is in.</summary>
    private Refusal CheckMachine(HardwareImage image)
    {
        if (_windowsMax == 0)
        {
            return Refusal.None;
        }

        if (image.AreWindowsSet && image.WindowCount > _windowsMax)
        {
            return new Refusal(Errno.EINVAL, "windows", $"at most the {_windowsMax} of this machine's PAMU");
        }

        return image.Windows.Any(window => window.MsiBank >= _bankCount)
            ? new Refusal(Errno.ENODEV, "msi_bank_index", $"below the machine's count, {_bankCount}")
            : Refusal.None;
    }

    private Refusal LearnMachine()
    {
        if (_windowsMax != 0)
        {
            return Refusal.None;
        }

        Debug.Assert(_shape == null, "the kernel says its maximum only before a count is set");
        Refusal refusal = _calls.GetMsiBankCount(out _bankCount);
        return refusal.IsRefused ? refusal : _calls.GetWindows(out _windowsMax);
    }

    /// <summary>Sets aperture and count, with nothing mapped. Refused, what the kernel has is not known: its two layers may differ.</summary>
    private Refusal Reshape(Shape shape)
    {
        if (shape == _shape)
        {
            return Refusal.None;
        }

        Debug.Assert(_held.Count == 0 && _keepers.Count == 0, "nothing is mapped, so the domain is not enabled");
        // A call that changes nothing could not be told from one that was refused.
        bool isPlaced = _shape != null && (_shape.Start, _shape.Last) == (shape.Start, shape.Last);
        bool isCounted = _shape is { Count: 1 } && shape.Count != 1;
        _shape = null;
        Refusal refusal = isPlaced ? Refusal.None : _calls.SetGeometry(shape.Start, shape.Last);
        refusal = refusal.IsRefused || isCounted ? refusal : _calls.SetWindows(1);
        refusal = refusal.IsRefused || shape.Count == 1 ? refusal : _calls.SetWindows(shape.Count);
        _shape = refusal.IsRefused ? null : shape;
        return refusal;
    }

    private Refusal SetStash((uint Cpu, uint Cache)? stash)
    {
        if (stash is not (uint cpu, uint cache) || stash == _stash)
        {
            return Refusal.None; // once set, it cannot be unset
        }

        Refusal refusal = _calls.SetStash(cpu, cache);
        _stash = refusal.IsRefused ? _stash : stash;
        return refusal;
    }

    /// <summary>Takes windows away; the domain stays enabled for those that stay.</summary>
    private Refusal Release(List<HardwareWindow> leaving)
    {
        List<HardwareWindow> staying = [.. _held.Values.Except(leaving)];
        Refusal refusal = staying.Count == 0 ? DropKeepers()
            : leaving.Count > 0 && staying.TrueForAll(window => window.IsMsi) && _shape!.CanKeep && _keepers.Count == 0 ? Keep()
            : Refusal.None;
        foreach (HardwareWindow window in leaving)
        {
            refusal = refusal.IsRefused ? refusal : Unmap(window);
        }

        return refusal;
    }

    private Refusal Map(in HardwareWindow window)
    {
        long result = window.IsMsi
            ? _calls.MapMsiBank(window.MsiBank, window.Iova, window.Permissions)
            : _calls.MapDma(window.Vaddr, window.Iova, window.Size, window.Permissions);
        if (result >= 0)
        {
            _held.Add(window.Index, window);
            return Refusal.None;
        }

        // A LIODN without its entries in the secondary table: the others have the window now, and only a new domain takes it from them.
        _isSpoilt |= result == -NoEntry;
        string rule = $"the kernel maps {Name(window)}";
        return Refused(result, "vaddr", (Errno)(-result) switch
        {
            Errno.EFAULT => $"{rule}: the memory at 0x{window.Vaddr:x} is the process's own, and {window.Size} bytes in one piece of physical memory",
            Errno.ENOMEM => $"{rule}: RLIMIT_MEMLOCK, {MemoryLock.Describe()}, covers its {window.Size} bytes and what is locked",
            _ => rule,
        });
    }

    private Refusal Unmap(in HardwareWindow window)
    {
        long result = window.IsMsi ? _calls.UnmapMsiBank(window.Iova) : _calls.UnmapDma(window.Iova, window.Size);
        if (result < 0)
        {
            return Refused(result, "iova", $"the kernel unmaps {Name(window)}");
        }

        _held.Remove(window.Index);
        return Refusal.None;
    }

    /// <summary>One keeper if one is needed, and none else.</summary>
    /// <param name="isAwake">Whether every LIODN is enabled if the domain is. If not, a new keeper enables them.</param>
    private Refusal SetKeepers(bool isAwake)
    {
        bool isNeeded = _held.Count > 0 && _held.Values.All(window => window.IsMsi);
        Refusal refusal = Refusal.None;
        if (!isAwake || (isNeeded && _keepers.Count == 0))
        {
            refusal = Keep();
        }

        foreach (ulong keeper in _keepers.SkipLast(isNeeded ? 1 : 0).ToList())
        {
            refusal = refusal.IsRefused ? refusal : Drop(keeper);
        }

        return refusal;
    }

    /// <summary>
    /// Where a keeper is: beyond the aperture, where the driver looks for nothing, and apart from what it could merge with.
    /// </summary>
    private ulong KeeperSlot(int slot) => _shape!.Last + 1 + (_shape.WindowSize * (1 + 2 * (ulong)slot));

    private Refusal Keep()
    {
        Debug.Assert(_shape!.CanKeep, "a window has two halves, and there is room beyond the aperture");
        ulong iova = _keepers.Contains(KeeperSlot(0)) ? KeeperSlot(1) : KeeperSlot(0);
        Debug.Assert(!_keepers.Contains(iova), "there is one keeper at most, but while it is being replaced");
        long result = _calls.MapDma(0, iova, _shape.WindowSize / 2, DmaPermissions.Read);
        if (result < 0)
        {
            return KeeperRefused(result);
        }

        _halfKeeper = iova; // unmapped as it is, it would hang the kernel
        return Settle();
    }

    private Refusal DropKeepers()
    {
        Refusal refusal = Refusal.None;
        foreach (ulong keeper in _keepers.ToList())
        {
            refusal = refusal.IsRefused ? refusal : Drop(keeper);
        }

        return refusal;
    }

    private Refusal Drop(ulong keeper)
    {
        long result = _calls.UnmapDma(keeper, _shape!.WindowSize);
        if (result < 0)
        {
            return Refused(result, "iova", "the kernel takes back the empty mapping that keeps the IOMMU enabled");
        }

        _keepers.Remove(keeper);
        return Refusal.None;
    }

    private static Refusal KeeperRefused(long result) => Refused(result, "iova", "the kernel takes an empty mapping that keeps the IOMMU enabled");

    /// <summary>What SET_ATTR makes: an aperture and its window count. One window, of the whole aperture, where the container has none yet.</summary>
    private sealed record Shape(ulong Start, ulong Last, uint Count)
    {
        internal ulong WindowSize => (Last - Start + 1) / Count;

        /// <summary>Whether a keeper is possible: its halves are a page at least, and two of them, with gaps, have room beyond the aperture.</summary>
        internal bool CanKeep => WindowSize >= 2 * PageBytes && (ulong.MaxValue - Last) / WindowSize >= 6;

        internal string KeeperRule => WindowSize < 2 * PageBytes
            ? $"windows have {2 * PageBytes} bytes at least"
            : "six windows more fit between the aperture and 2^64";

        internal static Shape Of(HardwareImage image) =>
            new(image.ApertureStart, image.ApertureLast, image.AreWindowsSet ? (uint)image.WindowCount : 1);
    }
}
