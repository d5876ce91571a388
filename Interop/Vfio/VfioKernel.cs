using System.Globalization;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace PamuFastPath.Interop;

/// <summary>The running kernel's VFIO: one open <c>/dev/vfio/vfio</c>, and the groups put into it.</summary>
/// <remarks>Not thread-safe; the mirror that owns it takes turns.</remarks>
[SupportedOSPlatform("linux")]
internal sealed class VfioKernel : IVfioKernel
{
    private const string Directory = "/dev/vfio";

    private readonly SafeFileHandle _container;
    private readonly HostSysfs _sysfs;
    private readonly Dictionary<int, SafeFileHandle> _groups = [];

    private VfioKernel(SafeFileHandle container, HostSysfs sysfs)
    {
        _container = container;
        _sysfs = sysfs;
    }

    /// <summary>Opens a container with nothing in it.</summary>
    /// <param name="kernel">Receives it.</param>
    /// <param name="sysfs">Says what groups reserve; null for the host's own.</param>
    internal static Refusal Open(out VfioKernel? kernel, HostSysfs? sysfs = null)
    {
        kernel = null;
        SafeFileHandle container = Syscalls.Open($"{Directory}/vfio", out int error);
        if (container.IsInvalid)
        {
            container.Dispose();
            string rule = (Errno)(-error) switch
            {
                Errno.ENOENT or Errno.ENODEV => $"{Directory}/vfio is there: the kernel has VFIO, and its module is loaded (modprobe vfio-pci)",
                Errno.EPERM or Errno.EACCES => $"{Directory}/vfio may be opened by this user",
                _ => $"{Directory}/vfio opens",
            };
            return VfioMirror.Refused(error, "vfio", rule);
        }

        kernel = new VfioKernel(container, sysfs ?? new HostSysfs());
        return Refusal.None;
    }

    public long Ioctl(uint request, ulong value) => Syscalls.Ioctl(_container, request, (nuint)value);

    public long Ioctl(uint request, Span<byte> argument) => Syscalls.Ioctl(_container, request, argument);

    public Refusal AddGroup(int group)
    {
        if (_groups.ContainsKey(group))
        {
            return new Refusal(Errno.EBUSY, "group", $"group {group} is not in the container yet");
        }

        SafeFileHandle file = Syscalls.Open(Path(group), out int error);
        Refusal refusal = file.IsInvalid ? Unopened(group, error) : Enter(group, file);
        if (refusal.IsRefused)
        {
            file.Dispose();
        }
        else
        {
            _groups.Add(group, file);
        }

        return refusal;
    }

    public Refusal RemoveGroup(int group)
    {
        if (!_groups.TryGetValue(group, out SafeFileHandle? file))
        {
            return new Refusal(Errno.EINVAL, "group", $"group {group} is in the container");
        }

        long result = Syscalls.Ioctl(file, PamuRequests.GroupUnsetContainer, (nuint)0);
        if (result < 0)
        {
            return VfioMirror.Refused(result, "group", $"group {group} leaves the container when none of its devices is open");
        }

        _groups.Remove(group);
        file.Dispose();
        return Refusal.None;
    }

    public IReadOnlyList<IovaRange> ReservedRanges(int group) => _sysfs.ForbiddenRanges(group);

    /// <summary>The open group, for VFIO_GROUP_GET_DEVICE_FD; null if it is not in the container.</summary>
    internal SafeFileHandle? Group(int group) => _groups.GetValueOrDefault(group);

    /// <summary>Closes everything. A group whose device is still open stays with the device until that is closed, as the kernel wants it.</summary>
    public void Dispose()
    {
        foreach (SafeFileHandle group in _groups.Values)
        {
            group.Dispose();
        }

        _groups.Clear();
        _container.Dispose();
    }

    private static string Path(int group) => $"{Directory}/{group.ToString(CultureInfo.InvariantCulture)}";

    private Refusal Enter(int group, SafeFileHandle file)
    {
        var status = new VfioGroupStatus { Argsz = VfioGroupStatus.Bytes };
        long result = Syscalls.Ioctl(file, PamuRequests.GroupGetStatus, ref status);
        if (result < 0)
        {
            return VfioMirror.Refused(result, "group", $"group {group} says its state");
        }

        if ((status.Flags & VfioGroupStatus.Viable) == 0)
        {
            return new Refusal(Errno.EPERM, "group", $"group {group} is viable: {GroupAdvice.For(_sysfs.Group(group))}");
        }

        if ((status.Flags & VfioGroupStatus.ContainerSet) != 0)
        {
            return new Refusal(Errno.EBUSY, "group", $"group {group} is in no other container");
        }

        bool isHeld = false;
        try
        {
            _container.DangerousAddRef(ref isHeld);
            int container = (int)_container.DangerousGetHandle();
            result = Syscalls.Ioctl(file, PamuRequests.GroupSetContainer, ref container);
        }
        finally
        {
            if (isHeld)
            {
                _container.DangerousRelease();
            }
        }

        return result < 0
            ? VfioMirror.Refused(result, "group", $"group {group} goes into the container, whose windows its IOMMU can hold")
            : Refusal.None;
    }

    private Refusal Unopened(int group, int error)
    {
        string rule = (Errno)(-error) switch
        {
            Errno.ENOENT => $"{Path(group)} is there: {GroupAdvice.For(_sysfs.Group(group))}",
            Errno.EPERM or Errno.EACCES => $"{Path(group)} may be opened by this user (its owner and mode, or a udev rule)",
            Errno.EBUSY => $"{Path(group)} is open once only: no other program or container has group {group}",
            _ => $"{Path(group)} opens",
        };
        return VfioMirror.Refused(error, "group", rule);
    }
}
