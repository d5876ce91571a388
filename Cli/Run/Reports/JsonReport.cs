using System.Text.Json;
using System.Text.Json.Serialization;
using PamuFastPath.Cli.Run.Traces;

namespace PamuFastPath.Cli.Run.Reports;

/// <summary>
/// The run as one JSON document. Field names are stable; addresses are hex strings, because not every reader of JSON has 64 bits.
/// </summary>
internal static class JsonReport
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        WriteIndented = true,
    };

    public static string Write(RunResult result) => JsonSerializer.Serialize(
        new
        {
            Scenario = result.Scenario.File,
            result.Scenario.Description,
            result.Passed,
            result.Failures,
            Hardware = result.Hardware.Count == 0 ? null : result.Hardware,
            Aperture = new { Start = Hex(result.Aperture.Start), Last = Hex(result.Aperture.Last) },
            result.WindowCount,
            WindowSize = Hex(result.WindowSize),
            Windows = result.Windows.Select(Window),
            Pictures = result.Pictures.Select(static picture => new { picture.Caption, Windows = picture.Windows.Select(Window) }),
            Accesses = result.Accesses.Select(Access),
            Replay = result.Replay == null ? null : Replay(result.Replay),
        },
        Options);

    internal static object Window(PamuWindow window) => new
    {
        window.Index,
        Enabled = window.IsLive,
        Iova = Hex(window.Iova),
        Phys = Hex(window.Target),
        Size = Hex(window.Size),
        Read = (window.Permissions & DmaPermissions.Read) != 0,
        Write = (window.Permissions & DmaPermissions.Write) != 0,
        MsiBank = window.MsiBank < 0 ? (int?)null : window.MsiBank,
    };

    private static object Access(AccessResult access) => new
    {
        Who = access.Trial.Who,
        Op = access.Trial.Access == DmaAccess.Read ? "read" : "write",
        Iova = Hex(access.Trial.Iova),
        access.Trial.Length,
        Expected = access.Trial.Expect.Name,
        Answer = access.Answer.Outcome.Name,
        Target = access.Answer.Outcome.Fault == FaultKind.None ? Hex(access.Answer.Target) : null,
        AsExpected = access.IsAsExpected,
    };

    private static object Replay(ReplayResult replay) => new
    {
        Trace = replay.File,
        replay.Rows,
        replay.Invalidations,
        replay.Accesses,
        replay.Translated,
        replay.Messages,
        replay.Faults,
        AccountedFor = replay.IsAccountedFor,
        replay.Crossing,
        replay.BytesRead,
        replay.BytesWritten,
        Devices = replay.Devices.Select(static hits => new
        {
            hits.Device.Name,
            hits.Device.Liodn,
            hits.Reads,
            hits.Writes,
            hits.Messages,
            hits.Faults,
        }),
        WindowHits = replay.Windows.Where(static hits => hits.Hits + hits.Faults > 0).Select(static hits => new
        {
            hits.Index,
            hits.Reads,
            hits.Writes,
            hits.Messages,
            hits.Faults,
        }),
        MessageHits = replay.MessagesSent.Select(static hits => new
        {
            hits.Bank,
            hits.Offset,
            hits.Data,
            Register = hits.Interrupt?.Register,
            Bit = hits.Interrupt?.Bit,
            Interrupt = hits.Interrupt?.Interrupt,
            hits.Count,
        }),
        FaultsByKind = replay.FaultsByKind.ToDictionary(static pair => Outcome.Faulted(pair.Kind).Name, static pair => pair.Count),
        FirstFaults = replay.FirstFaults.Select(static fault => new
        {
            fault.Line,
            fault.Device,
            Op = fault.Op.ToString(),
            Iova = Hex(fault.Iova),
            fault.Length,
            Kind = Outcome.Faulted(fault.Kind).Name,
            RefusedAt = Hex(fault.FaultIova),
        }),
        TranslationNanosecondsPerAccess = replay.NanosecondsPerAccess,
        TranslationAccessesPerSecond = replay.AccessesPerSecond,
        WallSeconds = replay.WallTime.TotalSeconds,
    };

    private static string Hex(ulong value) => $"0x{value:x}";
}
