using System.CommandLine;
using System.Diagnostics.Tracing;
using Microsoft.Diagnostics.NETCore.Client;
using Spectre.Console;

namespace PamuFastPath.Cli.Live;

/// <summary><c>pamu trace</c>: records a process's events into a .nettrace file, or says what is in one.</summary>
internal static class TraceCommand
{
    public static Command Create()
    {
        var pid = new Option<int?>("--pid") { Description = "The process; not needed if only one has the engine loaded." };
        var file = new Option<string?>("--output", "-o") { Description = "The .nettrace file to write." };
        var duration = new Option<double?>("--duration") { Description = "Seconds to record; until Ctrl-C if left out." };
        var summarize = new Option<string?>("--summarize") { Description = "Print the timeline of a .nettrace file instead." };
        var json = new Option<bool>("--json") { Description = "With --summarize: print one JSON document." };
        var command = new Command("trace", "Record what the engine does in a running process: control calls, publications, faults.")
        {
            pid, file, duration, summarize, json,
        };
        command.SetAction((parsed, cancelled) =>
        {
            TextWriter output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(summarize) is string recorded)
            {
                TraceSummary.Read(recorded).Print(parsed.GetValue(json), output);
                return Task.FromResult(PamuCli.Success);
            }

            string to = parsed.GetValue(file) ?? throw new CliException("pamu: trace needs --output FILE, or --summarize FILE (see pamu trace --help)");
            if (parsed.GetValue(duration) is double seconds && !(seconds is > 0 and <= 86_400))
            {
                throw new CliException("pamu: --duration is more than 0 and at most 86400 seconds");
            }

            return RecordAsync(LiveSession.Choose(parsed.GetValue(pid)), to, parsed.GetValue(duration), output, cancelled);
        });
        return command;
    }

    private static async Task<int> RecordAsync(int pid, string file, double? seconds, TextWriter output, CancellationToken cancelled)
    {
        bool existed = File.Exists(file);
        using FileStream to = Open(file);
        using EventPipeSession session = Start(pid, file, existed);
        to.SetLength(0);
        Task copy = session.EventStream.CopyToAsync(to, CancellationToken.None);
        try
        {
            OutputConsole.Over(output).WriteLine($"Recording process {pid} into {file}; Ctrl-C ends it.");
            Task limit = Task.Delay(seconds is double some ? TimeSpan.FromSeconds(some) : Timeout.InfiniteTimeSpan, cancelled);
            await Task.WhenAny(copy, limit).ConfigureAwait(false); // the stream also ends with the process
        }
        finally
        {
            await StopAsync(session, copy).ConfigureAwait(false);
        }

        await to.FlushAsync(CancellationToken.None).ConfigureAwait(false);
        OutputConsole.Over(output).WriteLine($"{to.Length:N0} bytes. pamu trace --summarize {file} shows them.");
        return PamuCli.Success;
    }

    /// <summary>A file that is there stays as it is until the process has answered, and none is left behind if it does not.</summary>
    private static EventPipeSession Start(int pid, string file, bool existed)
    {
        try
        {
            return LiveSession.Start(pid, EventKeywords.All);
        }
        catch (CliException) when (!existed)
        {
            File.Delete(file);
            throw;
        }
    }

    /// <summary>Ends the session so that the file is whole; a process that is gone has ended it already.</summary>
    private static async Task StopAsync(EventPipeSession session, Task copy)
    {
        try
        {
            await session.StopAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is ServerNotAvailableException or IOException or DiagnosticsClientException)
        {
        }

        try
        {
            await copy.ConfigureAwait(false);
        }
        catch (IOException)
        {
            // The process died in the middle of a block: what came before is in the file.
        }
    }

    private static FileStream Open(string file)
    {
        try
        {
            return File.Open(file, FileMode.OpenOrCreate, FileAccess.Write);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new CliException(FileTrouble.Describe("trace", file, e));
        }
    }
}
