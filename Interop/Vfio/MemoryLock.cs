using System.Globalization;

namespace PamuFastPath.Interop;

/// <summary>
/// How much memory this process may lock, which is how much VFIO lets it map. Source: <c>limits</c> and <c>status</c> of
/// <c>/proc/self</c>.
/// </summary>
/// <param name="Soft">The limit that holds, in bytes; null is unlimited.</param>
/// <param name="Hard">How far the process may raise it, in bytes; null is unlimited.</param>
/// <param name="IsExempt">Whether the process has CAP_IPC_LOCK, for which the limit does not hold.</param>
public sealed record MemoryLock(ulong? Soft, ulong? Hard, bool IsExempt)
{
    private const string LimitName = "Max locked memory";
    private const string CapabilitiesName = "CapEff:";
    private const int IpcLock = 14; // CAP_IPC_LOCK

    /// <summary>Reads the limit of this process; null if procfs does not say.</summary>
    /// <param name="self">The process's directory in procfs.</param>
    public static MemoryLock? Read(string self = "/proc/self") => Parse(Text(Path.Combine(self, "limits")), Text(Path.Combine(self, "status")));

    /// <summary>The limit of this process for a person: "8388608 bytes", "unlimited" or "unknown".</summary>
    internal static string Describe() => Read() is { } limit ? limit.Soft is ulong bytes ? $"{bytes} bytes" : "unlimited" : "unknown";

    /// <summary>Reads the limit; null if the texts do not say.</summary>
    /// <param name="limits">The text of <c>limits</c>.</param>
    /// <param name="status">The text of <c>status</c>.</param>
    internal static MemoryLock? Parse(string limits, string status)
    {
        string[] values = After(limits, LimitName);
        return values is [var soft, var hard, ..] && TryLimit(soft, out ulong? softBytes) && TryLimit(hard, out ulong? hardBytes)
            ? new MemoryLock(softBytes, hardBytes, HasCapability(status))
            : null;
    }

    private static bool TryLimit(string text, out ulong? bytes)
    {
        bytes = null;
        if (text == "unlimited")
        {
            return true;
        }

        bool known = ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value);
        bytes = value;
        return known;
    }

    private static bool HasCapability(string status) => After(status, CapabilitiesName) is [var mask, ..]
        && ulong.TryParse(mask, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong capabilities)
        && (capabilities >> IpcLock & 1) != 0;

    private static string Text(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    /// <summary>The words that follow a name at the start of a line.</summary>
    private static string[] After(string text, string name)
    {
        foreach (string line in text.Split('\n'))
        {
            if (line.StartsWith(name, StringComparison.Ordinal))
            {
                return line[name.Length..].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            }
        }

        return [];
    }
}
