using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace PamuFastPath.Interop;

/// <summary>A device call of VFIO: request and structure, which is read and written in place. Answers 0 or more, or a negative errno.</summary>
internal delegate long VfioDeviceCall(uint request, Span<byte> argument);

/// <summary>A device behind VFIO: its regions, config space, reset and interrupts.</summary>
/// <remarks>
/// Thread-safe. What the kernel refuses is a <see cref="PamuException"/> with the kernel's errno. Dispose ends the delivery of interrupts,
/// waits for a callback that is running (unless it is called from one), and closes the device, which the kernel then resets if it can.
/// Mappings of regions are disposed by whoever made them; until then the kernel keeps the device, and so its group, open.
/// </remarks>
[SupportedOSPlatform("linux")]
public sealed class VfioDevice : IDisposable
{
    private const int CommandRegister = 0x04;
    private const ushort CommandMemorySpace = 0x2;
    private const ushort CommandBusMaster = 0x4;
    private const int AnswerMax = 1 << 20;

    private readonly SafeFileHandle _file;
    private readonly VfioDeviceCall _call;
    private readonly Lock _gate = new();
    private readonly List<VfioInterrupts> _interrupts = [];
    private VfioRegion? _config;
    private bool _disposed;

    /// <summary>Takes over an open device.</summary>
    internal VfioDevice(SafeFileHandle file, string name)
        : this(file, name, (request, argument) => Syscalls.Ioctl(file, request, argument))
    {
    }

    /// <summary>Takes over a file whose device calls something else answers: for tests.</summary>
    internal VfioDevice(SafeFileHandle file, string name, VfioDeviceCall call)
    {
        _file = file;
        _call = call;
        Name = name;
        var info = new VfioDeviceAbi.DeviceInfo { ArgumentSize = (uint)Unsafe.SizeOf<VfioDeviceAbi.DeviceInfo>() };
        Call(VfioDeviceAbi.GetInfo, BytesOf(ref info), "the kernel does not describe the device");
        RegionCount = (int)Math.Min(info.Regions, int.MaxValue);
        CanReset = (info.Flags & VfioDeviceAbi.DeviceCanReset) != 0;
        IsPci = (info.Flags & VfioDeviceAbi.DeviceIsPci) != 0;
    }

    /// <summary>The device's name in sysfs: domain, bus, device and function for PCI (0000:00:05.0).</summary>
    public string Name { get; }

    /// <summary>Whether it is a PCI device: only then regions, config space and interrupts have the numbers used here.</summary>
    public bool IsPci { get; }

    /// <summary>Whether the kernel can reset the device; see <see cref="TryReset"/>.</summary>
    public bool CanReset { get; }

    /// <summary>Highest region number plus one. Some in between may not exist.</summary>
    public int RegionCount { get; }

    /// <summary>Config space (region 7), for accesses at any alignment. PCI only.</summary>
    /// <exception cref="PamuException">EINVAL: no PCI device.</exception>
    public VfioRegion Config => _config ??= IsPci
        ? Region(VfioDeviceAbi.ConfigRegion)
        : throw new PamuException(Errno.EINVAL, Name, "only PCI devices have config space");

    /// <summary>Opens a device of a group that is in a container with an IOMMU.</summary>
    /// <param name="group">The group (<c>/dev/vfio/N</c>).</param>
    /// <param name="name">The device's name in sysfs.</param>
    /// <exception cref="PamuException">The kernel's errno. ENODEV: no such device in the group; EINVAL: the group is in no container.</exception>
    internal static VfioDevice Open(SafeFileHandle group, string name)
    {
        byte[] text = new byte[Encoding.UTF8.GetByteCount(name) + 1];
        Encoding.UTF8.GetBytes(name, text);
        long fd = Syscalls.Ioctl(group, VfioDeviceAbi.GroupGetDeviceFd, text.AsSpan());
        if (fd < 0)
        {
            throw new PamuException(
                (Errno)(-fd), name, "the group does not give the device (ENODEV: it is not in this group; EINVAL: the group is in no container)");
        }

        SafeFileHandle file = Syscalls.Descriptor(fd, out _);
        try
        {
            return new VfioDevice(file, name);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>A region: BARs are 0 to 5, the expansion ROM 6, config space 7, VGA 8.</summary>
    /// <param name="index">The number, below <see cref="RegionCount"/>.</param>
    /// <returns>The region; one of size 0 where the device has none.</returns>
    /// <exception cref="PamuException">EINVAL: no such number, or the kernel's errno; EPROTO: the kernel's description contradicts itself.</exception>
    public VfioRegion Region(int index)
    {
        if (index < 0 || index >= RegionCount)
        {
            throw new PamuException(Errno.EINVAL, nameof(index), $"{Name} has regions 0 to {RegionCount - 1}, not {index}");
        }

        byte[] answer = new byte[Unsafe.SizeOf<VfioDeviceAbi.RegionInfo>()];
        while (true)
        {
            MemoryMarshal.Write(answer, new VfioDeviceAbi.RegionInfo { ArgumentSize = (uint)answer.Length, Index = (uint)index });
            Call(VfioDeviceAbi.GetRegionInfo, answer, $"the kernel does not describe region {index}");
            uint needed = MemoryMarshal.Read<VfioDeviceAbi.RegionInfo>(answer).ArgumentSize;
            if (needed <= answer.Length)
            {
                return new VfioRegion(_file, $"{Name} region {index}", answer);
            }

            // Longer than what was asked for: there are capabilities, and this is the room they need.
            answer = needed <= AnswerMax
                ? new byte[needed]
                : throw new PamuException(Errno.EPROTO, Name, $"the description of region {index} has {needed} bytes");
        }
    }

    /// <summary>Reads a byte of config space.</summary>
    /// <param name="offset">Offset in bytes.</param>
    public byte ReadConfig8(int offset) => Config.Read8((ulong)offset);

    /// <summary>Reads 16 bits of config space.</summary>
    /// <param name="offset">Offset in bytes, a multiple of 2.</param>
    public ushort ReadConfig16(int offset) => Config.Read16((ulong)offset);

    /// <summary>Reads 32 bits of config space.</summary>
    /// <param name="offset">Offset in bytes, a multiple of 4.</param>
    public uint ReadConfig32(int offset) => Config.Read32((ulong)offset);

    /// <summary>Writes a byte of config space. The kernel emulates or keeps back some registers (BARs, MSI).</summary>
    /// <param name="offset">Offset in bytes.</param>
    /// <param name="value">The value.</param>
    public void WriteConfig8(int offset, byte value) => Config.Write8((ulong)offset, value);

    /// <summary>Writes 16 bits of config space. The kernel emulates or keeps back some registers (BARs, MSI).</summary>
    /// <param name="offset">Offset in bytes, a multiple of 2.</param>
    /// <param name="value">The value.</param>
    public void WriteConfig16(int offset, ushort value) => Config.Write16((ulong)offset, value);

    /// <summary>Writes 32 bits of config space. The kernel emulates or keeps back some registers (BARs, MSI).</summary>
    /// <param name="offset">Offset in bytes, a multiple of 4.</param>
    /// <param name="value">The value.</param>
    public void WriteConfig32(int offset, uint value) => Config.Write32((ulong)offset, value);

    /// <summary>
    /// Lets the device start DMA, or not: bit 2 of the command register. Switching it on also switches on the memory space (bit 1), without
    /// which the registers that start a DMA cannot be reached; switching it off leaves that as it is.
    /// </summary>
    /// <param name="enable">Whether the device may.</param>
    /// <exception cref="PamuException">ENXIO: the device does not keep the bit; EINVAL: no PCI device; or the kernel's errno.</exception>
    public void EnableBusMaster(bool enable)
    {
        lock (_gate)
        {
            ushort command = ReadConfig16(CommandRegister);
            WriteConfig16(
                CommandRegister, (ushort)(enable ? command | CommandBusMaster | CommandMemorySpace : command & ~CommandBusMaster));
            try
            {
                if ((ReadConfig16(CommandRegister) & CommandBusMaster) != 0 != enable)
                {
                    throw new PamuException(Errno.ENXIO, Name, $"the command register's bus-master bit does not become {(enable ? 1 : 0)}");
                }
            }
            catch when (enable)
            {
                TryWriteCommand(command); // not left with a right that the caller was not given
                throw;
            }
        }
    }

    /// <summary>Resets the device where the kernel can: its DMA ends and its registers are as after power-on.</summary>
    /// <returns>False, and nothing happened, if the device has no reset (<see cref="CanReset"/>).</returns>
    /// <exception cref="PamuException">The kernel's errno: there is a reset, but it failed.</exception>
    public bool TryReset()
    {
        if (!CanReset)
        {
            return false;
        }

        Call(VfioDeviceAbi.Reset, [], "the reset failed");
        return true;
    }

    /// <summary>How many vectors of a kind the device has; 0 if none, or if they cannot be had by eventfd.</summary>
    /// <param name="kind">The kind.</param>
    public int VectorCount(VfioInterruptKind kind)
    {
        return (int)Math.Min(IrqInfo(kind).Count, int.MaxValue);
    }

    /// <summary>Enables the first vectors of a kind and delivers each interrupt to a sink, as the message given for its vector.</summary>
    /// <param name="kind">The kind. Of INTx, MSI and MSI-X one is enabled at a time.</param>
    /// <param name="messages">
    /// Per vector, from 0: the message a delivery is. That is what the guest programmed for the vector: its data, and the bank and offset its
    /// address leads to through the container; or whatever the interrupt controller behind the sink takes for this interrupt.
    /// </param>
    /// <param name="sink">Takes the messages, on one thread of the returned object.</param>
    /// <param name="onFailure">
    /// Called on that thread with what the sink threw; delivery goes on. Without it such an exception is unhandled, as on any thread.
    /// </param>
    /// <returns>The enabled vectors; dispose it to end the delivery.</returns>
    /// <exception cref="PamuException">EINVAL: the device has fewer vectors; EBUSY: the kind, or another of the three, is enabled; ENOSPC: the host
    /// cannot give as many; or the kernel's errno.</exception>
    public VfioInterrupts EnableInterrupts(
        VfioInterruptKind kind, ReadOnlySpan<MsiMessage> messages, IMsiSink sink, Action<Exception>? onFailure = null)
    {
        ArgumentNullException.ThrowIfNull(sink);
        return Enable(kind, messages.Length, messages.ToArray(), sink, onFailure);
    }

    /// <summary>Enables the first vectors of a kind, for callers of <see cref="VfioInterrupts.WaitAsync"/>.</summary>
    /// <param name="kind">The kind. Of INTx, MSI and MSI-X one is enabled at a time.</param>
    /// <param name="count">How many vectors, at least 1.</param>
    /// <returns>The enabled vectors; dispose it to end the delivery.</returns>
    /// <exception cref="PamuException">As the form with a sink.</exception>
    public VfioInterrupts EnableInterrupts(VfioInterruptKind kind, int count) => Enable(kind, count, [], null, null);

    /// <summary>Ends the delivery of interrupts and closes the device.</summary>
    public void Dispose()
    {
        VfioInterrupts[] enabled;
        lock (_gate)
        {
            _disposed = true;
            enabled = [.. _interrupts];
        }

        foreach (VfioInterrupts interrupts in enabled)
        {
            interrupts.Dispose();
        }

        _file.Dispose();
    }

    /// <summary>SET_IRQS: sets what happens, or makes it happen, for <paramref name="count"/> vectors from 0.</summary>
    /// <returns>0, a number of vectors that could be had, or a negative errno.</returns>
    internal long SetIrqs(VfioInterruptKind kind, uint flags, int count, ReadOnlySpan<int> events)
    {
        int head = Unsafe.SizeOf<VfioDeviceAbi.IrqSet>();
        byte[] argument = new byte[head + events.Length * sizeof(int)];
        MemoryMarshal.Write(
            argument, new VfioDeviceAbi.IrqSet { ArgumentSize = (uint)argument.Length, Flags = flags, Index = (uint)kind, Count = (uint)count });
        MemoryMarshal.AsBytes(events).CopyTo(argument.AsSpan(head));
        return _call(VfioDeviceAbi.SetIrqs, argument);
    }

    /// <summary>The delivery of these has ended.</summary>
    internal void Forget(VfioInterrupts interrupts)
    {
        lock (_gate)
        {
            _interrupts.Remove(interrupts);
        }
    }

    private VfioInterrupts Enable(VfioInterruptKind kind, int count, MsiMessage[] messages, IMsiSink? sink, Action<Exception>? onFailure)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            VfioDeviceAbi.IrqInfo info = IrqInfo(kind);
            if (count < 1 || count > info.Count)
            {
                throw new PamuException(Errno.EINVAL, kind.ToString(), $"{Name} has {info.Count} vectors of this kind; at least 1 is enabled, not {count}");
            }

            if (_interrupts.Find(other => other.IsEnabled && Excludes(other.Kind, kind)) is { } enabled)
            {
                throw new PamuException(Errno.EBUSY, kind.ToString(), $"{enabled.Kind} of {Name} is enabled");
            }

            var interrupts = new VfioInterrupts(this, kind, count, (info.Flags & VfioDeviceAbi.IrqAutomasked) != 0, messages, sink, onFailure);
            _interrupts.Add(interrupts);
            return interrupts;
        }
    }

    private static bool Excludes(VfioInterruptKind one, VfioInterruptKind other) =>
        one == other || (one <= VfioInterruptKind.Msix && other <= VfioInterruptKind.Msix);

    /// <summary>Writes the command register on the way back from a failure, which is the one to tell of.</summary>
    private void TryWriteCommand(ushort command)
    {
        try
        {
            WriteConfig16(CommandRegister, command);
        }
        catch (PamuException)
        {
        }
    }

    /// <summary>A kind's description; one without vectors if the kernel knows none of this kind, or none by eventfd.</summary>
    private VfioDeviceAbi.IrqInfo IrqInfo(VfioInterruptKind kind)
    {
        var info = new VfioDeviceAbi.IrqInfo { ArgumentSize = (uint)Unsafe.SizeOf<VfioDeviceAbi.IrqInfo>(), Index = (uint)kind };
        long result = _call(VfioDeviceAbi.GetIrqInfo, BytesOf(ref info));
        return result switch
        {
            -(long)Errno.EINVAL => default,
            < 0 => throw new PamuException((Errno)(-result), Name, $"the kernel does not describe {kind}"),
            _ => (info.Flags & VfioDeviceAbi.IrqEvents) == 0 ? default : info,
        };
    }

    private void Call(uint request, Span<byte> argument, string rule)
    {
        long result = _call(request, argument);
        if (result < 0)
        {
            throw new PamuException((Errno)(-result), Name, rule);
        }
    }

    private static Span<byte> BytesOf<T>(ref T structure)
        where T : unmanaged => MemoryMarshal.AsBytes(new Span<T>(ref structure));
}
