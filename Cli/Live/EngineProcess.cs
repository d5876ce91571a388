namespace PamuFastPath.Cli.Live;

/// <summary>How an engine is in a process.</summary>
internal enum Hosting
{
    /// <summary>The managed library, in a process with a diagnostics endpoint: it can be watched.</summary>
    Managed,

    /// <summary>The native library: a runtime of its own, compiled ahead of time, with no endpoint.</summary>
    Native,

    /// <summary>A .NET process whose files cannot be read: another user's, or gone.</summary>
    Closed,
}

/// <summary>A process that has the engine loaded, or may have.</summary>
/// <param name="Pid">Its number.</param>
/// <param name="Hosting">How.</param>
/// <param name="Command">Its command line; empty if it cannot be read.</param>
internal sealed record EngineProcess(int Pid, Hosting Hosting, string Command)
{
    private const string ManagedLibrary = "/PamuFastPath.dll";
    private const string NativeLibrary = "/libpamufastpath.so";

    /// <summary>
    /// The processes of this machine. Looks at the sockets of diagnostics endpoints and at memory maps; opens no session. A single-file host has no
    /// library in its map, and is not found.
    /// </summary>
    public static IReadOnlyList<EngineProcess> FindAll()
    {
        HashSet<int> endpoints = Endpoints();
        var found = new List<EngineProcess>();
        foreach (int pid in Numbers())
        {
            if (pid != Environment.ProcessId && HostingOf(pid, endpoints.Contains(pid)) is Hosting hosting)
            {
                found.Add(new EngineProcess(pid, hosting, CommandOf(pid)));
            }
        }

        return [.. found.OrderBy(static one => one.Pid)];
    }

    /// <summary>Whether a process has an endpoint where endpoints are by default: TMPDIR/dotnet-diagnostic-PID-KEY-socket.</summary>
    public static bool HasEndpoint(int pid) => Endpoints().Contains(pid);

    /// <summary>A process that is killed leaves its socket behind, and its number comes again: so the key, which is when it started, has to be right as well.</summary>
    private static HashSet<int> Endpoints() =>
    [
        .. from path in Directory.EnumerateFileSystemEntries(Path.GetTempPath(), "dotnet-diagnostic-*-socket")
           let name = Path.GetFileName(path).Split('-')
           let pid = int.TryParse(name[2], out int number) ? number : 0
           where StartOf(pid) is not string start || start == name[3]
           select pid,
    ];

    /// <summary>When a process started, in ticks of the kernel's clock: the 22nd field of its stat, counted behind the name, which may have anything in it.</summary>
    private static string? StartOf(int pid)
    {
        const int StateField = 3;
        const int StartField = 22;
        try
        {
            string stat = File.ReadAllText($"/proc/{pid}/stat");
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[StartField - StateField];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static IEnumerable<int> Numbers() => Directory.Exists("/proc")
        ? Directory.EnumerateDirectories("/proc")
            .Select(static path => int.TryParse(Path.GetFileName(path), out int pid) ? pid : 0)
            .Where(static pid => pid > 0)
        : [];

    private static Hosting? HostingOf(int pid, bool hasEndpoint)
    {
        try
        {
            bool isNative = false;
            foreach (string line in File.ReadLines($"/proc/{pid}/maps"))
            {
                if (line.EndsWith(ManagedLibrary, StringComparison.Ordinal))
                {
                    return Hosting.Managed;
                }

                isNative |= line.Contains(NativeLibrary, StringComparison.Ordinal);
            }

            return isNative ? Hosting.Native : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return hasEndpoint && Directory.Exists($"/proc/{pid}") ? Hosting.Closed : null;
        }
    }

    internal static string CommandOf(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline").Replace('\0', ' ').TrimEnd();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
