using System.CommandLine;
using System.Text;
using PamuFastPath.Cli.Conform;

namespace PamuFastPath.Tests.Conformance;

public class MalformedRecordingTests
{
    private const string Begin = """{"op":"begin","seq":1,"max_windows":256}""";
    private const string Open = """{"op":"open","c":0}""";
    private const string Ok = ",\"ioctl_ret\":0,\"op_ret\":0,\"enabled\":0,\"mapped\":0}";
    private const string Null = ",\"ioctl_ret\":null,\"op_ret\":null,\"enabled\":0,\"mapped\":0}";
    private const string UnmapMsi = "{\"op\":\"unmap_msi\",\"c\":0,";
    private const string Count = "{\"op\":\"get_msi_bank_count\",\"c\":0";
    private const string Attach = "{\"op\":\"attach_group\",\"c\":0,";
    private const string Detach = "{\"op\":\"detach_group\",\"c\":0,";
    private const string Attached = Attach + "\"group\":0,\"devices\":[[66]]" + Ok;

    [Theory]
    [InlineData(":1: no JSON object", "not json")]
    [InlineData(":1: no JSON object", "{\"op\":\"begin\"")]
    [InlineData(":1: no JSON object (half", "{\"\\ud800\":1}")]
    [InlineData(":1: no JSON object (half", "{\"op\":\"\\udc00\"}")]
    [InlineData(":1: not a JSON object", "[1,2]")]
    [InlineData(":1: op: missing", "{\"seq\":1}")]
    [InlineData(":1: op: not a string", "{\"op\":1}")]
    [InlineData(":1: op: outside a sequence", Open)]
    [InlineData(":1: op: outside a sequence", Count + Ok)]
    [InlineData(":1: max_windows: missing", "{\"op\":\"begin\",\"seq\":1}")]
    [InlineData(":1: max_windows: 100 is no power of two", "{\"op\":\"begin\",\"seq\":1,\"max_windows\":100}")]
    [InlineData(":2: begin: inside a sequence", Begin, Begin)]
    [InlineData(":2: c: container 0 is not open", Begin, Count + Ok)]
    [InlineData(":2: seq: not the one that began", Begin, "{\"op\":\"end\",\"seq\":2}")]
    [InlineData(":2: op: missing", Begin, "{\"seq\":1,\"liodns\":[]}")]
    [InlineData(":3: op: 'a?b?[31m' is unknown", Begin, Open, "{\"op\":\"a\\nb\\u001b[31m\"}")]
    [InlineData(":2: the file ends inside sequence 1", Begin, Open)]
    [InlineData(":3: op: 'map_ram' is unknown", Begin, Open, "{\"op\":\"map_ram\",\"c\":0}")]
    [InlineData(":3: size: missing", Begin, Open, "{\"op\":\"unmap_dma\",\"c\":0,\"argsz\":24,\"flags\":0,\"iova\":\"0x0\"" + Ok)]
    [InlineData(":3: iova: not a hex string", Begin, Open, UnmapMsi + "\"argsz\":16,\"flags\":0,\"iova\":\"4096\"" + Ok)]
    [InlineData(":3: iova: not a hex string", Begin, Open, UnmapMsi + "\"argsz\":16,\"flags\":0,\"iova\":\"0xzz\"" + Ok)]
    [InlineData(":3: iova: not a hex string", Begin, Open, UnmapMsi + "\"argsz\":16,\"flags\":0,\"iova\":\"0x10000000000000000\"" + Ok)]
    [InlineData(":3: argsz: not a number of 32 bits", Begin, Open, UnmapMsi + "\"argsz\":-1,\"flags\":0,\"iova\":\"0x0\"" + Ok)]
    [InlineData(":3: ioctl_ret: null without a fault", Begin, Open, Count + Null)]
    [InlineData(":3: enabled: not 0 or 1", Begin, Open, Count + ",\"ioctl_ret\":3,\"op_ret\":null,\"enabled\":2,\"mapped\":0}")]
    [InlineData(":3: probes: not a list of [iova, phys]", Begin, Open, "{\"op\":\"iova_to_phys\",\"c\":0,\"probes\":[[\"0x0\"]]}")]
    [InlineData(":3: geometry: missing", Begin, Open, "{\"op\":\"state\",\"c\":0}")]
    [InlineData(":3: devices: not a list of LIODN lists", Begin, Open, Attach + "\"group\":0,\"devices\":[66]" + Ok)]
    [InlineData(":4: devices: group 0 had others before", Begin, Open, Attached, Detach + "\"group\":0,\"devices\":[[67]]" + Ok)]
    [InlineData(":4: devices: LIODN 66 is named twice", Begin, Open, Attached, Attach + "\"group\":1,\"devices\":[[66]]" + Ok)]
    public void A_malformed_line_is_named_with_its_reason(string reason, params string[] lines)
    {
        RunOnFile(Encoding.UTF8.GetBytes(string.Join('\n', lines)), reason);
    }

    [Fact]
    public void A_gzip_file_that_ends_early_is_refused()
    {
        byte[] whole = File.ReadAllBytes(Recordings.Directed);
        RunOnFile(whole[..(whole.Length / 2)], "");
        RunOnFile(whole[..64], "");
        RunOnFile(whole[..^4], ":439: the file cannot be read on"); // all data is there, the trailer is not
    }

    [Fact]
    public void A_gzip_file_with_garbage_inside_is_refused()
    {
        byte[] bytes = File.ReadAllBytes(Recordings.Directed);
        bytes.AsSpan(2000, 64).Fill(0x55);
        RunOnFile(bytes, "");
    }

    [Fact]
    public void An_empty_file_is_refused() => RunOnFile([], "the file is empty");

    [Fact]
    public void A_missing_file_is_refused()
    {
        (int exit, string output, string error) = ConformCommandTests.Invoke(Path.Combine(Path.GetTempPath(), "no-such-recording.jsonl"));
        Assert.Equal((2, ""), (exit, output));
        Assert.Contains("no-such-recording.jsonl", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Fact]
    public void A_directory_is_refused()
    {
        (int exit, string output, string error) = ConformCommandTests.Invoke(Path.GetTempPath());
        Assert.Equal((2, ""), (exit, output));
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Fact]
    public void Whatever_bytes_are_changed_the_answer_is_a_report_or_one_line()
    {
        var random = new Random(20131119);
        int refused = 0;
        for (int round = 0; round < 400; round++)
        {
            string[] changed = [.. Recordings.Sequence(Recordings.Directed, round % 25)];
            for (int times = 0; times <= round % 3; times++)
            {
                int at = random.Next(changed.Length);
                StringBuilder line = new(changed[at]);
                line[random.Next(line.Length)] = "0123456789abcdefx\"-,:[]{}"[random.Next(25)];
                changed[at] = line.ToString();
            }

            try
            {
                Recordings.Replay(changed);
            }
            catch (RecordingException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 50, 399);
    }

    private static void RunOnFile(byte[] bytes, string reason)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, bytes);
            (int exit, string output, string error) = ConformCommandTests.Invoke(path);
            Assert.Equal((2, ""), (exit, output));
            Assert.StartsWith(path, error, StringComparison.Ordinal);
            Assert.Contains(reason, error, StringComparison.Ordinal);
            Assert.Single(error.TrimEnd().Split('\n'));
            Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
