using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using PamuFastPath.Cli;

namespace PamuFastPath.Tests.Run;

public sealed class RunTests : IDisposable
{
    private readonly RunCase _run = new();

    public void Dispose() => _run.Dispose();

    [Fact]
    public void TheThreeBankScenarioPrintsTheThreePicturesOfTheMail()
    {
        string golden = File.ReadAllText(Path.Combine(RunCase.Repository, "Tests/Data/Run/rfc-three-banks.txt"));
        Assert.Equal(PamuCli.Success, _run.Run(Shipped("rfc-three-banks.json")));
        Assert.Equal(golden, _run.Output.Replace(RunCase.Repository + "/", "", StringComparison.Ordinal));
        Assert.Empty(_run.Error);
    }

    [Fact]
    public void EveryAccessOfTheNvmeSliceIsAccountedForWithoutAFault()
    {
        Assert.Equal(PamuCli.Success, _run.Run(Shipped("nvme.json"), "--trace", Shipped("traces/nvme-slice.csv.gz"), "--json"));
        JsonElement replay = Json().GetProperty("replay");

        // The expected numbers come from the file, counted by other code.
        string[][] rows = [.. Unpack(Shipped("traces/nvme-slice.csv.gz")).Skip(1).Select(static line => line.Split(','))];
        Assert.Equal(100_000, rows.Length);
        Assert.Equal(rows.Length, replay.GetProperty("rows").GetInt32());
        Assert.Equal(rows.Count(static row => row[2] != "M"), replay.GetProperty("translated").GetInt32());
        Assert.Equal(rows.Count(static row => row[2] == "M"), replay.GetProperty("messages").GetInt32());
        Assert.Equal(0, replay.GetProperty("faults").GetInt32());
        Assert.True(replay.GetProperty("accountedFor").GetBoolean());
        Assert.Equal(Bytes("R"), replay.GetProperty("bytesRead").GetInt64());
        Assert.Equal(Bytes("W"), replay.GetProperty("bytesWritten").GetInt64());
        JsonElement[] messages = [.. replay.GetProperty("messageHits").EnumerateArray()];
        foreach ((int bank, string address) in new[] { (0, "fee01004"), (1, "fee02004") })
        {
            Assert.Equal(
                rows.Count(row => row[2] == "M" && row[3] == address),
                messages.Where(hits => Int(hits, "bank") == bank).Sum(static hits => Int(hits, "count")));
        }

        long Bytes(string op) => rows.Where(row => row[2] == op).Sum(static row => long.Parse(row[4], null));
    }

    [Theory]
    [InlineData("nvme.json", "nvme")]
    [InlineData("virtio-blk.json", "virtio-blk-pci")]
    public void ARawWriteToTheX86MessageAddressFaults(string scenario, string device)
    {
        Assert.Equal(PamuCli.Success, _run.Run(Shipped(scenario), "--json"));
        JsonElement access = Json().GetProperty("accesses").EnumerateArray().First(
            static access => access.GetProperty("iova").GetString() == "0xfee00000");
        Assert.Equal(device, access.GetProperty("who").GetString());
        Assert.Equal("noMapping", access.GetProperty("answer").GetString());
        Assert.True(access.GetProperty("asExpected").GetBoolean());
    }

    /// <summary>The same write as a trace row: it is a fault of the trace, and the scenario does not allow any.</summary>
    [Fact]
    public void ARawWriteInATraceIsAnUnexpectedFault()
    {
        string trace = _run.Write("t.csv", RunCase.Header + "0,nvme,W,fee00000,4\n");
        Assert.Equal(PamuCli.ExpectationFailed, _run.Run(Shipped("nvme.json"), "--trace", trace));
        Assert.Contains("1 unexpected faults", _run.Output, StringComparison.Ordinal);
        Assert.Matches(@"\n *2  nvme    W   0xfee00000 +4  noMapping +0xfee00000\n", _run.Output);
        Assert.Empty(_run.Error);
    }

    [Theory]
    [InlineData("disk,R,1000,4096", "translated")]
    [InlineData("disk,R,fffffff,2", "translated")] // over a window's end
    [InlineData("disk,W,17fffffe,4", "beyondMapping")]
    [InlineData("disk,W,20000000,1", "directionDenied")]
    [InlineData("disk,R,20000000,1", "translated")]
    [InlineData("disk,R,2fffffff,2", "noMapping")]
    [InlineData("disk,R,80000000,1", "outOfAperture")]
    [InlineData("disk,R,ffffffffffffffff,18446744073709551615", "outOfAperture")]
    [InlineData("disk,R,0,0", "badLength")]
    [InlineData("disk,M,fee01004,37", "message")]
    [InlineData("nic,W,40000140,4", "message")] // hits the bank of another group in the container, as the hardware would let it
    [InlineData("disk,W,40000142,4", "badLength")]
    [InlineData("disk,W,40000140,8", "badLength")]
    [InlineData("disk,R,40000140,4", "directionDenied")]
    [InlineData("disk,W,50000140,4", "noMapping")] // no group uses bank 1
    public void ARowEndsAsTheTablesSay(string row, string expected)
    {
        string scenario = ScenarioWith("\"accesses\"", "\"allowFaults\": true, \"accesses\"");
        Assert.Equal(PamuCli.Success, _run.Run(scenario, "--json", "--trace", _run.Write("t.csv", $"{RunCase.Header}0,{row}\n")));
        JsonElement replay = Json().GetProperty("replay");
        Assert.Equal(expected == "translated" ? 1 : 0, replay.GetProperty("translated").GetInt32());
        Assert.Equal(expected == "message" ? 1 : 0, replay.GetProperty("messages").GetInt32());
        JsonElement kinds = replay.GetProperty("faultsByKind");
        Assert.Equal(expected is "translated" or "message" ? 0 : 1, replay.GetProperty("faults").GetInt32());
        Assert.Equal(expected is "translated" or "message" ? [] : [expected], kinds.EnumerateObject().Select(static kind => kind.Name));
    }

    [Fact]
    public void AnAccessOverAWindowsEndCountsInBothWindows()
    {
        string trace = _run.Write("t.csv", RunCase.Header + "0,disk,R,fffffff,2\n");
        Assert.Equal(PamuCli.Success, _run.Run(_run.Write("s.json", RunCase.Scenario), "--json", "--trace", trace));
        JsonElement replay = Json().GetProperty("replay");
        Assert.Equal(1, replay.GetProperty("crossing").GetInt32());
        Assert.Equal(2, replay.GetProperty("bytesRead").GetInt32());
        Assert.Equal([0, 1], replay.GetProperty("windowHits").EnumerateArray().Select(static hits => hits.GetProperty("index").GetInt32()));
    }

    [Fact]
    public void AMessageIsDecodedToItsInterrupt()
    {
        string trace = _run.Write("t.csv", RunCase.Header + "0,disk,M,fee01004,37\n1,disk,M,fee01004,37\n");
        Assert.Equal(PamuCli.Success, _run.Run(_run.Write("s.json", RunCase.Scenario), "--json", "--trace", trace));
        JsonElement hits = Assert.Single(Json().GetProperty("replay").GetProperty("messageHits").EnumerateArray());
        string[] names = ["bank", "offset", "data", "register", "bit", "interrupt", "count"];
        Assert.Equal([0, 0x140, 37, 1, 5, 0xE1, 2], names.Select(name => Int(hits, name)));
    }

    [Fact]
    public void InvalidationsAreCountedAndAreNoAccesses()
    {
        string trace = _run.Write("t.csv", RunCase.Header + "0,iommu,U,0,0\n1,disk,R,0,4\n2,iommu,U,1000,4096\n");
        Assert.Equal(PamuCli.Success, _run.Run(_run.Write("s.json", RunCase.Scenario), "--json", "--trace", trace));
        JsonElement replay = Json().GetProperty("replay");
        Assert.Equal((3, 2, 1), (Int(replay, "rows"), Int(replay, "invalidations"), Int(replay, "accesses")));
    }

    [Theory]
    [InlineData("0,disk,R,0,4\r\n1,disk,W,8,4\r\n", "\r\n")]
    [InlineData("0,disk,R,0,4\n1,disk,W,8,4", "\n")]
    public void LineEndsAreFree(string rows, string end)
    {
        string trace = _run.Write("t.csv", RunCase.Header.TrimEnd() + end + rows);
        Assert.Equal(PamuCli.Success, _run.Run(_run.Write("s.json", RunCase.Scenario), "--json", "--trace", trace));
        Assert.Equal(2, Json().GetProperty("replay").GetProperty("translated").GetInt32());
    }

    [Fact]
    public void GzipIsToldByItsBytesAndMayHaveSeveralMembers()
    {
        byte[] members = [.. Gzip(RunCase.Header + "0,disk,R,0,4\n"), .. Gzip("1,disk,W,8,4\n")];
        string trace = _run.Write("trace.csv", members);
        Assert.Equal(PamuCli.Success, _run.Run(_run.Write("s.json", RunCase.Scenario), "--json", "--trace", trace));
        Assert.Equal(2, Json().GetProperty("replay").GetProperty("translated").GetInt32());
    }

    [Fact]
    public void AGzipTraceThatIsCutOffAnywhereIsRefused()
    {
        string scenario = _run.Write("s.json", RunCase.Scenario);
        string rows = string.Concat(Enumerable.Range(0, 80).Select(static i => $"{i * 977},disk,R,{i * 7919 % 65536:x},{i % 61 + 1}\n"));
        byte[] whole = Gzip(RunCase.Header + rows);
        Assert.Equal(PamuCli.Success, _run.Run(scenario, "--trace", _run.Write("t", whole)));
        for (int length = 2; length < whole.Length; length++)
        {
            Assert.Equal(PamuCli.BadInput, _run.Run(scenario, "--trace", _run.Write("t", whole[..length])));
            Assert.Contains("gzip", _run.Error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("\"expect\": \"translated\"", "noMapping, not translated")]
    [InlineData("\"expect\": \"outOfAperture\"", "noMapping, not outOfAperture")]
    public void AnAccessThatEndsOtherwiseFailsTheRun(string expect, string message)
    {
        string access = $$"""{ "device": "disk", "op": "read", "iova": "0x7000_0000", "length": 4, {{expect}} }""";
        Assert.Equal(PamuCli.ExpectationFailed, _run.Run(ScenarioWith("[],", $"[{access}],")));
        Assert.Contains($"s.json:20: accesses[0]: {message}", _run.Output, StringComparison.Ordinal);
        Assert.Empty(_run.Error);
    }

    [Fact]
    public void AnAccessThatReachesAnotherTargetFailsTheRun()
    {
        const string access = """{ "device": "disk", "op": "read", "iova": 8, "length": 4, "expect": "translated", "target": 16 }""";
        Assert.Equal(PamuCli.ExpectationFailed, _run.Run(ScenarioWith("[],", $"[{access}],")));
        Assert.Contains("accesses[0]: reached 0x00000008, not 0x00000010", _run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void PipedTextHasNoControlCodesAndNoTrailingBlanks()
    {
        _run.Run(Shipped("nvme.json"), "--trace", Shipped("traces/nvme-slice.csv.gz"));
        Assert.DoesNotContain(_run.Output, static c => char.IsControl(c) && c != '\n');
        Assert.DoesNotMatch(@"[ \t]\n", _run.Output);
        Assert.Matches("accounted for +100,000 of 100,000", _run.Output);
    }

    [Fact]
    public void TheReportNeedsNothingFromOutsideAndShowsEveryWindow()
    {
        string report = _run.PathOf("r.html");
        Assert.Equal(PamuCli.Success, _run.Run(Shipped("nvme.json"), "--trace", Shipped("traces/nvme-slice.csv.gz"), "--report", report));
        string page = File.ReadAllText(report);
        Assert.DoesNotMatch(new Regex(@"https?://|<script|<link|<img|\ssrc=|@import|\son\w+=", RegexOptions.IgnoreCase), page);
        Assert.Equal(256, Regex.Count(page, "<title>window "));
        Assert.Contains("prefers-color-scheme: dark", page, StringComparison.Ordinal);
        Assert.Contains("100,000", page, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatComesFromFilesIsEscapedInTheReport()
    {
        const string hostile = "<script>alert('&')</script>";
        string text = RunCase.Scenario
            .Replace("\"test\"", $"\"{hostile}\"", StringComparison.Ordinal)
            .Replace("\"nic\"", $"\"{hostile}\"", StringComparison.Ordinal)
            .Replace("\"call\": \"attach\", \"group\": 2", $"\"call\": \"show\", \"caption\": \"{hostile}\"", StringComparison.Ordinal);
        string trace = _run.Write("t<i>.csv", $"{RunCase.Header}0,{hostile},R,0,4\n");
        string report = _run.PathOf("r.html");
        Assert.Equal(PamuCli.ExpectationFailed, _run.Run(_run.Write("s<b>.json", text), "--trace", trace, "--report", report));
        string page = File.ReadAllText(report);
        Assert.DoesNotMatch("<script|<b>s|s<b>|t<i>", page);
        int escaped = Regex.Count(page, Regex.Escape("&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;"));
        Assert.True(escaped >= 4, "description, caption, device in two tables");
    }

    [Theory]
    [InlineData("--help", "run <SCENARIO.json>")]
    [InlineData("--version", ".")]
    public void HelpAndVersionSucceed(string option, string contains)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        Assert.Equal(PamuCli.Success, PamuCli.Run([option], output, error));
        Assert.Contains(contains, output.ToString(), StringComparison.Ordinal);
        Assert.Empty(error.ToString());
    }

    private string ScenarioWith(string from, string to) =>
        _run.Write("s.json", RunCase.Scenario.Replace(from, to, StringComparison.Ordinal));

    private static string Shipped(string name) => Path.Combine(RunCase.Repository, "scenarios", name);

    private static byte[] Gzip(string text)
    {
        using var bytes = new MemoryStream();
        using (var gzip = new GZipStream(bytes, CompressionLevel.Optimal))
        {
            gzip.Write(Encoding.UTF8.GetBytes(text));
        }

        return bytes.ToArray();
    }

    private static IEnumerable<string> Unpack(string file)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(file), CompressionMode.Decompress));
        while (reader.ReadLine() is string line)
        {
            yield return line;
        }
    }

    private static int Int(JsonElement element, string name) => element.GetProperty(name).GetInt32();

    private JsonElement Json() => JsonDocument.Parse(_run.Output).RootElement;
}
