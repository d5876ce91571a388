using System.CommandLine;
using System.Diagnostics.Tracing;
using System.Globalization;
using Microsoft.Diagnostics.NETCore.Client;
using Microsoft.Diagnostics.Tracing;
using PamuFastPath.Diagnostics;
using Spectre.Console;

namespace PamuFastPath.Cli.Live;

/// <summary><c>pamu monitor</c>: what the engines of a running process do, live.</summary>
internal static class MonitorCommand
{
    private const EventKeywords Watched =
        PamuEventSource.Keywords.Counters | PamuEventSource.Keywords.Control | PamuEventSource.Keywords.Publication | PamuEventSource.Keywords.Faults;

    private const string RuntimeProvider = "System.Runtime";

    /// <summary>How long the last totals are waited for. A process that is stopped or gone will not send them.</summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(250);

    public static Command Create()
    {
        var pid = new Option<int?>("--pid") { Description = "The process; not needed if only one has the engine loaded." };
        var json = new Option<bool>("--json")
        {
            Description = "Print a JSON document a line, for each engine and snapshot. Figures are absolute, and per second.",
        };
        var duration = new Option<double?>("--duration") { Description = "Seconds to watch; until Ctrl-C, or until the process ends, if left out." };
        var interval = new Option<double?>("--interval") { Description = "Seconds between snapshots, 0.05 to 3600; 1 if left out." };
        var command = new Command(
            "monitor",
            "Watch the engines of a running process: rates, windows, messages, faults, control calls, grace periods, memory. On a terminal it is a page that "
            + "renews itself, otherwise lines. The process is left as it was found.")
        {
            pid, json, duration, interval,
        };
        command.SetAction((parsed, cancelled) =>
        {
            double? seconds = Limited("--duration", parsed.GetValue(duration), 0.05, 86_400);
            double every = Limited("--interval", parsed.GetValue(interval), 0.05, 3600) ?? 1;
            int process = LiveSession.Choose(parsed.GetValue(pid));
            return RunAsync(process, parsed.GetValue(json), seconds, every, parsed.InvocationConfiguration.Output, cancelled);
        });
        return command;
    }

    private static double? Limited(string option, double? value, double least, double most) => value is double some && !(some >= least && some <= most)
        ? throw new CliException(string.Create(CultureInfo.InvariantCulture, $"pamu: {option} is {least} to {most} seconds"))
        : value;

    private static async Task<int> RunAsync(int pid, bool json, double? seconds, double every, TextWriter output, CancellationToken cancelled)
    {
        string interval = every.ToString(CultureInfo.InvariantCulture);
        var runtime = new EventPipeProvider(
            RuntimeProvider, EventLevel.Informational, (long)EventKeywords.All, new Dictionary<string, string> { ["EventCounterIntervalSec"] = "1" });
        var arguments = new Dictionary<string, string> { ["SnapshotIntervalSec"] = interval };
        using EventPipeSession session = LiveSession.Start(pid, Watched, arguments, runtime);

        IAnsiConsole console = OutputConsole.Over(output);
        bool isPage = !json && console.Profile.Capabilities.Interactive;
        Watch watch = isPage ? new Watch() : Lines(pid, json, console, output);
        Task feeding = Task.Run(() => Feed(session, watch), CancellationToken.None);
        Task limit = Task.Delay(seconds is double some ? TimeSpan.FromSeconds(some) : Timeout.InfiniteTimeSpan, cancelled);
        if (isPage)
        {
            var page = new MonitorPage(pid, watch);
            await console.Live(page.Draw()).AutoClear(false).Overflow(VerticalOverflow.Crop).StartAsync(async live =>
            {
                while (!feeding.IsCompleted && !limit.IsCompleted)
                {
                    await Task.WhenAny(feeding, limit, Task.Delay(Refresh, CancellationToken.None)).ConfigureAwait(false);
                    live.UpdateTarget(page.Draw());
                }

                await EndAsync(pid, session, watch, feeding).ConfigureAwait(false);
                live.UpdateTarget(page.Draw());
            }).ConfigureAwait(false);
        }
        else
        {
            await Task.WhenAny(feeding, limit).ConfigureAwait(false);
            await EndAsync(pid, session, watch, feeding).ConfigureAwait(false);
        }

        if (!json)
        {
            console.WriteLine(limit.IsCompleted ? $"Process {pid} goes on unwatched." : $"Process {pid} has ended.");
        }

        return PamuCli.Success;
    }

    private static Watch Lines(int pid, bool json, IAnsiConsole console, TextWriter output)
    {
        var watch = new Watch();
        var shown = new HashSet<string>(); // of the lines that are kept
        watch.Told = activity =>
        {
            if (json)
            {
                output.WriteLine(MonitorText.Json(pid, activity));
                return;
            }

            string[] news = [.. watch.Warnings, .. watch.Faults];
            foreach (string line in news.Where(line => !shown.Contains(line)))
            {
                console.WriteLine(line);
            }

            shown = [.. news];
            console.WriteLine(MonitorText.Line(activity));
        };
        return watch;
    }

    private static void Feed(EventPipeSession session, Watch watch)
    {
        try
        {
            using var source = new EventPipeEventSource(session.EventStream);
            source.Dynamic.All += watch.Take;
            source.Process();
        }
#pragma warning disable CA1031 // A process that dies in the middle of a block leaves the parser with half of it; it throws what it likes.
        catch (Exception)
        {
        }
#pragma warning restore CA1031
    }

    /// <summary>
    /// Asks for the totals of this moment, which a process writes for every session that comes, and ends the session. If the process is gone, so is the
    /// session.
    /// </summary>
    private static async Task EndAsync(int pid, EventPipeSession session, Watch watch, Task feeding)
    {
        try
        {
            if (!feeding.IsCompleted)
            {
                ulong seen = watch.LastSequence;
                var arguments = new Dictionary<string, string> { ["SnapshotIntervalSec"] = "3600" };
                using EventPipeSession asking = LiveSession.Start(pid, PamuEventSource.Keywords.Counters, arguments);
                var waited = System.Diagnostics.Stopwatch.StartNew();
                while (watch.LastSequence == seen && waited.Elapsed < Farewell && !feeding.IsCompleted)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(10), CancellationToken.None).ConfigureAwait(false);
                }

                await asking.StopAsync(CancellationToken.None).ConfigureAwait(false);
                await session.StopAsync(CancellationToken.None).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is ServerNotAvailableException or IOException or DiagnosticsClientException or CliException)
        {
        }

        await Task.WhenAny(feeding, Task.Delay(Farewell, CancellationToken.None)).ConfigureAwait(false);
    }
}
