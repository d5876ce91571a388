using System.Diagnostics.Tracing;
using Microsoft.Diagnostics.NETCore.Client;
using PamuFastPath.Diagnostics;

namespace PamuFastPath.Cli.Live;

/// <summary>Opens EventPipe sessions with a process, and says in one line why it cannot be done.</summary>
internal static class LiveSession
{
    /// <summary>The process that is meant: the one named, or the only one there is.</summary>
    public static int Choose(int? pid)
    {
        if (pid is int named)
        {
            return named;
        }

        EngineProcess[] visible = [.. EngineProcess.FindAll().Where(static one => one.Hosting == Hosting.Managed)];
        return visible switch
        {
            [EngineProcess only] => only.Pid,
            [] => throw new CliException("pamu: no process here has the engine loaded (pamu ps lists them; --pid N names one)"),
            _ => throw new CliException(
                $"pamu: {visible.Length} processes have the engine loaded: name one with --pid ({string.Join(", ", visible.Select(static one => one.Pid))})"),
        };
    }

    /// <summary>Starts a session of the engine's events.</summary>
    /// <param name="pid">The process.</param>
    /// <param name="keywords">The events; see <see cref="PamuEventSource.Keywords"/>.</param>
    /// <param name="arguments">For the event source, such as an interval; null for none.</param>
    /// <param name="others">More providers, the runtime's for instance.</param>
    public static EventPipeSession Start(int pid, EventKeywords keywords, IDictionary<string, string>? arguments = null, params EventPipeProvider[] others)
    {
        EventPipeProvider[] providers = [new(PamuEventSource.ProviderName, EventLevel.Informational, (long)keywords, arguments), .. others];
        return Guard(pid, () => new DiagnosticsClient(pid).StartEventPipeSession(providers, requestRundown: false, circularBufferMB: 64));
    }

    /// <summary>Turns what can go wrong with another process into one line.</summary>
    public static T Guard<T>(int pid, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (UnauthorizedAccessException)
        {
            throw new CliException($"pamu: process {pid} is not ours to open: run as its user");
        }
        catch (Exception e) when (e is ServerNotAvailableException or DiagnosticsClientException or IOException or System.Net.Sockets.SocketException)
        {
            throw new CliException($"pamu: {Why(pid)}");
        }
    }

    private static string Why(int pid)
    {
        if (!Directory.Exists($"/proc/{pid}"))
        {
            return $"there is no process {pid}";
        }

        return EngineProcess.FindAll().FirstOrDefault(one => one.Pid == pid) switch
        {
            { Hosting: Hosting.Native } => $"process {pid} has the native library, which has no diagnostics endpoint: use pamu_stats_json() in it",
            _ when !EngineProcess.HasEndpoint(pid) =>
                $"process {pid} has no diagnostics endpoint: it is not .NET, of another user, or DOTNET_EnableDiagnostics=0",
            _ => $"process {pid} does not answer at its diagnostics endpoint",
        };
    }
}
