using PamuFastPath.Cli.Conform;
using PamuFastPath.Tests.Model;

namespace PamuFastPath.Tests.Conformance;

/// <summary>Short recordings of what the ones in the repository do not hold.</summary>
public class HandWrittenRecordingTests
{
    private const string Begin = "{\"op\":\"begin\",\"seq\":1,\"max_windows\":16,\"containers\":2,\"profile\":\"clean\"}";
    private const string Open = "{\"op\":\"open\",\"c\":0}";
    private const string Off = ",\"enabled\":0,\"mapped\":0}";
    private const string Geometry =
        "{\"op\":\"set_geometry\",\"c\":0,\"argsz\":32,\"flags\":0,\"attribute\":0,\"start\":\"0x0\",\"end\":\"0xffff\",\"ioctl_ret\":0,\"op_ret\":0" + Off;

    private const string Windows = "{\"op\":\"set_windows\",\"c\":0,\"argsz\":32,\"flags\":0,\"attribute\":1,\"count\":4,\"ioctl_ret\":0,\"op_ret\":0" + Off;
    private const string GetStash = "{\"op\":\"get_stash\",\"c\":0,\"argsz\":32,\"flags\":0,\"attribute\":2,";

    private const string WrongCounter = "{\"op\":\"get_msi_bank_count\",\"c\":0,\"ioctl_ret\":3,\"op_ret\":null,\"enabled\":0,\"mapped\":7}";

    /// <summary>The driver was built for PowerPC: it knows no request in the plain form.</summary>
    [Theory]
    [InlineData("GET_API_VERSION", 0x3B64, -25, "api-version")]
    [InlineData("CHECK_EXTENSION", 0x3B65, -25, "plain-request")]
    [InlineData("SET_IOMMU", 0x3B66, -25, "set-iommu")]
    [InlineData("GROUP_GET_STATUS", 0x3B67, -25, null)]
    [InlineData("GET_INFO", 0x3B70, -25, "get-info")]
    [InlineData("MAP_DMA", 0x3B71, -25, "plain-request")]
    [InlineData("UNMAP_DMA", 0x3B72, -25, "plain-request")]
    [InlineData("GET_ATTR", 0x3B73, -25, "plain-request")]
    [InlineData("SET_ATTR", 0x3B74, -25, "plain-request")]
    [InlineData("GET_MSI_BANK_COUNT", 0x3B75, -25, "plain-request")]
    [InlineData("MAP_MSI_BANK", 0x3B76, -25, "plain-request")]
    [InlineData("UNMAP_MSI_BANK", 0x3B77, -25, "plain-request")]
    [InlineData("none", 0x3B78, -25, null)]
    [InlineData("CHECK_EXTENSION, PowerPC", 0x20003B65, 1, null)]
    [InlineData("none, PowerPC", 0x20003B78, -25, null)]
    [InlineData("none, with other upper bits", 0x40003B71, -25, null)]
    public void A_request_in_the_plain_form_is_answered_by_rule(string request, uint command, int recorded, string? rule)
    {
        Tally tally = Replay(Geometry, Windows,
            $"{{\"op\":\"ioctl\",\"c\":0,\"cmd\":{command},\"nr\":{(int)(command & 0xFF) - 100},\"arg\":\"0x2\",\"ioctl_ret\":{recorded},\"op_ret\":null" + Off,
            "{\"op\":\"get_windows\",\"c\":0,\"argsz\":32,\"flags\":0,\"attribute\":1,\"out_count\":4,\"ioctl_ret\":0,\"op_ret\":0" + Off);

        Assert.True(tally is { Mismatches.Count: 0, Unexplained: 0, Skipped: 0, Operations: 4 }, request);
        Assert.Equal(rule, tally.Deviations.Keys.SingleOrDefault());
    }

    /// <summary>What GET STASH returns after it, and which rule that rests on.</summary>
    [Theory]
    [InlineData("accepted", 0, 1, 1, 32, 0, "")]
    [InlineData("refused", 5, 1, -1, 32, 0, "attr-efault stash-refused-kept")]
    [InlineData("accepted, with flags the driver ignores", 0, 1, 1, 32, 4, "flags-undefined")]
    public void A_stash_is_that_of_the_last_call_the_driver_took(string set, int cpu, int cache, int id, int argsz, int flags, string rules)
    {
        string result = id < 0 ? "\"ioctl_ret\":0,\"op_ret\":-14" : "\"ioctl_ret\":0,\"op_ret\":0";
        Tally tally = Replay(
            $"{{\"op\":\"set_stash\",\"c\":0,\"argsz\":{argsz},\"flags\":{flags},\"attribute\":2,\"cpu\":{cpu},\"cache\":{cache},{result}" + Off,
            GetStash + $"\"out_cpu\":{cpu},\"out_cache\":{cache},\"ioctl_ret\":0,\"op_ret\":0" + Off);

        Assert.True(tally is { Mismatches.Count: 0, Unexplained: 0, Skipped: 0 }, set);
        Assert.Equal(rules, string.Join(' ', tally.Deviations.Keys));
    }

    /// <summary>A wrong counter loses the container; the state line after it finds it, with the stash that was set meanwhile.</summary>
    [Theory]
    [InlineData("set while it was lost", 0, 1, 1, 0, 1, "")]
    [InlineData("set while it was lost, and then refused", 5, 1, -1, 0, 1, "stash-refused-kept")]
    public void A_stash_set_while_a_container_is_lost_is_found_again(string stash, int cpu, int cache, int id, int keptCpu, int keptCache, string rules)
    {
        Tally tally = Replay(
            WrongCounter,
            $"{{\"op\":\"set_stash\",\"c\":0,\"argsz\":32,\"flags\":0,\"attribute\":2,\"cpu\":{keptCpu},\"cache\":{keptCache},\"ioctl_ret\":0,\"op_ret\":0" + Off,
            id >= 0
                ? "{\"op\":\"note\"}"
                : $"{{\"op\":\"set_stash\",\"c\":0,\"argsz\":32,\"flags\":0,\"attribute\":2,\"cpu\":{cpu},\"cache\":{cache},\"ioctl_ret\":0,\"op_ret\":-14" + Off,
            State(cpu, cache, id, tableEntries: 0));

        Assert.True(tally is { Mismatches.Count: 1, Unexplained: 0 }, stash);
        Assert.Equal(rules, string.Join(' ', tally.Deviations.Keys));
    }

    /// <summary>No state line says all of the tables that containers share: once a container was lost, nobody knows what is in them.</summary>
    [Theory]
    [InlineData("known", false, 2)]
    [InlineData("no longer known", true, 1)]
    public void Shared_tables_are_compared_as_long_as_they_are_known(string tables, bool isLost, int mismatches)
    {
        Tally tally = Replay(isLost ? WrongCounter : "{\"op\":\"note\"}", State(0, 0, -1, tableEntries: 5), State(0, 0, -1, tableEntries: 6));

        Assert.True(tally.Mismatches.Count == mismatches, tables);
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData(",\"spaact_exhausted\":0", 0)]
    [InlineData(",\"spaact_exhausted\":1", 1)]
    public void A_flag_of_0_is_none(string flag, int mismatches)
    {
        Tally tally = Replay("{\"op\":\"get_msi_bank_count\",\"c\":0,\"ioctl_ret\":3,\"op_ret\":null,\"enabled\":0,\"mapped\":0" + flag + "}");

        Assert.Equal(mismatches, tally.Mismatches.Count);
    }

    [Fact]
    public void A_sequence_may_be_empty() => Assert.Equal(0, Recordings.Replay([Begin, "{\"op\":\"end\",\"seq\":1,\"ops\":0}"]).Operations);

    /// <summary>The state of a container with nothing but a stash.</summary>
    private static string State(int cpu, int cache, int id, int tableEntries) =>
        "{\"op\":\"state\",\"c\":0,\"geometry\":{\"start\":\"0x0\",\"end\":\"0xfffffffff\",\"size\":\"0x0\"},\"win_cnt\":16,"
        + $"\"windows_configured\":0,\"enabled\":0,\"mapped\":0,\"stash\":{{\"cpu\":{cpu},\"cache\":{cache},\"id\":{id}}},"
        + "\"vfio\":{\"start\":\"0x0\",\"end\":\"0x0\",\"page_size\":\"0x0\",\"nsubwindows\":0},\"desync\":0,\"windows\":[],\"dma_list\":[],"
        + $"\"msi_list\":[],\"groups\":[],\"liodns\":[],\"spaact_used\":{tableEntries}}}";

    /// <summary>The engine's, and the plain model's has to be the same.</summary>
    private static Tally Replay(params string[] lines)
    {
        List<string> all = [Begin, Open, .. lines, "{\"op\":\"end\",\"seq\":1}"];
        Tally engine = Recordings.Replay(all);
        Tally model = Recordings.Replay(all, maxWindows => new ModelSubject(maxWindows));
        Assert.Equal((engine.Compared, engine.Deviating, engine.Mismatches.Count), (model.Compared, model.Deviating, model.Mismatches.Count));
        return engine;
    }
}
