using System.Globalization;

namespace PamuFastPath.Interop;

/// <summary>How much memory the process may lock, which bounds what VFIO maps: RLIMIT_MEMLOCK. CAP_IPC_LOCK lifts it.</summary>
public static class MemoryLock
{
    private const string Row = "Max locked memory";

    /// <summary>The soft limit in bytes; null if there is none, or no <c>/proc</c> to say so.</summary>
    public static ulong? Limit
    {
        get
        {
            try
            {
                return Parse(File.ReadAllText("/proc/self/limits"));
            }
            catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
            {
                return null;
            }
        }
    }

    /// <summary>The soft limit in the text of <c>/proc/PID/limits</c>.</summary>
    internal static ulong? Parse(string limits)
    {
        foreach (string line in limits.Split('\n'))
        {
            if (line.StartsWith(Row, StringComparison.Ordinal))
            {
                string[] fields = line[Row.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
                return fields.Length > 0 && ulong.TryParse(fields[0], NumberStyles.None, CultureInfo.InvariantCulture, out ulong bytes) ? bytes : null;
            }
        }

        return null;
    }

    /// <summary>The limit for a person: "8388608 bytes" or "unlimited".</summary>
    internal static string Describe() => Limit is { } bytes ? $"{bytes} bytes" : "unlimited";
}
