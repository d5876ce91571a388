using System.IO.Compression;
using System.Text;
using PamuFastPath.Cli;

namespace PamuFastPath.Tests.Run;

/// <summary>Every kind of bad input ends with exit code 2 and one line on stderr that names place and reason.</summary>
public sealed class BadInputTests : IDisposable
{
    private const string Group1 = """{ "id": 1, "liodns": [1], "msiBanks": [0], "devices": { "disk": 1 } }""";
    private const string Geometry = """{ "call": "setGeometry", "start": 0, "last": "0x7fff_ffff" }""";
    private const string FirstMap = """{ "call": "mapDma", "vaddr": 0, "iova": 0, "size": "0x1000_0000" }""";
    private const string Message = """{ "device": "disk", "address": "0xfee01004", "iova": "0x4000_0000", "offset": "0x140" }""";

    private readonly RunCase _run = new();

    public void Dispose() => _run.Dispose();

    /// <summary>One change to a good scenario, and the line it must end with.</summary>
    [Theory]
    [InlineData("\"groups\"", "\"gruops\"", "s.json:3: gruops: unknown field (known here: ")]
    [InlineData("\"last\": \"0x7fff_ffff\"", "\"last\": \"0x7fff_fffg\"", "s.json:10: steps[1].last: '0x7fff_fffg' is not a hex number")]
    [InlineData("\"last\": \"0x7fff_ffff\"", "\"last\": \"7fff_ffff\"", "s.json:10: steps[1].last: '7fff_ffff' is not a hex number")]
    [InlineData(
        "\"last\": \"0x7fff_ffff\"",
        "\"last\": \"0x1_0000_0000_0000_0000\"",
        "steps[1].last: 0x1_0000_0000_0000_0000 is too large")]
    [InlineData("\"last\": \"0x7fff_ffff\"", "\"last\": 18446744073709551616", "steps[1].last: 18446744073709551616 is too large")]
    [InlineData("\"last\": \"0x7fff_ffff\"", "\"last\": -1", "steps[1].last: -1 is negative")]
    [InlineData("\"last\": \"0x7fff_ffff\"", "\"last\": 1.5", "steps[1].last: 1.5 is not a whole number")]
    [InlineData("\"last\": \"0x7fff_ffff\"", "\"last\": true", "steps[1].last: must be a number or a hex string")]
    [InlineData("\"last\": \"0x7fff_ffff\"", "\"last\": 1, \"last\": 2", "steps[1].last: the field is there twice")]
    [InlineData(", \"last\": \"0x7fff_ffff\"", "", "s.json:10: steps[1]: the field 'last' is missing")]
    [InlineData("\"last\": \"0x7fff_ffff\"", "\"last\": \"0x7fff_fffe\"", "s.json:10: steps[1]: setGeometry answered EINVAL, not success")]
    [InlineData("\"description\": \"test\"", "\"description\": 7", "s.json:2: description: must be a string")]
    [InlineData("\"description\": \"test\",", "", "s.json:1: the field 'description' is missing")]
    [InlineData("\"count\": 8", "\"count\": 7", "s.json:11: steps[2]: setWindows answered EINVAL, not success")]
    [InlineData("\"count\": 8", "\"count\": 4294967296", "steps[2].count: 4294967296 is too large (at most 4294967295)")]
    [InlineData("\"call\": \"setWindows\"", "\"call\": \"setWindow\"", "s.json:11: steps[2].call: unknown step 'setWindow' (known: ")]
    [InlineData("\"call\": \"setWindows\",", "", "s.json:11: steps[2]: the field 'call' is missing")]
    [InlineData("\"group\": 2", "\"group\": 3", "s.json:18: steps[9].group: there is no group 3")]
    [InlineData("\"group\": 2", "\"group\": 1", "s.json:18: steps[9]: attach answered EINVAL, not success")]
    [InlineData("\"group\": 2", "\"group\": 2, \"expect\": \"EBUSY\"", "s.json:18: steps[9]: attach answered success, not EBUSY")]
    [InlineData("\"group\": 2", "\"group\": 2, \"expect\": \"EWHAT\"", "steps[9].expect: 'EWHAT' is none of Ok, ")]
    [InlineData("\"id\": 2", "\"id\": 1", "s.json:5: groups[1].id: there is a group 1 already")]
    [InlineData("\"liodns\": [2]", "\"liodns\": [1]", "s.json:5: groups[1].liodns[0]: LIODN 0x1 is held already")]
    [InlineData("\"liodns\": [2]", "\"liodns\": [65536]", "groups[1].liodns[0]: 65536 is too large (at most 65535)")]
    [InlineData("\"nic\": 2", "\"nic\": 1", "groups[1].devices.nic: LIODN 0x1 is none of the group's")]
    [InlineData("\"nic\": 2", "\"disk\": 2", "groups[1].devices.disk: there is a device 'disk' already")]
    [InlineData("\"msiBanks\": [0]", "\"msiBanks\": [3]", "s.json:4: groups[0].msiBanks[0]: there is no MSI bank 3 (banks: 3)")]
    [InlineData("\"bank\": 1", "\"bank\": 3", "s.json:16: steps[7]: mapMsiBank answered ENODEV, not success")]
    [InlineData("\"permissions\": \"read\"", "\"permissions\": \"execute\"", "steps[5].permissions: 'execute' is none of none, read, ")]
    [InlineData("\"permissions\": \"read\"", "\"permissions\": \"none\"", "s.json:14: steps[5]: mapDma answered EINVAL, not success")]
    [InlineData("\"device\": \"disk\"", "\"device\": \"tape\"", "s.json:7: messages[0].device: no group has a device 'tape'")]
    [InlineData("\"offset\": \"0x140\"", "\"offset\": \"0x1000\"", "messages[0].offset: 0x1000 is too large")]
    [InlineData(
        "\"iova\": \"0x4000_0000\", \"offset\"",
        "\"iova\": \"0x4000_0100\", \"offset\"",
        "messages[0].iova: the start of a window is ")]
    [InlineData(Message, Message + ", " + Message, "messages[1].address: 'disk' has a message to 0xfee01004 already")]
    [InlineData(FirstMap, FirstMap + "," + FirstMap, "s.json:12: steps[4]: mapDma answered EBUSY, not success")]
    [InlineData(Geometry + ",", "", "steps[1]: setWindows answered EINVAL, not success")]
    [InlineData(
        "[],",
        "[{ \"op\": \"read\", \"iova\": 0, \"length\": 4, \"expect\": \"translated\" }],",
        "accesses[0]: names either a 'device' or ")]
    [InlineData(
        "[],",
        "[{ \"liodn\": 1, \"op\": \"read\", \"iova\": 0, \"length\": 4, \"expect\": \"noMapping\", \"target\": 1 }],",
        "accesses[0].target: a refused access has no target")]
    [InlineData(
        "[],",
        "[{ \"liodn\": 1, \"op\": \"erase\", \"iova\": 0, \"length\": 4, \"expect\": \"message\" }],",
        "accesses[0].op: 'erase' is none of ")]
    [InlineData(
        "\"groups\": [",
        "\"platform\": { \"maxWindows\": 3 }, \"groups\": [",
        "s.json:3: platform.maxWindows: a power of two, 1 to 256")]
    [InlineData("\"groups\": [", "\"platform\": { \"msiBanks\": [1] }, \"groups\": [", "platform.msiBanks: a bank's page is 4 KiB aligned")]
    [InlineData("\"groups\": [", "\"platform\": { \"mpic\": \"9\" }, \"groups\": [", "platform.mpic: '9' is none of 2.0, 4.3")]
    [InlineData("\"groups\": [", "\"platform\": [], \"groups\": [", "s.json:3: platform: must be an object")]
    [InlineData("\"groups\": [", "\"allowFaults\": 1, \"groups\": [", "s.json:3: allowFaults: must be true or false")]
    [InlineData("\"steps\": [", "\"steps\": {", "s.json:9: not JSON: ")]
    [InlineData("\"accesses\": [],", "\"accesses\": [", "s.json:21: not JSON: ")]
    [InlineData("\"test\"", "\"te\nst\"", "s.json:2: not JSON: ")]
    [InlineData("\"test\"", "\"\\ud800\"", "s.json: not JSON: a string is not UTF-8")]
    public void ABadScenarioIsRefused(string good, string bad, string expected)
    {
        Assert.Contains(good, RunCase.Scenario, StringComparison.Ordinal);
        int at = RunCase.Scenario.IndexOf(good, StringComparison.Ordinal);
        string text = RunCase.Scenario[..at] + bad + RunCase.Scenario[(at + good.Length)..];
        Refused(expected, _run.Write("s.json", text));
    }

    [Theory]
    [InlineData("", "s.json:1: the file is empty")]
    [InlineData("{", "s.json:1: not JSON: ")]
    [InlineData("{} {}", "s.json:1: not JSON: ")]
    [InlineData("[]", "s.json:1: must be an object")]
    [InlineData("hello", "s.json:1: not JSON: ")]
    [InlineData("\u0000\u0001", "s.json:1: not JSON: ")]
    public void AFileThatIsNoScenarioIsRefused(string text, string expected) => Refused(expected, _run.Write("s.json", text));

    [Theory]
    [InlineData("time_ns,device,op,addr\n", "t.csv:1: the header is not time_ns,device,op,addr,len")]
    [InlineData("", "t.csv:1: the file is empty")]
    [InlineData(RunCase.Header + "0,disk,R,0\n", "t.csv:2: the number of columns is 4, not 5")]
    [InlineData(RunCase.Header + "0,disk,R,0,4,5\n", "t.csv:2: the number of columns is 6, not 5")]
    [InlineData(RunCase.Header + "0,disk,R,0,4\n1,disk,X,0,4\n", "t.csv:3: op: 'X' is none of R, W, M, U")]
    [InlineData(RunCase.Header + "0,disk,,0,4\n", "t.csv:2: op: '' is none of R, W, M, U")]
    [InlineData(RunCase.Header + "0,disk,RW,0,4\n", "t.csv:2: op: 'RW' is none of R, W, M, U")]
    [InlineData(RunCase.Header + "0,disk,R,0x10,4\n", "t.csv:2: addr: '0x10' is no hex address")]
    [InlineData(RunCase.Header + "0,disk,R,,4\n", "t.csv:2: addr: '' is no hex address")]
    [InlineData(RunCase.Header + "0,disk,R,10000000000000000,4\n", "t.csv:2: addr: '10000000000000000' is no hex address")]
    [InlineData(RunCase.Header + "0,disk,R,0,-4\n", "t.csv:2: len: '-4' is no number")]
    [InlineData(RunCase.Header + "0,disk,R,0,+4\n", "t.csv:2: len: '+4' is no number")]
    [InlineData(RunCase.Header + "0,disk,R,0,4k\n", "t.csv:2: len: '4k' is no number")]
    [InlineData(RunCase.Header + "0,disk,R,0,18446744073709551616\n", "t.csv:2: len: '18446744073709551616' is no number")]
    [InlineData(RunCase.Header + "x,disk,R,0,4\n", "t.csv:2: time_ns: 'x' is no number")]
    [InlineData(RunCase.Header + "0,tape,R,0,4\n", "t.csv:2: device: the scenario has no 'tape'")]
    [InlineData(RunCase.Header + "0,ta\u001b[31m\u0007,R,0,4\n", "t.csv:2: device: the scenario has no 'ta?[31m?'")]
    [InlineData(RunCase.Header + "0,nic,M,fee01004,1\n", "t.csv:2: addr: the scenario has no message of 'nic' to 0xfee01004")]
    [InlineData(RunCase.Header + "0,disk,M,fee01008,1\n", "t.csv:2: addr: the scenario has no message of 'disk' to 0xfee01008")]
    [InlineData(RunCase.Header + "0,disk,M,fee01004,4294967296\n", "t.csv:2: len: 4294967296 is no 32-bit message")]
    public void ABadTraceIsRefused(string text, string expected) =>
        Refused(expected, _run.Write("s.json", RunCase.Scenario), "--trace", _run.Write("t.csv", text));

    [Fact]
    public void ALineWithoutAnEndIsRefused() => Refused(
        "t.csv:2: the line is longer than 4096 bytes",
        _run.Write("s.json", RunCase.Scenario),
        "--trace",
        _run.Write("t.csv", RunCase.Header + new string('7', 1_000_000)));

    [Theory]
    [InlineData(11, "the gzip data is corrupt")]
    [InlineData(-7, "the gzip data is corrupt")] // the checksum
    public void ACorruptGzipTraceIsRefused(int position, string expected)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.NoCompression))
        {
            gzip.Write(Encoding.UTF8.GetBytes(RunCase.Header + "0,disk,R,0,4\n"));
        }

        byte[] bytes = packed.ToArray();
        bytes[position < 0 ? bytes.Length + position : position] ^= 0xFF;
        Refused(expected, _run.Write("s.json", RunCase.Scenario), "--trace", _run.Write("t.csv.gz", bytes));
    }

    [Fact]
    public void FilesThatAreNotThereAreRefused()
    {
        string scenario = _run.Write("s.json", RunCase.Scenario);
        string directory = Path.GetDirectoryName(scenario)!;
        Refused("none.json: scenario: no such file or directory", _run.PathOf("none.json"));
        Refused(": scenario: is a directory", directory);
        Refused(": scenario: no such file or directory", _run.PathOf("no/where.json"));
        Refused("''", "");
        Refused("none.csv: trace: no such file or directory", scenario, "--trace", _run.PathOf("none.csv"));
        Refused(": trace: is a directory", scenario, "--trace", directory);
    }

    [Fact]
    public void AReportThatCannotBeWrittenIsRefusedBeforeTheRun()
    {
        string scenario = _run.Write("s.json", RunCase.Scenario);
        Refused(": report: is a directory", scenario, "--report", Path.GetDirectoryName(scenario)!);
        Refused(": report: no such file or directory", scenario, "--report", _run.PathOf("no/where.html"));
        Assert.Empty(_run.Output);
    }

    [Fact]
    public void ABadTraceLeavesAnOldReportAlone()
    {
        string report = _run.Write("r.html", "old");
        Refused("t.csv:1: ", _run.Write("s.json", RunCase.Scenario), "--trace", _run.Write("t.csv", "x"), "--report", report);
        Assert.Equal("old", File.ReadAllText(report));
        Refused("t.csv:1: ", _run.PathOf("s.json"), "--trace", _run.PathOf("t.csv"), "--report", _run.PathOf("new.html"));
        Assert.False(File.Exists(_run.PathOf("new.html")));
    }

    [Fact]
    public void BadUsageIsRefused()
    {
        Refused("pamu: Required argument 'SCENARIO.json' missing for command: 'run'");
        Refused("pamu: Unrecognized command or argument '--bogus'", "s.json", "--bogus");
        Refused("pamu: Unrecognized command or argument 'more'", "s.json", "more");
        Refused("pamu: Required argument missing for option: '--trace'", "s.json", "--trace");
        Refused("@args: scenario: no such file or directory", "@args");
    }

    private void Refused(string expected, params string[] args)
    {
        Assert.Equal(PamuCli.BadInput, _run.Run(args));
        Assert.Contains(expected, _run.Error, StringComparison.Ordinal);
        Assert.Equal(_run.Error.Length - 1, _run.Error.IndexOf('\n', StringComparison.Ordinal));
        Assert.DoesNotContain("   at ", _run.Error + _run.Output, StringComparison.Ordinal);
    }
}
