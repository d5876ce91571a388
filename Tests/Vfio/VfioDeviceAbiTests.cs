using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Vfio;

/// <summary>Sizes and offsets of the device structures, as include/uapi/linux/vfio.h and poll.h lay them out.</summary>
public sealed class VfioDeviceAbiTests
{
    public static TheoryData<Type, int, string, int> Layouts() => new()
    {
        { typeof(VfioDeviceAbi.DeviceInfo), 16, "ArgumentSize", 0 },
        { typeof(VfioDeviceAbi.DeviceInfo), 16, "Flags", 4 },
        { typeof(VfioDeviceAbi.DeviceInfo), 16, "Regions", 8 },
        { typeof(VfioDeviceAbi.DeviceInfo), 16, "Irqs", 12 },
        { typeof(VfioDeviceAbi.RegionInfo), 32, "ArgumentSize", 0 },
        { typeof(VfioDeviceAbi.RegionInfo), 32, "Flags", 4 },
        { typeof(VfioDeviceAbi.RegionInfo), 32, "Index", 8 },
        { typeof(VfioDeviceAbi.RegionInfo), 32, "CapabilityOffset", 12 },
        { typeof(VfioDeviceAbi.RegionInfo), 32, "Size", 16 },
        { typeof(VfioDeviceAbi.RegionInfo), 32, "Offset", 24 },
        { typeof(VfioDeviceAbi.IrqInfo), 16, "ArgumentSize", 0 },
        { typeof(VfioDeviceAbi.IrqInfo), 16, "Flags", 4 },
        { typeof(VfioDeviceAbi.IrqInfo), 16, "Index", 8 },
        { typeof(VfioDeviceAbi.IrqInfo), 16, "Count", 12 },
        { typeof(VfioDeviceAbi.IrqSet), 20, "ArgumentSize", 0 },
        { typeof(VfioDeviceAbi.IrqSet), 20, "Flags", 4 },
        { typeof(VfioDeviceAbi.IrqSet), 20, "Index", 8 },
        { typeof(VfioDeviceAbi.IrqSet), 20, "Start", 12 },
        { typeof(VfioDeviceAbi.IrqSet), 20, "Count", 16 },
        { typeof(VfioDeviceAbi.CapabilityHeader), 8, "Id", 0 },
        { typeof(VfioDeviceAbi.CapabilityHeader), 8, "Version", 2 },
        { typeof(VfioDeviceAbi.CapabilityHeader), 8, "Next", 4 },
        { typeof(VfioDeviceAbi.SparseMapCapability), 16, "Areas", 8 },
        { typeof(VfioDeviceAbi.SparseMapCapability), 16, "Reserved", 12 },
        { typeof(PollEntry), 8, "File", 0 },
        { typeof(PollEntry), 8, "Asked", 4 },
        { typeof(PollEntry), 8, "Answered", 6 },
    };

    [Theory]
    [MemberData(nameof(Layouts))]
    public void Structures_have_the_kernels_layout(Type structure, int size, string member, int offset)
    {
        Assert.Equal(size, Marshal.SizeOf(structure));
        Assert.Equal(offset, (int)Marshal.OffsetOf(structure, member));
    }

    [Fact]
    public void An_area_is_the_kernels_structure_too()
    {
        Assert.Equal(16, Unsafe.SizeOf<VfioArea>());
        VfioArea area = MemoryMarshal.Read<VfioArea>([1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
        Assert.Equal(new VfioArea(1, 2), area);
    }

    [Theory]
    [InlineData(VfioDeviceAbi.GroupGetDeviceFd, 6)]
    [InlineData(VfioDeviceAbi.GetInfo, 7)]
    [InlineData(VfioDeviceAbi.GetRegionInfo, 8)]
    [InlineData(VfioDeviceAbi.GetIrqInfo, 9)]
    [InlineData(VfioDeviceAbi.SetIrqs, 10)]
    [InlineData(VfioDeviceAbi.Reset, 11)]
    public void Requests_are_numbered_from_the_base_of_vfio(uint request, int number) =>
        Assert.Equal((uint)(';' << 8 | (100 + number)), request);
}
