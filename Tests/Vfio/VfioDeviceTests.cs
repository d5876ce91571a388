using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Vfio;

/// <summary>What a device says of itself, its config space and reset.</summary>
[SupportedOSPlatform("linux")]
public sealed class VfioDeviceTests : IDisposable
{
    private const Errno EIO = (Errno)5;
    private const Errno ENXIO = (Errno)6;
    private const Errno EPROTO = (Errno)71;

    private readonly FakeDevice _fake = new();

    public void Dispose() => _fake.Dispose();

    [Theory]
    [InlineData(0u, false, false)]
    [InlineData(1u, true, false)]
    [InlineData(2u, false, true)]
    [InlineData(0x83u, true, true)]
    public void Its_flags_say_whether_it_is_PCI_and_has_a_reset(uint flags, bool canReset, bool isPci)
    {
        _fake.Flags = flags;
        using VfioDevice device = _fake.Open();
        Assert.Equal((canReset, isPci, 9), (device.CanReset, device.IsPci, device.RegionCount));
        Assert.Equal(canReset, device.TryReset());
        Assert.Equal(canReset ? 1 : 0, _fake.Calls.Count(call => call.Request == VfioDeviceAbi.Reset));
        Assert.Equal(isPci ? Errno.Ok : Errno.EINVAL, ErrnoOf.Call(() => device.ReadConfig32(0)));
    }

    [Fact]
    public void The_kernels_errno_is_kept()
    {
        using VfioDevice device = _fake.Open();
        _fake.Refused[VfioDeviceAbi.Reset] = -5;
        Assert.Equal(EIO, ErrnoOf.Call(() => device.TryReset()));
        _fake.Refused[VfioDeviceAbi.GetRegionInfo] = -19;
        Assert.Equal(Errno.ENODEV, ErrnoOf.Call(() => device.Region(0)));
        _fake.Refused[VfioDeviceAbi.GetIrqInfo] = -19;
        Assert.Equal(Errno.ENODEV, ErrnoOf.Call(() => device.VectorCount(VfioInterruptKind.Msi)));
        _fake.Refused[VfioDeviceAbi.GetInfo] = -6;
        Assert.Equal(ENXIO, ErrnoOf.Call(() => _fake.Open().Dispose()));
    }

    [Fact]
    public void A_file_that_is_no_device_or_group_is_ENOTTY()
    {
        Assert.Equal(Errno.ENOTTY, ErrnoOf.Call(() => new VfioDevice(_fake.File, "file").Dispose()));
        Assert.Equal(Errno.ENOTTY, ErrnoOf.Call(() => VfioDevice.Open(_fake.File, "0000:00:05.0")));
    }

    [Fact]
    public void A_region_with_capabilities_is_asked_for_again_with_their_room()
    {
        byte[] chain = new byte[32];
        System.Runtime.InteropServices.MemoryMarshal.Cast<ulong, byte>([1, 1, 0x1000, 0x3000]).CopyTo(chain);
        _fake.Regions[2] = FakeDevice.Answer(FakeDevice.ReadWrite | 4 | 8, 0x4000, 0, 32, chain);
        using VfioDevice device = _fake.Open();
        Assert.Equal<VfioArea>([new VfioArea(0x1000, 0x3000)], device.Region(2).MappableAreas);
        Assert.Equal([32, 64], _fake.Calls.Where(call => call.Request == VfioDeviceAbi.GetRegionInfo).Select(call => call.Argument.Length));
    }

    [Theory]
    [InlineData(-1, Errno.EINVAL)]
    [InlineData(9, Errno.EINVAL)]
    [InlineData(int.MaxValue, Errno.EINVAL)]
    [InlineData(8, Errno.EINVAL)] // no VGA: the kernel says EINVAL
    [InlineData(1, EPROTO)]
    public void A_region_that_does_not_exist_or_needs_absurd_room_is_refused(int index, Errno expected)
    {
        byte[] absurd = FakeDevice.Answer(FakeDevice.ReadWrite, 0x1000, 0);
        absurd[3] = 0x7F; // argsz: 2 GiB
        _fake.Regions[1] = absurd;
        using VfioDevice device = _fake.Open();
        Assert.Equal(expected, ErrnoOf.Call(() => device.Region(index)));
    }

    [Fact]
    public void Config_space_is_the_bytes_of_region_7()
    {
        using VfioDevice device = _fake.Open();
        device.WriteConfig32(0x10, 0xFEB0_0000);
        device.WriteConfig16(0x14, 0x1234);
        device.WriteConfig8(0xFF, 0x56);
        byte[] bytes = File.ReadAllBytes(_fake.Backing)[(int)FakeDevice.ConfigOffset..];
        Assert.Equal([0, 0, 0xB0, 0xFE, 0x34, 0x12], bytes[0x10..0x16]);
        Assert.Equal(0x56, bytes[0xFF]);
        Assert.Equal((0xFEB0_0000u, (ushort)0x1234, (byte)0x56), (device.ReadConfig32(0x10), device.ReadConfig16(0x14), device.ReadConfig8(0xFF)));
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => device.ReadConfig8(0x100)));
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => device.ReadConfig16(-2)));
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => device.WriteConfig32(0x12, 0)));
    }

    [Theory]
    [InlineData(0x0000, true, 0x0006)]
    [InlineData(0x0540, true, 0x0546)]
    [InlineData(0x0546, true, 0x0546)]
    [InlineData(0x0546, false, 0x0542)]
    [InlineData(0x0004, false, 0x0000)]
    [InlineData(0x0500, false, 0x0500)]
    public void The_bus_master_bit_changes_alone_but_for_the_memory_space_it_needs(int before, bool enable, int after)
    {
        using VfioDevice device = _fake.Open();
        device.WriteConfig16(4, (ushort)before);
        device.WriteConfig16(6, 0xABCD);
        device.EnableBusMaster(enable);
        Assert.Equal((after, 0xABCD), (device.ReadConfig16(4), device.ReadConfig16(6)));
    }

    [Fact]
    public void A_device_that_does_not_keep_the_bus_master_bit_is_ENXIO()
    {
        using SafeFileHandle zero = Syscalls.Open("/dev/zero", out _); // reads as 0 whatever is written
        using var device = new VfioDevice(zero, "zero", (request, argument) =>
        {
            byte[] answer = request == VfioDeviceAbi.GetInfo
                ? [16, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0, 5, 0, 0, 0]
                : FakeDevice.Answer(FakeDevice.ReadWrite, 0x100, 0);
            answer.CopyTo(argument);
            return 0;
        });
        device.EnableBusMaster(false);
        Assert.Equal(ENXIO, ErrnoOf.Call(() => device.EnableBusMaster(true)));
    }

    [Fact]
    public void A_disposed_device_is_closed()
    {
        VfioDevice device = _fake.Open();
        VfioRegion config = device.Config;
        device.Dispose();
        device.Dispose();
        Assert.True(_fake.File.IsClosed);
        Assert.Throws<ObjectDisposedException>(() => config.Read32(0));
        Assert.Throws<ObjectDisposedException>(() => device.EnableInterrupts(VfioInterruptKind.Msi, 1));
    }
}
