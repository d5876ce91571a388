namespace PamuFastPath.Tests.Control;

public sealed class PlatformTests
{
    /// <summary>Values just outside of what each property takes.</summary>
    private static readonly Dictionary<string, Func<PamuPlatform>> Wrong = new()
    {
        ["no window"] = () => new PamuPlatform { MaxWindows = 0 },
        ["three windows"] = () => new PamuPlatform { MaxWindows = 3 },
        ["512 windows"] = () => new PamuPlatform { MaxWindows = 512 },
        ["31 address bits"] = () => new PamuPlatform { PhysicalAddressBits = 31 },
        ["64 address bits"] = () => new PamuPlatform { PhysicalAddressBits = 64 },
        ["pages of 2 KiB"] = () => new PamuPlatform { PageSize = 2048 },
        ["pages of 5,000 bytes"] = () => new PamuPlatform { PageSize = 5000 },
        ["pages of 2 MiB"] = () => new PamuPlatform { PageSize = 2 << 20 },
        ["no LIODN"] = () => new PamuPlatform { LiodnCount = 0 },
        ["65,537 LIODNs"] = () => new PamuPlatform { LiodnCount = 65_537 },
        ["4,096 banks"] = () => new PamuPlatform { MsiBanks = new MsiBank[4096] },
        ["a bank inside a page"] = () => new PamuPlatform { MsiBanks = [new MsiBank(0xF_FE04_4140)] },
    };

    public static TheoryData<string> Names => [.. Wrong.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_value_no_machine_has_is_EINVAL(string name) => Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => Wrong[name]()));

    [Fact]
    public void The_first_and_last_values_are_fine()
    {
        var least = new PamuPlatform { MaxWindows = 1, PhysicalAddressBits = 32, PageSize = 4096, LiodnCount = 1, MsiBanks = [] };
        var most = new PamuPlatform { MaxWindows = 256, PhysicalAddressBits = 63, PageSize = 1 << 20, LiodnCount = 65_536, MsiBanks = new MsiBank[4095] };

        using var small = new PamuEngine(least);
        using var large = new PamuEngine(most);
        Assert.Equal((0ul, 0xFFFF_FFFFul), small.CreateContainer().Geometry);
        Assert.Equal((0ul, (1ul << 63) - 1), large.CreateContainer().Geometry);
    }

    [Fact]
    public void A_stash_target_is_found_by_its_cache_and_its_cpu_unless_the_cache_is_shared()
    {
        var platform = new PamuPlatform { StashTargets = [new(1, 0, 10), new(1, 1, 11), new(3, null, 30)] };

        Assert.Equal((10, 11, null), (platform.FindStashId(0, 1), platform.FindStashId(1, 1), platform.FindStashId(2, 1)));
        Assert.Equal((30, null), (platform.FindStashId(7, 3), platform.FindStashId(0, 2)));
    }
}
