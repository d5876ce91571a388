using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Vfio;

/// <summary>
/// A VFIO device as the kernel shows it, without hardware: regions are parts of a file, device calls are answered here, interrupts are
/// raised by <see cref="Fire"/>. As the kernel, it keeps its own reference to every eventfd it is given, and masks INTx when it fires.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed partial class FakeDevice : IDisposable
{
    internal const uint ReadWrite = VfioDeviceAbi.RegionRead | VfioDeviceAbi.RegionWrite;
    internal const ulong ConfigOffset = 0x10000;
    internal const string DefaultName = "0000:00:05.0";

    private readonly Lock _gate = new();
    private readonly Dictionary<VfioInterruptKind, SafeFileHandle[]> _triggers = [];

    internal FakeDevice()
    {
        Backing = Path.Combine(Path.GetTempPath(), $"pamu-fake-{Guid.NewGuid():n}");
        System.IO.File.WriteAllBytes(Backing, new byte[0x20000]);
        File = Syscalls.Open(Backing, out int error);
        Assert.Equal(0, error);
        Regions[VfioDeviceAbi.ConfigRegion] = Answer(ReadWrite, 0x100, ConfigOffset);
        Irqs[VfioInterruptKind.Intx] = (VfioDeviceAbi.IrqEvents | VfioDeviceAbi.IrqAutomasked | 2, 1);
        Irqs[VfioInterruptKind.Msi] = (VfioDeviceAbi.IrqEvents | 8, 4);
        Irqs[VfioInterruptKind.Msix] = (VfioDeviceAbi.IrqEvents | 8, 32);
        Irqs[VfioInterruptKind.Request] = (VfioDeviceAbi.IrqEvents | 8, 1);
    }

    /// <summary>Path of the file behind the regions.</summary>
    internal string Backing { get; }

    /// <summary>The device's descriptor.</summary>
    internal SafeFileHandle File { get; }

    internal uint Flags { get; set; } = VfioDeviceAbi.DeviceIsPci | VfioDeviceAbi.DeviceCanReset;

    /// <summary>Answers to GET_REGION_INFO by index.</summary>
    internal Dictionary<int, byte[]> Regions { get; } = [];

    /// <summary>Flags and vectors by kind.</summary>
    internal Dictionary<VfioInterruptKind, (uint Flags, uint Count)> Irqs { get; } = [];

    /// <summary>Every call, with its argument as it came.</summary>
    internal List<(uint Request, byte[] Argument)> Calls { get; } = [];

    /// <summary>What a request answers instead of being carried out.</summary>
    internal Dictionary<uint, long> Refused { get; } = [];

    internal bool IsIntxMasked { get; private set; }

    internal VfioDevice Open(string name = DefaultName) => new(File, name, Call);

    /// <summary>A region's description with capabilities behind it; <paramref name="capabilityOffset"/> 0 stands for none.</summary>
    internal static byte[] Answer(uint flags, ulong size, ulong offset, uint capabilityOffset = 0, params ReadOnlySpan<byte> behind)
    {
        byte[] answer = new byte[32 + behind.Length];
        MemoryMarshal.Write(answer, new VfioDeviceAbi.RegionInfo
        {
            ArgumentSize = (uint)answer.Length,
            Flags = flags,
            CapabilityOffset = capabilityOffset,
            Size = size,
            Offset = offset,
        });
        behind.CopyTo(answer.AsSpan(32));
        return answer;
    }

    /// <summary>The device raises an interrupt <paramref name="count"/> times before anybody looks.</summary>
    /// <returns>False if the vector is not enabled, or masked.</returns>
    internal bool Fire(VfioInterruptKind kind, int vector = 0, ulong count = 1)
    {
        lock (_gate)
        {
            if (!_triggers.TryGetValue(kind, out SafeFileHandle[]? events) || (kind == VfioInterruptKind.Intx && IsIntxMasked))
            {
                return false;
            }

            IsIntxMasked |= kind == VfioInterruptKind.Intx;
            Assert.Equal(0, Syscalls.AddEvents(events[vector], count));
            return true;
        }
    }

    internal bool IsEnabled(VfioInterruptKind kind)
    {
        lock (_gate)
        {
            return _triggers.ContainsKey(kind);
        }
    }

    public void Dispose()
    {
        File.Dispose();
        System.IO.File.Delete(Backing);
        foreach (VfioInterruptKind kind in _triggers.Keys)
        {
            Drop(kind);
        }
    }

    internal long Call(uint request, Span<byte> argument)
    {
        lock (_gate)
        {
            Calls.Add((request, argument.ToArray()));
            return Refused.TryGetValue(request, out long refused) ? refused : request switch
            {
                VfioDeviceAbi.GetInfo => GetInfo(argument),
                VfioDeviceAbi.GetRegionInfo => GetRegionInfo(argument),
                VfioDeviceAbi.GetIrqInfo => GetIrqInfo(argument),
                VfioDeviceAbi.SetIrqs => SetIrqs(argument),
                VfioDeviceAbi.Reset => 0,
                _ => -(long)Errno.ENOTTY,
            };
        }
    }

    private long GetInfo(Span<byte> argument)
    {
        MemoryMarshal.Write(argument, new VfioDeviceAbi.DeviceInfo { ArgumentSize = 16, Flags = Flags, Regions = 9, Irqs = 5 });
        return 0;
    }

    private long GetRegionInfo(Span<byte> argument)
    {
        var asked = MemoryMarshal.Read<VfioDeviceAbi.RegionInfo>(argument);
        if (!Regions.TryGetValue((int)asked.Index, out byte[]? answer))
        {
            return -(long)Errno.EINVAL;
        }

        // Capabilities that do not fit are not copied; the size says how much room they need.
        bool fits = answer.Length <= asked.ArgumentSize;
        answer.AsSpan(0, fits ? answer.Length : 32).CopyTo(argument);
        if (!fits)
        {
            MemoryMarshal.Write(argument[12..], 0);
        }

        return 0;
    }

    private long GetIrqInfo(Span<byte> argument)
    {
        var asked = MemoryMarshal.Read<VfioDeviceAbi.IrqInfo>(argument);
        if (!Irqs.TryGetValue((VfioInterruptKind)asked.Index, out (uint Flags, uint Count) irq))
        {
            return -(long)Errno.EINVAL;
        }

        MemoryMarshal.Write(argument, asked with { Flags = irq.Flags, Count = irq.Count });
        return 0;
    }

    private long SetIrqs(Span<byte> argument)
    {
        var set = MemoryMarshal.Read<VfioDeviceAbi.IrqSet>(argument);
        var kind = (VfioInterruptKind)set.Index;
        switch (set.Flags)
        {
            case VfioDeviceAbi.SetNoData | VfioDeviceAbi.SetTrigger when set.Count == 0:
                Drop(kind);
                return 0;
            case VfioDeviceAbi.SetNoData | VfioDeviceAbi.SetUnmask when kind == VfioInterruptKind.Intx && _triggers.ContainsKey(kind):
                IsIntxMasked = false;
                return 0;
            case VfioDeviceAbi.SetEvents | VfioDeviceAbi.SetTrigger when !_triggers.ContainsKey(kind):
                ReadOnlySpan<int> files = MemoryMarshal.Cast<byte, int>(argument[20..]);
                Assert.Equal((int)set.Count, files.Length);
                IsIntxMasked = false;
                _triggers.Add(kind, Array.ConvertAll(files.ToArray(), file => new SafeFileHandle(dup(file), ownsHandle: true)));
                return 0;
            default:
                return -(long)Errno.EINVAL;
        }
    }

    private void Drop(VfioInterruptKind kind)
    {
        if (_triggers.Remove(kind, out SafeFileHandle[]? events))
        {
            Array.ForEach(events, file => file.Dispose());
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int dup(int file);
}
