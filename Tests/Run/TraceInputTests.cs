using System.IO.Compression;
using System.Text;
using System.Text.Json;
using PamuFastPath.Cli;

namespace PamuFastPath.Tests.Run;

/// <summary>What a trace may come as: any of these is the same two rows.</summary>
public sealed class TraceInputTests : IDisposable
{
    private const string Rows = "0,disk,R,0,4\n1,disk,W,1000,4\n";

    private readonly RunCase _run = new();

    public void Dispose() => _run.Dispose();

    [Theory]
    [InlineData("no line end at the end", RunCase.Header + "0,disk,R,0,4\n1,disk,W,1000,4")]
    [InlineData("a byte order mark", "\uFEFF" + RunCase.Header + Rows)]
    [InlineData("an empty line at the end", RunCase.Header + Rows + "\n")]
    [InlineData("empty lines in between", RunCase.Header + "\n0,disk,R,0,4\n\n\n1,disk,W,1000,4\n")]
    [InlineData("line ends of two characters", "time_ns,device,op,addr,len\r\n0,disk,R,0,4\r\n1,disk,W,1000,4\r\n\r\n")]
    public void A_trace_is_its_rows(string form, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Assert.True(IsTwoRows(_run.Write("t.csv", bytes)), form);
        Assert.True(IsTwoRows(_run.Write("t.csv.gz", Packed(bytes))), form + ", packed");
        foreach (byte[] written in (byte[][])[bytes, Packed(bytes)])
        {
            using var pipe = new PipeFile(written);
            Assert.True(IsTwoRows(pipe.Path), form + ", from a pipe");
        }
    }

    [Theory]
    [InlineData("", ":1: the file is empty")]
    [InlineData("t", ":1: the header is not")]
    [InlineData("\uFEFF", ":1: the header is not")]
    [InlineData("\n" + RunCase.Header, ":1: the header is not")]
    [InlineData(RunCase.Header + "\uFEFF0,disk,R,0,4\n", ":2: time_ns: ")]
    [InlineData(RunCase.Header + "\n \n", ":3: the number of columns is 1, not 5")]
    public void What_is_no_trace_is_refused_from_a_pipe_too(string text, string expected)
    {
        using var pipe = new PipeFile(Encoding.UTF8.GetBytes(text));
        Assert.Equal(PamuCli.BadInput, _run.Run(_run.Write("s.json", RunCase.Scenario), "--trace", pipe.Path));
        Assert.Contains(pipe.Path + expected, _run.Error, StringComparison.Ordinal);
    }

    private bool IsTwoRows(string trace)
    {
        Assert.Equal((PamuCli.Success, ""), (_run.Run(_run.Write("s.json", RunCase.Scenario), "--trace", trace, "--json"), _run.Error));
        using JsonDocument json = JsonDocument.Parse(_run.Output);
        JsonElement replay = json.RootElement.GetProperty("replay");
        return (replay.GetProperty("rows").GetInt32(), replay.GetProperty("translated").GetInt32()) == (2, 2);
    }

    private static byte[] Packed(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }

        return packed.ToArray();
    }
}
