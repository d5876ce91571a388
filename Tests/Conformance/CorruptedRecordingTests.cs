using System.Text.Json.Nodes;
using PamuFastPath.Cli.Conform;

namespace PamuFastPath.Tests.Conformance;

/// <summary>A replay that cannot fail proves nothing: recordings changed in one place have to be noticed.</summary>
public class CorruptedRecordingTests
{
    /// <summary>A hand-written scenario without quirks: four windows, a mapping, an MSI window, a state and its probes.</summary>
    private static string[] Plain { get; } =
        File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Data", "conformance", "plain.jsonl"));

    [Fact]
    public void The_scenario_itself_has_no_mismatch_and_no_deviation()
    {
        Tally tally = Recordings.Replay(Plain);
        Assert.Empty(tally.Mismatches);
        Assert.Equal((11, 0, 0, 0), (tally.Compared, tally.Deviating, tally.Skipped, tally.Unexplained));
    }

    [Theory]
    [InlineData("an errno where there was none", 6, "\"ioctl_ret\":0,\"op_ret\":0", "\"ioctl_ret\":-22,\"op_ret\":-22")]
    [InlineData("success where there was an errno", 7, "\"ioctl_ret\":-16,\"op_ret\":-16", "\"ioctl_ret\":0,\"op_ret\":0")]
    [InlineData("another errno", 7, "\"ioctl_ret\":-16,\"op_ret\":-16", "\"ioctl_ret\":-14,\"op_ret\":-14")]
    [InlineData("an errno user space did not get from the call inside", 6, "\"ioctl_ret\":0", "\"ioctl_ret\":-14")]
    [InlineData("a refused geometry", 4, "\"op_ret\":0", "\"op_ret\":-14")]
    [InlineData("a refused window count", 5, "\"op_ret\":0", "\"op_ret\":-22")]
    [InlineData("a refused MSI map", 8, "\"op_ret\":0", "\"op_ret\":-16")]
    [InlineData("a refused attach", 3, "\"ioctl_ret\":0,\"op_ret\":0", "\"ioctl_ret\":-22,\"op_ret\":-22")]
    [InlineData("one window more", 6, "\"mapped\":1", "\"mapped\":2")]
    [InlineData("one window less", 8, "\"mapped\":2", "\"mapped\":1")]
    [InlineData("not enabled by a map", 6, "\"enabled\":1", "\"enabled\":0")]
    [InlineData("enabled after the last unmap", 13, "\"enabled\":0", "\"enabled\":1")]
    [InlineData("another aperture read back", 9, "\"out_end\":\"0x3fff\"", "\"out_end\":\"0x7fff\"")]
    [InlineData("another count read back", 10, "\"out_count\":4", "\"out_count\":8")]
    [InlineData("another physical address", 11, "\"paddr\":\"0x200000000\"", "\"paddr\":\"0x200001000\"")]
    [InlineData("another window", 11, "\"i\":2", "\"i\":3")]
    [InlineData("another permission", 11, "\"prot\":2", "\"prot\":3")]
    [InlineData("another bank's page", 11, "0xffe045000", "0xffe046000")]
    [InlineData("a group that is not there", 11, "\"groups\":[0]", "\"groups\":[]")]
    [InlineData("another stash", 11, "\"cpu\":0,\"cache\":0", "\"cpu\":1,\"cache\":1")]
    [InlineData("another stash id", 11, "\"id\":-1", "\"id\":1")]
    [InlineData("a window that is not valid", 11, "\"valid\":1", "\"valid\":0")]
    [InlineData("layers said to be apart", 11, "\"desync\":0", "\"desync\":2")]
    [InlineData("another aperture of the upper layer", 11, "\"vfio\":{\"start\":\"0x0\"", "\"vfio\":{\"start\":\"0x1000\"")]
    [InlineData("another window size of the upper layer", 11, "\"page_size\":\"0x1000\"", "\"page_size\":\"0x2000\"")]
    [InlineData("another list entry", 11, "\"dma_list\":[{\"iova\":\"0x0\"", "\"dma_list\":[{\"iova\":\"0x1000\"")]
    [InlineData("no message listed", 11, "\"msi_list\":[{\"iova\":\"0x2000\",\"bank\":1}]", "\"msi_list\":[]")]
    [InlineData("no device", 11, "\"liodns\":[66]", "\"liodns\":[]")]
    [InlineData("another table entry taken", 11, "\"spaact_used\":3", "\"spaact_used\":4")]
    [InlineData("layers said to be apart before a call", 6, "\"mapped\":1", "\"mapped\":1,\"desync\":2")]
    [InlineData("a table said to be full", 5, "\"mapped\":0", "\"mapped\":0,\"spaact_exhausted\":1")]
    [InlineData("another count", 11, "\"win_cnt\":4", "\"win_cnt\":8")]
    [InlineData("an address that is mapped elsewhere", 12, "[\"0x0\",\"0x200000000\"]", "[\"0x0\",\"0x200001000\"]")]
    [InlineData("an address that is not mapped", 12, "[\"0x1000\",\"0x0\"]", "[\"0x1000\",\"0x200000000\"]")]
    [InlineData("an address beyond the aperture", 12, "[\"0x4000\",\"0x0\"]", "[\"0x4000\",\"0x200000000\"]")]
    public void A_changed_line_is_a_mismatch_of_that_line(string change, int line, string old, string other)
    {
        string[] lines = [.. Plain];
        Assert.Contains(old, lines[line - 1], StringComparison.Ordinal);
        int at = lines[line - 1].IndexOf(old, StringComparison.Ordinal);
        lines[line - 1] = lines[line - 1].Remove(at, old.Length).Insert(at, other);
        Tally tally = Recordings.Replay(lines);
        Assert.True(tally.Mismatches.Count > 0, change);
        Assert.Equal((1L, line), (tally.Mismatches[0].Sequence, tally.Mismatches[0].Line));
    }

    /// <summary>The description of the format does not have them.</summary>
    [Theory]
    [InlineData("\"valid\":1,")]
    [InlineData("\"desync\":0,")]
    public void A_state_line_need_not_say_what_follows_from_the_rest(string field)
    {
        string[] lines = [.. Plain];
        Assert.Contains(field, lines[10], StringComparison.Ordinal);
        lines[10] = lines[10].Replace(field, "", StringComparison.Ordinal);

        Assert.Empty(Recordings.Replay(lines).Mismatches);
    }

    [Theory]
    [InlineData("directed-ops.jsonl.gz", 1, 200)]
    [InlineData("ops.jsonl.gz", 97, 200)]
    public void An_errno_changed_anywhere_is_noticed(string file, int stride, int triedMin)
    {
        List<string> lines = Recordings.ReadLines(Recordings.PathOf(file));
        var missed = new List<string>();
        int tried = 0;
        int mismatched = 0;
        for (int i = 0; i < lines.Count; i += stride)
        {
            JsonObject line = Recordings.Parse(lines[i]);
            if (line["op_ret"] is not JsonValue opRet)
            {
                continue;
            }

            int changed = (int)opRet == 0 ? -22 : 0;
            line["op_ret"] = changed;
            line["ioctl_ret"] = (int)line["ioctl_ret"]! == (int)opRet ? changed : (int)line["ioctl_ret"]!;
            Tally tally = Recordings.Replay(SequenceAround(lines, i, line.ToJsonString()));
            tried++;
            mismatched += tally.Mismatches.Count > 0 ? 1 : 0;
            if (tally is { Mismatches.Count: 0, Unexplained: 0 })
            {
                missed.Add(lines[i]);
            }
        }

        // Where the change happens to be what the ABI page answers, only the ledger notices.
        Assert.InRange(tried, triedMin, int.MaxValue);
        Assert.Empty(missed);
        Assert.InRange(mismatched, tried * 9 / 10, tried);
    }

    [Fact]
    public void Where_the_ledger_loses_the_driver_lines_are_skipped_to_the_next_state_line_and_counted()
    {
        // A failed map has left a ghost on the MSI list: not a plain state any more, so that a wrong counter is nobody's mismatch.
        List<string> lines = Recordings.Sequence(Recordings.Directed, 4);
        Assert.Equal((0, 0), Outcome(lines));
        int at = lines.FindIndex(line => line.Contains("\"op\":\"unmap_msi\"", StringComparison.Ordinal));
        lines[at] = lines[at].Replace("\"mapped\":1", "\"mapped\":2", StringComparison.Ordinal);
        lines.Insert(at + 1, lines[at]);
        lines[^1] = "{\"op\":\"end\",\"seq\":4}"; // without the number of calls, which is another now
        Assert.Equal((0, 1), Outcome(lines));
        Assert.Equal(1, Recordings.Replay(lines).Skipped);
    }

    private static (int Mismatches, int Unexplained) Outcome(List<string> lines)
    {
        Tally tally = Recordings.Replay(lines);
        return (tally.Mismatches.Count, tally.Unexplained);
    }

    private static List<string> SequenceAround(List<string> lines, int index, string changed)
    {
        int begin = lines.FindLastIndex(index, line => line.StartsWith("{\"op\":\"begin\"", StringComparison.Ordinal));
        int end = lines.FindIndex(index, line => line.StartsWith("{\"op\":\"end\"", StringComparison.Ordinal));
        return [.. lines[begin..index], changed, .. lines[(index + 1)..(end + 1)]];
    }
}
