using System.Diagnostics;
using System.Text.Json;
using static PamuFastPath.Tests.Live.WatchedProcess;

namespace PamuFastPath.Tests.Live;

/// <summary>Recordings of a running process, by <c>pamu trace</c> and by the tool that .NET users have.</summary>
public sealed class TraceTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("pamu-trace-");

    private string Recording => Path.Combine(_directory.FullName, "run.nettrace");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void A_recording_holds_the_calls_and_their_tables()
    {
        using var child = new WatchedProcess();
        (int code, _, string error) = Pamu("trace", "--pid", child.Pid, "-o", Recording, "--duration", "0.5");
        Assert.Equal((0, ""), (code, error));
        AssertIsOf(child, Summary());
        (_, string text, _) = Pamu("trace", "--summarize", Recording);
        Assert.Contains("name IOMMU_UNMAP_DMA", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_process_that_ends_leaves_a_whole_recording()
    {
        using var child = new WatchedProcess();
        Task<(int Code, string Output, string Error)> recording = Task.Run(() => Pamu("trace", "--pid", child.Pid, "-o", Recording));
        Assert.True(SpinWait.SpinUntil(() => child.Look().IsListenedTo, TimeSpan.FromMinutes(1)), "nobody came");
        child.Stop();
        child.End();
        Assert.Equal(0, (await recording.WaitAsync(TimeSpan.FromMinutes(1))).Code);
        JsonElement last = Summary().GetProperty("timeline").EnumerateArray().Last(static e => e.GetProperty("name").GetString() == "EngineTotals");
        Assert.Equal(1, last.GetProperty("fields").GetProperty("isLast").GetInt32());
    }

    [Fact]
    public void A_file_that_is_no_recording_is_one_line_and_exit_code_2()
    {
        File.WriteAllText(Recording, "Nettrace, or so it says");
        (int code, string output, string error) = Pamu("trace", "--summarize", Recording);
        Assert.Equal((2, "", $"{Recording}: trace: not a .nettrace file, or a damaged one\n"), (code, output, error));
    }

    /// <summary>The real tool, from the package registry, at the version in .config/dotnet-tools.json.</summary>
    [Fact]
    public void Dotnet_trace_collects_our_events_by_the_providers_name()
    {
        Tool("tool", "restore");
        using var child = new WatchedProcess();
        Collect(child, "PamuFastPath:0x1f");
        AssertIsOf(child, Summary());
        Collect(child, "PamuFastPath"); // names no keyword: events that have none
        JsonElement counts = Summary().GetProperty("counts");
        Assert.Equal(["ContainerTotals", "EngineTotals"], counts.EnumerateObject().Select(static count => count.Name));
        child.Stop();
        child.End();
    }

    private void Collect(WatchedProcess child, string provider) =>
        Tool("tool", "run", "dotnet-trace", "--", "collect", "--providers", provider, "-p", child.Pid, "--duration", "00:00:00:01", "-o", Recording);

    private static void AssertIsOf(WatchedProcess child, JsonElement summary)
    {
        Assert.True(child.Look().Descriptors > 0);
        JsonElement counts = summary.GetProperty("counts");
        foreach (string name in (string[])["Ioctl", "Publication", "EngineTotals", "ContainerTotals"])
        {
            Assert.True(counts.GetProperty(name).GetInt32() > 0, name);
        }

        Assert.False(counts.TryGetProperty("EventSourceMessage", out _), "the runtime complains about an event");
        JsonElement[] timeline = [.. summary.GetProperty("timeline").EnumerateArray()];
        JsonElement unmap = timeline.First(static e => e.GetProperty("name").GetString() == "Ioctl"
            && e.GetProperty("fields").GetProperty("name").GetString() == "IOMMU_UNMAP_DMA").GetProperty("fields");
        Assert.Equal("iova=0x90000 size=0x10000", unmap.GetProperty("arguments").GetString());
        JsonElement totals = timeline.Last(static e => e.GetProperty("name").GetString() == "EngineTotals").GetProperty("fields");
        Assert.True(totals.GetProperty("translations").GetUInt64() > 0);
        Assert.Contains(timeline, static e => e.GetProperty("name").GetString() == "ContainerTotals"
            && e.GetProperty("fields").GetProperty("windowSamples").GetString()!.Contains("0:", StringComparison.Ordinal));
    }

    private JsonElement Summary()
    {
        (int code, string output, string error) = Pamu("trace", "--summarize", Recording, "--json");
        Assert.Equal((0, ""), (code, error));
        return JsonSerializer.Deserialize<JsonElement>(output);
    }

    private static void Tool(params string[] arguments)
    {
        string root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "PamuFastPath.sln")))
        {
            root = Path.GetDirectoryName(root)!;
        }

        using Process tool = Process.Start(new ProcessStartInfo("dotnet", arguments)
        {
            WorkingDirectory = root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true, // dotnet-trace ends its recording when a key is pressed
        })!;
        Task<string> output = tool.StandardOutput.ReadToEndAsync();
        Task<string> error = tool.StandardError.ReadToEndAsync();
        Assert.True(tool.WaitForExit(TimeSpan.FromMinutes(2)), "the tool hangs");
        Assert.True(tool.ExitCode == 0, $"dotnet {string.Join(' ', arguments)}: {output.Result}{error.Result}");
    }
}
