using System.CommandLine;
using System.Text.Json;
using PamuFastPath.Cli.Conform;
using PamuFastPath.Tests.Run;

namespace PamuFastPath.Tests.Conformance;

public class ConformCommandTests
{
    internal static (int Exit, string Output, string Error) Invoke(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var configuration = new InvocationConfiguration { Output = output, Error = error };
        int exit = new RootCommand { ConformCommand.Create() }.Parse(["conform", .. arguments]).Invoke(configuration);
        return (exit, output.ToString(), error.ToString());
    }

    [Fact]
    public void Without_mismatches_it_exits_with_0_and_says_so()
    {
        (int exit, string output, string error) = Invoke(Recordings.Directed);
        Assert.Equal((0, ""), (exit, error));
        Assert.Contains("338 operations, 0 mismatches", output, StringComparison.Ordinal);
        Assert.Contains("ghost-entry", output, StringComparison.Ordinal);
    }

    [Fact]
    public void With_a_mismatch_it_exits_with_1_and_names_sequence_and_line()
    {
        List<string> lines = Recordings.ReadLines(Recordings.Directed);
        int at = lines.FindIndex(line => line.StartsWith("{\"op\":\"map_dma\"", StringComparison.Ordinal));
        Assert.Contains("\"ioctl_ret\":0,\"op_ret\":0", lines[at], StringComparison.Ordinal);
        lines[at] = lines[at].Replace("\"ioctl_ret\":0,\"op_ret\":0", "\"ioctl_ret\":-22,\"op_ret\":-22", StringComparison.Ordinal);
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllLines(path, lines);
            (int exit, string output, _) = Invoke(path);
            Assert.Equal(1, exit);
            Assert.Contains($"{path}:{at + 1}: sequence 0: map_dma: expected", output, StringComparison.Ordinal);
            Assert.Contains("338 operations, 1 mismatches", output, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>No driver answers so; found by the fuzzer.</summary>
    [Fact]
    public void A_geometry_said_to_change_below_a_message_is_compared_as_any_other()
    {
        const string Done = "\"ioctl_ret\":0,\"op_ret\":0,\"enabled\":0,\"mapped\"";
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllLines(path,
            [
                "{\"op\":\"begin\",\"seq\":1,\"max_windows\":256}",
                "{\"op\":\"open\",\"c\":0}",
                $"{{\"op\":\"set_geometry\",\"c\":0,\"argsz\":32,\"flags\":0,\"attribute\":0,\"start\":\"0x6ee000000\",\"end\":\"0x6efffffff\",{Done}:0}}",
                $"{{\"op\":\"set_windows\",\"c\":0,\"argsz\":32,\"flags\":0,\"attribute\":1,\"count\":4,{Done}:0}}",
                $"{{\"op\":\"map_msi\",\"c\":0,\"argsz\":24,\"flags\":3,\"bank\":1,\"iova\":\"0x6ef000000\",{Done}:1}}",
                $"{{\"op\":\"set_geometry\",\"c\":0,\"argsz\":32,\"flags\":0,\"attribute\":0,\"start\":\"0x0\",\"end\":\"0x1ffffff\",{Done}:0}}",
                "{\"op\":\"end\",\"seq\":1}",
            ]);
            (int exit, string output, string error) = Invoke(path);
            Assert.Equal("", error);
            Assert.Equal((0, true), (exit, output.Contains("4 operations, 0 mismatches", StringComparison.Ordinal)));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Json_has_the_same_figures()
    {
        (int exit, string output, _) = Invoke(Recordings.Directed, "--json");
        Assert.Equal(0, exit);
        using JsonDocument json = JsonDocument.Parse(output);
        JsonElement total = json.RootElement[0].GetProperty("total");
        Assert.Equal(338, total.GetProperty("operations").GetInt32());
        Assert.Equal(0, total.GetProperty("mismatches").GetArrayLength());
        Assert.True(total.GetProperty("deviations").GetProperty("ghost-entry").GetInt32() > 0);
        Assert.True(json.RootElement[0].GetProperty("profiles").TryGetProperty("directed", out _));
    }

    [Fact]
    public void Several_files_are_reported_one_by_one()
    {
        (int exit, string output, _) = Invoke(Recordings.Directed, Recordings.Directed);
        Assert.Equal(0, exit);
        Assert.Equal(2, output.Split("338 operations, 0 mismatches").Length - 1);
    }

    [Fact]
    public void Table_dumps_are_passed_over_and_said_to_be()
    {
        (int exit, string output, string error) = Invoke(Recordings.PathOf("directed-paact.jsonl.gz"), Recordings.Directed);
        Assert.Equal((0, ""), (exit, error));
        Assert.Contains("directed-paact.jsonl.gz: 26 table dumps are not replayed", output, StringComparison.Ordinal);
        Assert.Contains("338 operations, 0 mismatches", output, StringComparison.Ordinal);
        Assert.DoesNotContain("\n0 operations", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_malformed_file_takes_no_other_report_away(bool isJson)
    {
        string bad = Path.GetTempFileName();
        try
        {
            File.WriteAllText(bad, "{}");
            (int exit, string output, string error) = Invoke([Recordings.Directed, bad, "no\n\u001bfile", Recordings.Directed, .. isJson ? (string[])["--json"] : []]);
            Assert.Equal(2, exit);
            Assert.Equal(2, output.Split(isJson ? "\"tableDumps\": 0" : "338 operations, 0 mismatches").Length - 1);
            Assert.Equal([$"{bad}:1: op: missing", "no??file: recording: no such file or directory"], error.TrimEnd().Split(Environment.NewLine));
        }
        finally
        {
            File.Delete(bad);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_recording_may_come_through_a_pipe(bool isPacked)
    {
        byte[] bytes = isPacked
            ? File.ReadAllBytes(Recordings.Directed)
            : System.Text.Encoding.UTF8.GetBytes(string.Join('\n', Recordings.ReadLines(Recordings.Directed)));
        using var pipe = new PipeFile(bytes);
        (int exit, string output, string error) = Invoke(pipe.Path);
        Assert.Equal((0, ""), (exit, error));
        Assert.Contains("338 operations, 0 mismatches", output, StringComparison.Ordinal);
    }
}
