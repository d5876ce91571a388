using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Vfio;

/// <summary>The capability chain of a region: which parts can be mapped, and no answer of a kernel that reads outside itself.</summary>
[SupportedOSPlatform("linux")]
public sealed class RegionCapabilityTests
{
    private const uint Mappable = FakeDevice.ReadWrite | VfioDeviceAbi.RegionMap;
    private const uint WithChain = Mappable | VfioDeviceAbi.RegionHasCapabilities;
    private const ulong Size = 0x10000;
    private const Errno EPROTO = (Errno)71;

    // A chain's 32-bit words, from offset 32 of the answer on: id | version << 16, next, then the capability.
    public static TheoryData<string, uint, uint, uint[], string> Chains() => new()
    {
        { "no capabilities: the whole region", Mappable, 0, [], "0+10000" },
        { "no flag: the offset means nothing", Mappable, 32, [1, 0, 9, 0], "0+10000" },
        { "flag without a chain", WithChain, 0, [], "0+10000" },
        { "not mappable at all", FakeDevice.ReadWrite, 0, [], "" },
        { "one area", WithChain, 32, [1 | 1 << 16, 0, 1, 0, 0x1000, 0, 0x2000, 0], "1000+2000" },
        { "two areas around a table", WithChain, 32, [1, 0, 2, 0, 0, 0, 0x8000, 0, 0x9000, 0, 0x7000, 0], "0+8000 9000+7000" },
        { "the area that ends the region", WithChain, 32, [1, 0, 1, 0, 0xf000, 0, 0x1000, 0], "f000+1000" },
        { "no area at all", WithChain, 32, [1, 0, 0, 0], "" },
        { "empty areas are none", WithChain, 32, [1, 0, 1, 0, 0x10000, 0, 0, 0], "" },
        { "unknown capability first", WithChain, 32, [3, 40, 1, 0, 1, 0, 0x1000, 0, 0x1000, 0], "1000+1000" },
        { "unknown capability alone", WithChain, 32, [3, 0], "0+10000" },
        { "a link backwards", WithChain, 64, [1, 0, 1, 0, 0x1000, 0, 0x2000, 0, 3, 32], "1000+2000" },
    };

    public static TheoryData<string, uint, uint[]> Malformed() => new()
    {
        { "starts at the end", 32, [] },
        { "starts behind the end", 0xfffffff0, [1, 0, 0, 0] },
        { "starts at the last address", uint.MaxValue, [1, 0, 0, 0] },
        { "header cut off", 36, [1, 0] },
        { "links to itself", 32, [3, 32] },
        { "two link to each other", 32, [3, 40, 3, 32] },
        { "links behind the end", 32, [3, 4096] },
        { "areas cut off", 32, [1, 0, 1, 0, 0, 0, 0x1000] },
        { "no room for the count", 32, [1, 0] },
        { "areas without end", 32, [1, 0, uint.MaxValue, 0, 0, 0, 0x1000, 0] },
        { "count whose bytes wrap", 32, [1, 0, 0x10000001, 0, 0, 0, 0x1000, 0] },
        { "area behind the region", 32, [1, 0, 1, 0, 0x10001, 0, 0, 0] },
        { "area leaves the region", 32, [1, 0, 1, 0, 0xf000, 0, 0x1001, 0] },
        { "area wraps", 32, [1, 0, 1, 0, 0x1000, 0, 0xfffff000, 0xffffffff] },
        { "second area leaves the region", 32, [1, 0, 2, 0, 0, 0, 0x1000, 0, 0, 1, 0x1000, 0] },
    };

    [Theory]
    [MemberData(nameof(Chains))]
    public void Only_what_the_chain_lists_can_be_mapped(string what, uint flags, uint offset, uint[] chain, string areas)
    {
        Assert.Equal($"{what}: {areas}", $"{what}: {string.Join(' ', Areas(flags, offset, chain).Select(area => $"{area.Offset:x}+{area.Size:x}"))}");
    }

    [Theory]
    [MemberData(nameof(Malformed))]
    public void A_chain_that_contradicts_itself_is_EPROTO(string what, uint offset, uint[] chain)
    {
        Errno errno = ErrnoOf.Call(() => Areas(WithChain, offset, chain));
        Assert.Equal($"{what}: {EPROTO}", $"{what}: {errno}");
    }

    [Fact]
    public void Random_chains_are_refused_or_lie_in_the_region()
    {
        var random = new Random(4711);
        int refused = 0;
        int listed = 0;
        for (int round = 0; round < 20_000; round++)
        {
            uint[] chain = new uint[random.Next(16)];
            for (int i = 0; i < chain.Length; i++)
            {
                // Mostly small numbers, so that links and counts are plausible.
                chain[i] = random.Next(8) switch { 0 => (uint)random.NextInt64(1L << 32), 1 => 1, 2 => 0, _ => (uint)random.Next(128) };
            }

            try
            {
                foreach (VfioArea area in Areas(WithChain, (uint)random.Next(28, 64), chain))
                {
                    listed++;
                    Assert.True(area.Offset < Size && area.Size <= Size - area.Offset && area.Size != 0);
                }
            }
            catch (PamuException malformed)
            {
                Assert.Equal(EPROTO, malformed.Errno);
                refused++;
            }
        }

        Assert.True(refused > 1000 && listed > 1000, $"{refused} refused, {listed} areas");
    }

    private static ImmutableArray<VfioArea> Areas(uint flags, uint offset, uint[] chain) =>
        RegionCapabilities.MappableAreas(FakeDevice.Answer(flags, Size, 0, offset, MemoryMarshal.AsBytes(chain.AsSpan())));
}
