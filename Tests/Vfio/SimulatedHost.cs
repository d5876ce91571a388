using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using PamuFastPath.Interop;
using PamuFastPath.Tests.Mirror;

namespace PamuFastPath.Tests.Vfio;

/// <summary>
/// A host with VFIO as it is seen through system calls: <c>/dev/vfio</c>, groups, an IOMMU (<see cref="SimulatedType1Kernel"/>) and a device
/// (<see cref="FakeDevice"/>). Descriptors are real ones, so that it can be seen whether they are closed. Any call can be made to fail.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class SimulatedHost : SyscallHook, IDisposable
{
    internal const Errno Injected = (Errno)5; // EIO: nothing of ours answers it

    private const string Vfio = "/dev/vfio/";
    private const long Done = 0;

    private readonly Dictionary<SafeHandle, int> _groups = [];
    private readonly HashSet<SafeHandle> _devices = [];
    private readonly List<SafeHandle> _descriptors = [];
    private readonly Lock _gate = new(); // delivery of interrupts has a thread of its own
    private FakeDevice? _device;
    private SafeHandle? _container;
    private Action<SafeHandle>? _opening;
    private int _failAt;
    private bool _goesOn;
    private int _thread;

    internal SimulatedHost() => Current = this;

    internal SimulatedType1Kernel Kernel { get; } = new();

    /// <summary>The one device of every group.</summary>
    internal FakeDevice Device => _device ??= MakeDevice();

    /// <summary>The call that was made to fail, or null.</summary>
    internal string? Failed { get; private set; }

    /// <summary>Descriptors that are open.</summary>
    internal int OpenCount
    {
        get
        {
            lock (_gate)
            {
                return _descriptors.Count(descriptor => !descriptor.IsClosed);
            }
        }
    }

    /// <summary>How often poll is still to fail for want of memory.</summary>
    internal int PollsToFail { get; private set; }

    /// <summary>
    /// Makes the n-th call that this thread makes from now fail (1 is the next; 0 is none), and all after it if <paramref name="goesOn"/>.
    /// </summary>
    internal void FailAt(int call, bool goesOn = false)
    {
        lock (_gate)
        {
            (_failAt, _goesOn, _thread, Failed) = (call, goesOn, Environment.CurrentManagedThreadId, null);
        }
    }

    /// <summary>Makes poll fail with ENOMEM for a while, on whatever thread.</summary>
    internal void FailPolls(int times) => PollsToFail = times;

    internal override long? Answer(in Syscall call)
    {
        lock (_gate)
        {
            if (Fails(call))
            {
                return -(long)Injected;
            }

            return call.Name switch
            {
                "poll" when PollsToFail > 0 => NoMemory(),
                "open" => Open(call.Path),
                "ioctl" => Ioctl(call),
                _ => null,
            };
        }
    }

    internal override void Opened(SafeHandle descriptor)
    {
        lock (_gate)
        {
            _descriptors.Add(descriptor);
            _opening?.Invoke(descriptor);
            _opening = null;
        }
    }

    public void Dispose()
    {
        Current = null;
        _device?.Dispose();
    }

    /// <summary>The files behind it are the test's own: calls made for them are not the binding's.</summary>
    private FakeDevice MakeDevice()
    {
        Current = null;
        var device = new FakeDevice();
        Current = this;
        return device;
    }

    private long NoMemory()
    {
        PollsToFail--;
        return -(long)Errno.ENOMEM;
    }

    private bool Fails(in Syscall call)
    {
        if (_failAt == 0 || Environment.CurrentManagedThreadId != _thread || --_failAt > 0)
        {
            return false;
        }

        _failAt = _goesOn ? 1 : 0;
        Failed = call.Name == "ioctl" ? $"ioctl 0x{call.Request:x}" : call.Name;
        return true;
    }

    private long Open(string path)
    {
        if (path == Vfio + "vfio")
        {
            _opening = descriptor => _container = descriptor;
        }
        else if (path.StartsWith(Vfio, StringComparison.Ordinal)
            && int.TryParse(path.AsSpan(Vfio.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int group) && Kernel.Groups.ContainsKey(group))
        {
            _opening = descriptor => _groups.Add(descriptor, group);
        }
        else
        {
            return -(long)Errno.ENOENT;
        }

        return NewDescriptor("/dev/null");
    }

    private long Ioctl(in Syscall call)
    {
        if (call.File == _container)
        {
            return call.Argument.IsEmpty ? Kernel.Ioctl(call.Request, call.Value) : Kernel.Ioctl(call.Request, call.Argument);
        }

        if (_groups.TryGetValue(call.File!, out int group))
        {
            return OfGroup(call, group);
        }

        Assert.Contains(call.File!, _devices);
        return Device.Call(call.Request, call.Argument);
    }

    private long OfGroup(in Syscall call, int group)
    {
        switch (call.Request)
        {
            case PamuRequests.GroupGetStatus:
                uint flags = VfioGroupStatus.Viable | (Kernel.Attached.Contains(group) ? VfioGroupStatus.ContainerSet : 0);
                MemoryMarshal.Write(call.Argument[4..], flags);
                return Done;
            case PamuRequests.GroupSetContainer:
                Assert.Equal((int)_container!.DangerousGetHandle(), MemoryMarshal.Read<int>(call.Argument));
                return -(long)Kernel.AddGroup(group).Errno;
            case PamuRequests.GroupUnsetContainer:
                return -(long)Kernel.RemoveGroup(group).Errno;
            case VfioDeviceAbi.GroupGetDeviceFd when Kernel.Attached.Contains(group):
                _opening = descriptor => _devices.Add(descriptor);
                return NewDescriptor(Device.Backing);
            default:
                return -(long)Errno.EINVAL;
        }
    }

    /// <summary>A descriptor that whoever made the call owns.</summary>
    private static long NewDescriptor(string path)
    {
        SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        long descriptor = file.DangerousGetHandle();
        file.SetHandleAsInvalid();
        file.Dispose();
        return descriptor;
    }
}
