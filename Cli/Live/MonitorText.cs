using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace PamuFastPath.Cli.Live;

/// <summary>A snapshot of an engine as one line, for people and for machines.</summary>
internal static class MonitorText
{
    private const int HotShown = 3;

    private static readonly JsonSerializerOptions JsonOptions = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    public static string Line(EngineActivity activity)
    {
        EngineSnapshot now = activity.Now;
        var line = new StringBuilder();
        line.Append(CultureInfo.InvariantCulture, $"engine {now.Engine}: ");
        if (activity.Before == null)
        {
            line.Append("so far ");
        }
        else
        {
            line.Append(CultureInfo.InvariantCulture, $"{Amounts.Rate(activity.PerSecond(static of => of.Translations))} translations/s, ");
            line.Append(CultureInfo.InvariantCulture, $"{Amounts.Bytes(activity.PerSecond(static of => of.BytesRead + of.BytesWritten))}/s, ");
            line.Append(CultureInfo.InvariantCulture, $"{Amounts.Rate(activity.PerSecond(static of => of.MsiHits))} messages/s, ");
            line.Append(CultureInfo.InvariantCulture, $"{Amounts.Rate(activity.PerSecond(static of => of.Faults))} faults/s, ");
            line.Append(CultureInfo.InvariantCulture, $"{Amounts.Rate(activity.PerSecond(static of => of.ControlCalls))} calls/s, ");
            line.Append(CultureInfo.InvariantCulture, $"{Amounts.Rate(activity.PerSecond(static of => of.Publications))} tables/s");
            line.Append(CultureInfo.InvariantCulture, $"{Grace(activity)}{Hot(activity)}; so far ");
        }

        line.Append(CultureInfo.InvariantCulture, $"{now.Translations:N0} translations, {now.MsiHits:N0} messages, ");
        line.Append(CultureInfo.InvariantCulture, $"{now.Faults:N0} faults, {now.ControlCalls:N0} calls");
        line.Append(now.IsLast ? "; the engine was disposed" : now.IsCounting ? "" : "; accesses are not counted");
        return line.ToString();
    }

    /// <summary>Absolute figures, and what that is per second since the snapshot before. Times in nanoseconds, sizes in bytes, IOVAs in hex.</summary>
    public static string Json(int pid, EngineActivity activity)
    {
        EngineSnapshot now = activity.Now;
        return JsonSerializer.Serialize(
            new
            {
                Pid = pid,
                now.Engine,
                now.Sequence,
                activity.Seconds,
                now.IsCounting,
                now.IsLast,
                now.Readers,
                Totals = new
                {
                    now.Translations,
                    now.BytesRead,
                    now.BytesWritten,
                    now.MsiHits,
                    now.Faults,
                    now.ControlCalls,
                    now.ControlRefused,
                    now.Publications,
                    now.GraceNanoseconds,
                    now.FaultsLogged,
                    now.FaultsDropped,
                    now.FaultEventsSuppressed,
                },
                PerSecond = activity.Before == null ? null : new
                {
                    Translations = activity.PerSecond(static of => of.Translations),
                    BytesRead = activity.PerSecond(static of => of.BytesRead),
                    BytesWritten = activity.PerSecond(static of => of.BytesWritten),
                    MsiHits = activity.PerSecond(static of => of.MsiHits),
                    Faults = activity.PerSecond(static of => of.Faults),
                    ControlCalls = activity.PerSecond(static of => of.ControlCalls),
                    Publications = activity.PerSecond(static of => of.Publications),
                },
                Grace = new
                {
                    Below = EngineActivity.Quantiles.ToDictionary(static q => q.Name, q => activity.GraceQuantile(q.Share)),
                    Max = now.GraceNanosecondsMax,
                    now.TablesRetired,
                },
                Containers = activity.Containers.Select(static of => new
                {
                    of.Now.Container,
                    of.Now.Generation,
                    ApertureStart = $"0x{of.Now.ApertureStart:x}",
                    ApertureLast = $"0x{of.Now.ApertureLast:x}",
                    of.Now.Windows,
                    of.Now.WindowsLive,
                    of.Now.MemoryHits,
                    of.Now.BytesRead,
                    of.Now.BytesWritten,
                    of.Now.Crosses,
                    FaultsByKind = Kinds(of.Now.Faults),
                    MsiHitsByBank = Sparse(of.Now.MsiHits),
                    WindowSamples = Sparse(of.Now.WindowSamples),
                    WindowHits = of.Now.WindowHits.Count == 0 ? null : Sparse(of.Now.WindowHits),
                }),
            },
            JsonOptions);
    }

    /// <summary>Those that happened, by name; 0 is for batches translated in place, whose kind is not known.</summary>
    public static Dictionary<string, ulong> Kinds(IReadOnlyList<ulong> faults) => faults
        .Select(static (count, kind) => (Name: kind == 0 ? "Unknown" : ((FaultKind)kind).ToString(), Count: count))
        .Where(static kind => kind.Count > 0)
        .ToDictionary(static kind => kind.Name, static kind => kind.Count);

    private static Dictionary<int, ulong> Sparse(IReadOnlyList<ulong> counts) => counts
        .Index()
        .Where(static count => count.Item > 0)
        .ToDictionary(static count => count.Index, static count => count.Item);

    private static string Grace(EngineActivity activity) =>
        activity.GraceQuantile(0.99) is ulong p99 and > 0 ? $", grace p99 below {Amounts.Time(p99)}" : "";

    private static string Hot(EngineActivity activity)
    {
        var hot = activity.Containers
            .SelectMany(static of => of.Heat.Select((rate, window) => (of.Now.Container, Window: window, Rate: rate)))
            .Where(static window => window.Rate > 0)
            .OrderByDescending(static window => window.Rate)
            .Take(HotShown)
            .Select(static window => $"{window.Container}:{window.Window}");
        string windows = string.Join(' ', hot);
        return windows.Length == 0 ? "" : $", hot windows {windows}";
    }
}
