using System.CommandLine;
using System.Text.Json;
using PamuFastPath.Cli.Conform;

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
}
