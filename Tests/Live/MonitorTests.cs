using System.Diagnostics;
using System.Text.Json;
using PamuFastPath.Cli;
using static PamuFastPath.Tests.Live.WatchedProcess;

namespace PamuFastPath.Tests.Live;

/// <summary><c>pamu monitor</c> against another process: what it says is true, and it leaves nothing behind.</summary>
public class MonitorTests
{
    [Fact]
    public void Its_totals_are_what_the_process_counted_itself()
    {
        using var child = new WatchedProcess();
        JsonElement[] running = Monitor(child, "--duration", "1", "--interval", "0.1");
        Assert.True(running.Length >= 5, $"{running.Length} snapshots in a second");
        Assert.Contains(running, static line => line.TryGetProperty("perSecond", out JsonElement rates) && Number(rates, "translations") > 0);
        ulong[] growing = [.. running.Select(static line => Number(line.GetProperty("totals"), "translations"))];
        Assert.Equal(growing.Order(), growing);

        Tally own = child.Stop();
        JsonElement last = Monitor(child, "--duration", "0.1")[^1];
        AssertTrue(own, last);
        Assert.Equal((ulong)own.Own + 5, own.ControlCalls); // geometry, windows, two maps and an attach before
        child.End();
    }

    [Fact]
    public async Task A_process_that_ends_is_watched_to_its_last_count()
    {
        using var child = new WatchedProcess();
        Task<(int Code, string Output, string Error)> watching = Task.Run(() => Pamu("monitor", "--pid", child.Pid, "--json"));
        Assert.True(SpinWait.SpinUntil(() => child.Look().IsListenedTo, TimeSpan.FromMinutes(1)), "nobody came");
        Tally own = child.Stop();
        child.End();
        (int code, string output, string error) = await watching.WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal((0, ""), (code, error));
        JsonElement last = Lines(output)[^1];
        Assert.True(last.GetProperty("isLast").GetBoolean());
        AssertTrue(own, last);
    }

    [Fact]
    public void A_hundred_monitors_that_come_and_go_cost_no_count_and_leave_nothing()
    {
        using var child = new WatchedProcess();
        Holding before = AfterMonitors(child, 12); // the runtime makes what it keeps
        Holding after = AfterMonitors(child, 100);
        Assert.InRange(after.Descriptors, 0, before.Descriptors + 3);
        Assert.InRange(after.Threads, 0, before.Threads + 5); // the thread pool's
        Assert.InRange(after.NativeBlocks, 0, before.NativeBlocks + 70); // tables that wait to be freed are at most 64
        Assert.InRange(after.ManagedBytes, 0, before.ManagedBytes + 2_000_000);
        AssertTrue(child.Stop(), Monitor(child, "--duration", "0.1")[^1]);
        child.End();
    }

    [Fact]
    public void A_monitor_that_is_killed_leaves_the_process_alone()
    {
        using var child = new WatchedProcess();
        using (Process monitor = Process.Start(new ProcessStartInfo("dotnet", ["exec", typeof(PamuCli).Assembly.Location, "monitor", "--pid", child.Pid])
        {
            RedirectStandardOutput = true,
        })!)
        {
            Assert.NotNull(monitor.StandardOutput.ReadLine());
            Assert.True(child.Look().IsListenedTo);
            monitor.Kill();
            monitor.WaitForExit();
        }

        Assert.True(SpinWait.SpinUntil(() => !child.Look().IsListenedTo, TimeSpan.FromMinutes(1)), "the process still thinks that somebody listens");
        AssertTrue(child.Stop(), Monitor(child, "--duration", "0.1")[^1]);
        child.End();
    }

    [Fact]
    public void Into_a_pipe_it_prints_lines()
    {
        using var child = new WatchedProcess();
        (int code, string output, string error) = Pamu("monitor", "--pid", child.Pid, "--duration", "0.6", "--interval", "0.2");
        Assert.Equal((0, ""), (code, error));
        string[] lines = output.TrimEnd().Split('\n');
        Assert.StartsWith("engine 1: so far ", lines[0], StringComparison.Ordinal);
        Assert.Contains(
            lines, static line => line.Contains(" translations/s, ", StringComparison.Ordinal) && line.Contains("hot windows 0:", StringComparison.Ordinal));
        Assert.Equal($"Process {child.Pid} goes on unwatched.", lines[^1]);
        Assert.DoesNotContain('\u001b', output);
    }

    [Theory]
    [InlineData("there is no process 999999999", "monitor", "--pid", "999999999")]
    [InlineData("there is no process 999999999", "trace", "--pid", "999999999", "-o", "none.nettrace")]
    [InlineData("--duration is 0.05 to 86400 seconds", "monitor", "--pid", "1", "--duration", "0")]
    [InlineData("--interval is 0.05 to 3600 seconds", "monitor", "--pid", "1", "--interval", "nan")]
    [InlineData("trace needs --output FILE, or --summarize FILE", "trace", "--pid", "1")]
    [InlineData("no such file or directory", "trace", "--summarize", "none.nettrace")]
    public void What_cannot_be_watched_is_one_line_and_exit_code_2(string message, params string[] args)
    {
        (int code, string output, string error) = Pamu(args);
        Assert.Equal((2, ""), (code, output));
        Assert.Contains(message, Assert.Single(error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        Assert.False(File.Exists("none.nettrace"));
    }

    /// <summary>Also where a process of the same number was killed before, and left its socket.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_process_that_is_not_NET_is_said_to_be_none(bool hadNamesake)
    {
        using Process other = Process.Start("sleep", "60");
        string socket = Path.Combine(Path.GetTempPath(), $"dotnet-diagnostic-{other.Id}-1-socket");
        try
        {
            if (hadNamesake)
            {
                File.WriteAllText(socket, "");
            }

            (int code, _, string error) = Pamu("monitor", "--pid", $"{other.Id}");
            Assert.Equal(2, code);
            Assert.Equal($"pamu: process {other.Id} has no diagnostics endpoint: it is not .NET, of another user, or DOTNET_EnableDiagnostics=0\n", error);
        }
        finally
        {
            other.Kill();
            File.Delete(socket);
        }
    }

    private static Holding AfterMonitors(WatchedProcess child, int count)
    {
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ => Assert.NotEmpty(Monitor(child, "--duration", "0.05")));
        Assert.True(SpinWait.SpinUntil(() => !child.Look().IsListenedTo, TimeSpan.FromMinutes(1)), "somebody listens");
        return child.Look();
    }

    private static JsonElement[] Monitor(WatchedProcess child, params string[] options)
    {
        (int code, string output, string error) = Pamu(["monitor", "--pid", child.Pid, "--json", .. options]);
        Assert.Equal((0, ""), (code, error));
        return Lines(output);
    }

    private static JsonElement[] Lines(string output) =>
        [.. output.TrimEnd().Split('\n').Select(static line => JsonSerializer.Deserialize<JsonElement>(line))];

    private static void AssertTrue(Tally own, JsonElement seen)
    {
        JsonElement totals = seen.GetProperty("totals");
        Assert.Equal(
            (own.Hits + own.Messages + own.Faults, own.BytesRead, own.BytesWritten, own.Messages, own.Faults, own.ControlCalls),
            (Number(totals, "translations"), Number(totals, "bytesRead"), Number(totals, "bytesWritten"), Number(totals, "msiHits"), Number(totals, "faults"),
                Number(totals, "controlCalls")));
        JsonElement[] containers = [.. seen.GetProperty("containers").EnumerateArray()];
        ulong hits = 0;
        containers.ToList().ForEach(container => hits += Number(container, "memoryHits"));
        Assert.Equal(own.Hits, hits);
    }

    private static ulong Number(JsonElement of, string name) => (ulong)of.GetProperty(name).GetDouble();
}
