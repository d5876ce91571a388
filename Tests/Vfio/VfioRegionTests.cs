using System.Runtime.Versioning;
using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Vfio;

/// <summary>Regions over a plain file, which answers pread, pwrite and mmap as a device does.</summary>
[SupportedOSPlatform("linux")]
public sealed class VfioRegionTests : IDisposable
{
    private const ulong Start = 0x2000;
    private const ulong Size = 0x4000;
    private const uint All = FakeDevice.ReadWrite | VfioDeviceAbi.RegionMap;
    private const Errno EIO = (Errno)5;
    private const Errno EACCES = (Errno)13;
    private const Errno EPROTO = (Errno)71;

    private readonly FakeDevice _device = new();

    public void Dispose() => _device.Dispose();

    [Fact]
    public void Values_are_little_endian_at_the_regions_offset()
    {
        VfioRegion region = Region(All);
        region.Write8(0, 0x11);
        region.Write16(2, 0x2233);
        region.Write32(4, 0x4455_6677);
        region.Write64(Size - 8, 0x8899_AABB_CCDD_EEFF);

        byte[] bytes = File.ReadAllBytes(_device.Backing);
        Assert.Equal([0x11, 0, 0x33, 0x22, 0x77, 0x66, 0x55, 0x44], bytes[(int)Start..((int)Start + 8)]);
        Assert.Equal([0xFF, 0xEE, 0xDD, 0xCC, 0xBB, 0xAA, 0x99, 0x88], bytes[(int)(Start + Size - 8)..(int)(Start + Size)]);
        Assert.Equal(1 + 2 + 4 + 8, bytes.Count(one => one != 0));
        Assert.Equal(0x11, region.Read8(0));
        Assert.Equal(0x2233, region.Read16(2));
        Assert.Equal(0x4455_6677u, region.Read32(4));
        Assert.Equal(0x8899_AABB_CCDD_EEFF, region.Read64(Size - 8));
    }

    [Fact]
    public void Spans_move_at_any_alignment_up_to_the_last_byte()
    {
        VfioRegion region = Region(All);
        byte[] sent = new byte[Size - 3];
        new Random(1).NextBytes(sent);
        region.Write(3, sent);
        byte[] received = new byte[sent.Length];
        region.Read(3, received);
        Assert.Equal(sent, received);
        region.Read(Size, []);
        Assert.Equal(sent, File.ReadAllBytes(_device.Backing)[(int)(Start + 3)..(int)(Start + Size)]);
    }

    public static TheoryData<string, Action<VfioRegion>, Errno> BadAccesses() => new()
    {
        { "byte behind the end", region => region.Read8(Size), Errno.EINVAL },
        { "word behind the end", region => region.Read16(Size), Errno.EINVAL },
        { "last address", region => region.Read8(ulong.MaxValue), Errno.EINVAL },
        { "wraps", region => region.Read64(ulong.MaxValue - 7), Errno.EINVAL },
        { "misaligned 16", region => region.Read16(1), Errno.EINVAL },
        { "misaligned 32", region => region.Read32(2), Errno.EINVAL },
        { "misaligned 64", region => region.Read64(4), Errno.EINVAL },
        { "misaligned write 16", region => region.Write16(Size - 1, 1), Errno.EINVAL },
        { "misaligned write 32", region => region.Write32(6, 1), Errno.EINVAL },
        { "misaligned write 64", region => region.Write64(4, 1), Errno.EINVAL },
        { "write behind the end", region => region.Write32(Size, 1), Errno.EINVAL },
        { "span leaves the end", region => region.Read(Size - 1, new byte[2]), Errno.EINVAL },
        { "written span leaves the end", region => region.Write(Size - 1, [1, 2]), Errno.EINVAL },
        { "span behind the end", region => region.Read(Size + 1, []), Errno.EINVAL },
        { "span wraps", region => region.Write(ulong.MaxValue, [1, 2]), Errno.EINVAL },
    };

    [Theory]
    [MemberData(nameof(BadAccesses))]
    public void An_access_outside_or_misaligned_is_EINVAL_and_not_made(string what, Action<VfioRegion> access, Errno expected)
    {
        Errno errno = ErrnoOf.Call(() => access(Region(All)));
        Assert.Equal($"{what}: {expected}", $"{what}: {errno}");
        Assert.DoesNotContain(File.ReadAllBytes(_device.Backing), one => one != 0);
    }

    [Fact]
    public void What_a_region_does_not_allow_is_EACCES()
    {
        VfioRegion closed = Region(0);
        Assert.False(closed.CanRead || closed.CanWrite || closed.CanMap);
        Assert.Equal(EACCES, ErrnoOf.Call(() => closed.Read32(0)));
        Assert.Equal(EACCES, ErrnoOf.Call(() => closed.Write32(0, 1)));
        Assert.Equal(EACCES, ErrnoOf.Call(() => closed.Read(0, new byte[1])));
        Assert.Equal(EACCES, ErrnoOf.Call(() => closed.Write(0, [1])));
        Assert.Equal(EACCES, ErrnoOf.Call(() => closed.Map(0, 1)));
        VfioRegion readOnly = Region(VfioDeviceAbi.RegionRead | VfioDeviceAbi.RegionMap);
        Assert.Equal(0u, readOnly.Read32(0));
        Assert.Equal(EACCES, ErrnoOf.Call(() => readOnly.Write8(0, 1)));
        Assert.Equal(EACCES, ErrnoOf.Call(() => readOnly.Map(0, 0x1000)));
    }

    [Fact]
    public void A_short_answer_is_EIO_for_a_value_and_for_a_span()
    {
        // The file has 0x20000 bytes: the region's last 4 exist, those behind do not.
        var region = new VfioRegion(_device.File, "short", FakeDevice.Answer(All, 0x10, 0x1FFFC));
        Assert.Equal(0u, region.Read32(0));
        Assert.Equal(EIO, ErrnoOf.Call(() => region.Read64(0)));
        Assert.Equal(EIO, ErrnoOf.Call(() => region.Read32(8)));
        Assert.Equal(EIO, ErrnoOf.Call(() => region.Read(0, new byte[8])));
    }

    [Fact]
    public void The_kernels_errno_is_kept()
    {
        using Microsoft.Win32.SafeHandles.SafeFileHandle pipe = Syscalls.Event(out _); // no pread on an eventfd: ESPIPE
        var region = new VfioRegion(pipe, "eventfd", FakeDevice.Answer(All, 0x1000, 0));
        Assert.Equal((Errno)29, ErrnoOf.Call(() => region.Read32(0)));
        Assert.Equal((Errno)29, ErrnoOf.Call(() => region.Write(0, [1])));
        Assert.Equal((Errno)19, ErrnoOf.Call(() => region.Map(0, 0x1000))); // ENODEV: no mmap either
    }

    [Theory]
    [InlineData(ulong.MaxValue, 0)]
    [InlineData(0x1000, ulong.MaxValue)]
    [InlineData(0x1000, 0x7FFF_FFFF_FFFF_F001)]
    public void A_region_outside_its_file_is_EPROTO(ulong size, ulong offset) =>
        Assert.Equal(EPROTO, ErrnoOf.Call(() => _ = new VfioRegion(_device.File, "far", FakeDevice.Answer(All, size, offset))));

    [Fact]
    public void A_mapping_and_the_region_see_each_others_writes()
    {
        VfioRegion region = Region(All);
        using VfioMapping mapping = region.Map(0x1000, 0x2000);
        Assert.Equal(0x2000u, mapping.Length);
        mapping.Write32(0, 0x0102_0304);
        mapping.Write64(0x1FF8, 0x1112_1314_1516_1718);
        Assert.Equal(0x0102_0304u, region.Read32(0x1000));
        Assert.Equal(0x1112_1314_1516_1718u, region.Read64(0x2FF8));
        region.Write32(0x1004, 0xA1A2_A3A4);
        Assert.Equal(0xA1A2_A3A4u, mapping.Read32(4));
        Assert.Equal(0xA1A2_A3A4_0102_0304u, mapping.Read64(0));
        Assert.Equal(4 + 8 + 4, File.ReadAllBytes(_device.Backing).Count(one => one != 0));
    }

    [Theory]
    [InlineData(0x2000ul, 4)]
    [InlineData(0x1FFEul, 4)]
    [InlineData(2ul, 4)]
    [InlineData(4ul, 8)]
    [InlineData(0x2000ul, 8)]
    [InlineData(ulong.MaxValue - 3, 4)]
    [InlineData(ulong.MaxValue - 7, 8)]
    public void An_access_outside_the_mapping_or_misaligned_is_EINVAL(ulong offset, int size)
    {
        using VfioMapping mapping = Region(All).Map(0, 0x2000);
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => _ = size == 4 ? mapping.Read32(offset) : mapping.Read64(offset)));
        Assert.Equal(
            Errno.EINVAL,
            ErrnoOf.Call(() =>
            {
                if (size == 4)
                {
                    mapping.Write32(offset, 1);
                }
                else
                {
                    mapping.Write64(offset, 1);
                }
            }));
        Assert.DoesNotContain(File.ReadAllBytes(_device.Backing), one => one != 0);
    }

    [Theory]
    [InlineData(0x1000ul, 0x1000ul, Errno.Ok)]
    [InlineData(0x1000ul, 1ul, Errno.Ok)]
    [InlineData(0x3000ul, 0x1000ul, Errno.Ok)]
    [InlineData(0x1000ul, 0ul, Errno.EINVAL)]
    [InlineData(0x1000ul, 0x1001ul, Errno.EINVAL)]
    [InlineData(0x0ul, 0x1000ul, Errno.EINVAL)]
    [InlineData(0x0ul, 0x2000ul, Errno.EINVAL)]
    [InlineData(0x1004ul, 0x10ul, Errno.EINVAL)]
    [InlineData(0x2000ul, 0x1000ul, Errno.EINVAL)]
    [InlineData(0x3000ul, 0x2000ul, Errno.EINVAL)]
    [InlineData(0x3000ul, ulong.MaxValue, Errno.EINVAL)]
    [InlineData(0xFFFF_FFFF_FFFF_F000ul, 0x1000ul, Errno.EINVAL)]
    public void Only_pages_inside_one_mappable_area_are_mapped(ulong offset, ulong length, Errno expected)
    {
        byte[] chain = new byte[48];
        System.Runtime.InteropServices.MemoryMarshal.Cast<ulong, byte>([1, 2, 0x1000, 0x1000, 0x3000, 0x1000]).CopyTo(chain);
        var region = new VfioRegion(
            _device.File, "sparse", FakeDevice.Answer(All | VfioDeviceAbi.RegionHasCapabilities, Size, Start, 32, chain));
        Assert.Equal<VfioArea>([new VfioArea(0x1000, 0x1000), new VfioArea(0x3000, 0x1000)], region.MappableAreas);
        Assert.Equal(expected, ErrnoOf.Call(() => region.Map(offset, length).Dispose()));
    }

    [Fact]
    public void A_disposed_mapping_is_gone_and_says_so()
    {
        VfioMapping mapping = Region(All).Map(0, 0x1000);
        Assert.Contains(File.ReadLines("/proc/self/maps"), line => line.EndsWith(_device.Backing, StringComparison.Ordinal));
        mapping.Dispose();
        Assert.DoesNotContain(File.ReadLines("/proc/self/maps"), line => line.EndsWith(_device.Backing, StringComparison.Ordinal));
        Assert.Throws<ObjectDisposedException>(() => mapping.Read32(0));
        Assert.Throws<ObjectDisposedException>(() => mapping.Write64(0, 1));
    }

    [Fact]
    public async Task Disposing_a_mapping_under_a_reader_ends_the_reads_and_not_the_process()
    {
        VfioRegion region = Region(All);
        region.Write32(0xFF0, 0x600D_F00D);
        for (int round = 0; round < 100; round++)
        {
            VfioMapping mapping = region.Map(0, 0x1000);
            using var hasRead = new ManualResetEventSlim();
            Task<bool> reader = Task.Run(() =>
            {
                try
                {
                    for (bool isRight = true; isRight; hasRead.Set())
                    {
                        isRight = mapping.Read32(0xFF0) == 0x600D_F00D;
                    }

                    return false;
                }
                catch (ObjectDisposedException)
                {
                    return true;
                }
            });
            hasRead.Wait();
            mapping.Dispose();
            Assert.True(await reader);
        }
    }

    private VfioRegion Region(uint flags) => new(_device.File, "region", FakeDevice.Answer(flags, Size, Start));
}
