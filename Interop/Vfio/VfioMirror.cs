using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace PamuFastPath.Interop;

/// <summary>
/// A container's hardware behind Linux VFIO: which VFIO groups are in the kernel's container, and what the IOMMU holds for them. What kind of
/// IOMMU that is, the classes derived from this know.
/// </summary>
/// <remarks>
/// While no bound group is attached, the hardware holds nothing. The first one attached sets the IOMMU and replays all windows; with the last
/// one the kernel drops both. <see cref="Check"/> and <see cref="Apply"/> are called by the container, one at a time;
/// <see cref="Bind"/> may be called from any thread.
/// </remarks>
public abstract partial class VfioMirror : IHardwareMirror
{
    private readonly Lock _gate = new();
    private readonly Dictionary<PamuGroup, int> _bindings = [];

    // What is really held, which after a failed way back is not what the image says.
    private readonly OrderedDictionary<int, IReadOnlyList<IovaRange>> _groups = [];
    private readonly HashSet<int> _asleep = []; // groups that came to held windows, of which GroupsJoined has not been told with success
    private bool _isIommuSet;

    private HardwareImage? _image;
    private bool _isDisposed;

    internal VfioMirror(IVfioKernel kernel) => Kernel = kernel;

    /// <summary>The VFIO groups that are in the kernel's container now, in the order they came.</summary>
    public IReadOnlyList<int> AttachedGroups
    {
        get
        {
            lock (_gate)
            {
                return [.. _groups.Keys];
            }
        }
    }

    internal IVfioKernel Kernel { get; }

    /// <summary>The number that VFIO_SET_IOMMU takes.</summary>
    private protected abstract uint IommuType { get; }

    /// <summary>
    /// Says which VFIO group stands behind a group. A group without a binding is software only. To be said before the group is attached, or
    /// before this is bound to a container that has it.
    /// </summary>
    /// <param name="group">The group.</param>
    /// <param name="vfioGroup">The number of the host's IOMMU group, as in <c>/dev/vfio/N</c>.</param>
    /// <exception cref="PamuException">
    /// EINVAL: a negative number. EBUSY: the group is in the container already, or either of the two is bound. EBADF: disposed.
    /// </exception>
    public void Bind(PamuGroup group, int vfioGroup)
    {
        ArgumentNullException.ThrowIfNull(group);
        lock (_gate)
        {
            RefuseDisposed().ThrowIfRefused();
            if (vfioGroup < 0)
            {
                throw new PamuException(Errno.EINVAL, nameof(vfioGroup), "0 or more");
            }

            if (_bindings.ContainsKey(group) || _image?.Groups.Contains(group) == true)
            {
                throw new PamuException(Errno.EBUSY, nameof(group), "a group is bound once, and before it is attached");
            }

            if (_bindings.ContainsValue(vfioGroup))
            {
                throw new PamuException(Errno.EBUSY, nameof(vfioGroup), "a VFIO group stands behind one group");
            }

            _bindings.Add(group, vfioGroup);
        }
    }

    /// <summary>Opens a device of an attached group. It keeps the group attached (EBUSY) until it is disposed.</summary>
    /// <param name="vfioGroup">The VFIO group.</param>
    /// <param name="name">The device's name in sysfs, such as <c>0000:00:04.0</c>.</param>
    /// <exception cref="PamuException">EINVAL: the group is not attached. Or what the kernel answers; ENODEV: no such device in the group.</exception>
    [SupportedOSPlatform("linux")]
    public VfioDevice OpenDevice(int vfioGroup, string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        lock (_gate)
        {
            return (Kernel as VfioKernel)?.Group(vfioGroup) is { } group
                ? VfioDevice.Open(group, name)
                : throw new PamuException(Errno.EINVAL, nameof(vfioGroup), $"group {vfioGroup} is attached, so that its devices meet the container's windows");
        }
    }

    /// <inheritdoc/>
    public Refusal Check(HardwareImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        lock (_gate)
        {
            return CheckHeld(image);
        }
    }

    /// <inheritdoc/>
    public Refusal Apply(HardwareImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        lock (_gate)
        {
            if (CheckHeld(image) is { IsRefused: true } impossible)
            {
                return impossible;
            }

            Refusal refusal = MoveTo(image);
            if (!refusal.IsRefused)
            {
                _image = image;
                return refusal;
            }

            Refusal stuck = MoveTo(_image);
            return stuck.IsRefused
                ? refusal with
                {
                    Rule = $"{refusal.Rule}; the way back failed too ({stuck.Errno}: {stuck.Parameter}: {stuck.Rule}): the hardware now holds {Held()}",
                }
                : refusal;
        }
    }

    /// <summary>
    /// Unmaps everything, takes the groups out and closes the kernel's container. A device that is still open keeps its group, but nothing
    /// that it can reach. Refusals have nobody to hear them.
    /// </summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            _ = Settle();
            ReleaseWindows();
            foreach (int group in _groups.Keys.Reverse().ToList())
            {
                _ = Leave(group);
            }

            Kernel.Dispose();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Whether the IOMMU has to hold a window at all; one it need not hold cannot collide with anything.</summary>
    private protected virtual bool Holds(in HardwareWindow window) => true;

    /// <summary>
    /// Whether this kind of IOMMU could hold the image, as far as known. Asked only if a bound group is in it; reserved ranges of the groups are
    /// looked at already. Makes no call that changes anything.
    /// </summary>
    private protected virtual Refusal CheckShape(HardwareImage image) => Refusal.None;

    /// <summary>Finishes what a refused call left half done. Asked before anything else is; a refusal ends the step.</summary>
    private protected virtual Refusal Settle() => Refusal.None;

    /// <summary>
    /// Whether the IOMMU has to be dropped and set again to hold the image: every group leaves and comes back then. A group that cannot leave, for
    /// one of its devices is open, stays: then the IOMMU stays too.
    /// </summary>
    private protected virtual bool StartsAfresh(HardwareImage image) => false;

    /// <summary>
    /// Makes the IOMMU hold the shape and windows of <paramref name="image"/>, starting from what it really holds: nothing after SET_IOMMU. A
    /// group is in the container and the IOMMU is set. May stop half way, if it then knows what is held: it is called again with the image to go
    /// back to. No window may at any moment allow what neither image allows.
    /// </summary>
    private protected abstract Refusal HoldWindows(HardwareImage image);

    /// <summary>Groups came to a container whose windows are held. What their devices need to see them is done here. May refuse, as above.</summary>
    private protected virtual Refusal GroupsJoined(HardwareImage image) => Refusal.None;

    /// <summary>The kernel has refused a group beside others.</summary>
    private protected virtual void GroupRefused(in Refusal refusal)
    {
    }

    /// <summary>The set of groups has changed, and with it perhaps what the IOMMU offers. The windows are held as before.</summary>
    private protected virtual void GroupsChanged()
    {
    }

    /// <summary>The last group has left, and the kernel has dropped IOMMU, shape and windows.</summary>
    private protected abstract void Dropped();

    /// <summary>Makes the IOMMU hold no windows, as far as it lets itself; before closing.</summary>
    private protected abstract void ReleaseWindows();

    /// <summary>What the IOMMU really holds, for a person: "0x0-0xffff, 0x20000-0x20fff" or "no window".</summary>
    private protected abstract string DescribeWindows();

    /// <summary>A refusal by the kernel, in its words and ours.</summary>
    internal static Refusal Refused(long result, string parameter, string rule)
    {
        Debug.Assert(result < 0, "a refusal is a negative errno");
        int errno = (int)-result;
        return new Refusal((Errno)errno, parameter, $"{rule} (the kernel: {Marshal.GetPInvokeErrorMessage(errno)})");
    }

    private Refusal CheckHeld(HardwareImage image)
    {
        if (RefuseDisposed() is { IsRefused: true } disposed)
        {
            return disposed;
        }

        List<int> groups = WantedGroups(image);
        foreach (int group in groups)
        {
            IReadOnlyList<IovaRange> reserved = _groups.TryGetValue(group, out IReadOnlyList<IovaRange>? known) ? known : Kernel.ReservedRanges(group);
            if (CheckReserved(image, group, reserved) is { IsRefused: true } collision)
            {
                return collision;
            }
        }

        return groups.Count == 0 ? Refusal.None : CheckShape(image);
    }

    private Refusal CheckReserved(HardwareImage image, int group, IReadOnlyList<IovaRange> reserved)
    {
        foreach (HardwareWindow window in image.Windows)
        {
            foreach (IovaRange range in reserved)
            {
                if (Holds(window) && range.Overlaps(new IovaRange(window.Iova, window.Last)))
                {
                    return new Refusal(
                        Errno.EINVAL,
                        "iova",
                        $"{Name(window)} keeps clear of 0x{range.Start:x}-0x{range.Last:x}, which the host reserves in group {group}");
                }
            }
        }

        return Refusal.None;
    }

    private protected static string Name(in HardwareWindow window) => $"window {window.Index} (0x{window.Iova:x}-0x{window.Last:x})";

    /// <summary>
    /// From what is really held to an image, or to nothing. Groups leave before windows change and come after, so that no device meets windows
    /// of an image it is not in; the first group has to come before, and meets none. To go back from half way is the same in reverse.
    /// </summary>
    private Refusal MoveTo(HardwareImage? image)
    {
        if (Settle() is { IsRefused: true } unsettled)
        {
            return unsettled;
        }

        List<int> wanted = image == null ? [] : WantedGroups(image);
        foreach (int group in _groups.Keys.Except(wanted).Reverse().ToList())
        {
            if (Leave(group) is { IsRefused: true } stays)
            {
                return stays;
            }
        }

        if (wanted.Count > 0 && _groups.Count > 0 && StartsAfresh(image!))
        {
            foreach (int group in _groups.Keys.Reverse().ToList())
            {
                Refusal refusal = Leave(group);
                if (refusal.Errno == Errno.EBUSY)
                {
                    break;
                }

                if (refusal.IsRefused)
                {
                    return refusal;
                }
            }
        }

        if (wanted.Count == 0)
        {
            return Refusal.None;
        }

        if (_groups.Count == 0 && Join(wanted[0]) is { IsRefused: true } missing)
        {
            return missing;
        }

        if (SetIommu() is { IsRefused: true } unset)
        {
            return unset;
        }

        if (HoldWindows(image!) is { IsRefused: true } unheld)
        {
            return unheld;
        }

        List<int> late = [.. wanted.Where(group => !_groups.ContainsKey(group))];
        foreach (int group in late)
        {
            if (Join(group) is { IsRefused: true } refused)
            {
                GroupRefused(refused);
                return refused;
            }

            _asleep.Add(group);
        }

        // Also one that came in a step before, which failed, and could not leave again on the way back.
        Refusal woken = _asleep.Count == 0 ? Refusal.None : GroupsJoined(image!);
        if (!woken.IsRefused)
        {
            _asleep.Clear();
        }

        return woken;
    }

    private Refusal Join(int group)
    {
        Refusal refusal = Kernel.AddGroup(group);
        if (!refusal.IsRefused)
        {
            _groups.Add(group, Kernel.ReservedRanges(group));
            GroupsChanged();
        }

        return refusal;
    }

    private Refusal Leave(int group)
    {
        Refusal refusal = Kernel.RemoveGroup(group);
        if (refusal.IsRefused)
        {
            return refusal;
        }

        _groups.Remove(group);
        _asleep.Remove(group);
        if (_groups.Count == 0)
        {
            _isIommuSet = false;
            Dropped();
        }
        else
        {
            GroupsChanged();
        }

        return Refusal.None;
    }

    private Refusal SetIommu()
    {
        if (_isIommuSet)
        {
            return Refusal.None;
        }

        long result = Kernel.Ioctl(PamuRequests.SetIommu, IommuType);
        _isIommuSet = result >= 0;
        if (_isIommuSet)
        {
            return Refusal.None;
        }

        string rule = $"the host's IOMMU takes group {_groups.GetAt(0).Key} as type {IommuType}";
        return Refused(result, "iommu", (Errno)(-result) == Errno.EPERM
            ? $"{rule}: it remaps interrupts (or vfio_iommu_type1 has allow_unsafe_interrupts=1), and firmware claims none of the devices' memory"
            : rule);
    }

    /// <summary>The VFIO groups behind the groups of an image.</summary>
    private protected List<int> WantedGroups(HardwareImage image)
    {
        var wanted = new List<int>();
        foreach (PamuGroup group in image.Groups)
        {
            if (_bindings.TryGetValue(group, out int number))
            {
                wanted.Add(number);
            }
        }

        return wanted;
    }

    private string Held() => _groups.Count == 0
        ? "nothing"
        : $"{DescribeWindows()} for {(_groups.Count == 1 ? "group" : "groups")} {string.Join(", ", _groups.Keys)}";

    private Refusal RefuseDisposed() => _isDisposed ? new Refusal(Errno.EBADF, "hardware", "the hardware is not closed") : Refusal.None;
}
