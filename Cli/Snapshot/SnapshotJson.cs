using System.Text.Json;
using PamuFastPath.Cli.Run;
using PamuFastPath.Cli.Run.Reports;

namespace PamuFastPath.Cli.Snapshot;

/// <summary>
/// A restored container as one JSON document. Field names are stable, and all of them are always there; addresses are hex strings, because not
/// every reader of JSON has 64 bits.
/// </summary>
internal static class SnapshotJson
{
    private static readonly JsonSerializerOptions Options = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true };

    public static string Write(int bytes, PamuContainer container, List<FaultRecord> faults) => JsonSerializer.Serialize(
        new
        {
            Bytes = bytes,
            Platform = Platform(container.Engine.Platform),
            IommuSet = container.IsIommuSet,
            Aperture = new { Start = Hex(container.Geometry.Start), Last = Hex(container.Geometry.Last) },
            container.WindowCount,
            WindowSize = Hex(container.WindowSize),
            Stash = container.Stash == (0u, 0u) ? null : new { container.Stash.Cpu, container.Stash.Cache },
            Generation = Hex(container.Generation),
            Windows = container.GetWindows().Select(JsonReport.Window),
            Groups = container.Groups.Select(static group => new { group.Id, group.Liodns, group.MsiBanks }),
            Faults = faults.Select(static fault => new
            {
                Kind = Outcome.Faulted(fault.Kind).Name,
                fault.Liodn,
                Op = fault.Access == DmaAccess.Read ? "read" : "write",
                Iova = Hex(fault.Iova),
                Length = Hex(fault.Length),
                RefusedAt = Hex(fault.FaultIova),
            }),
        },
        Options);

    private static object Platform(PamuPlatform platform) => new
    {
        platform.MaxWindows,
        platform.PhysicalAddressBits,
        platform.PageSize,
        platform.LiodnCount,
        platform.PamuExtension,
        MsiBanks = platform.MsiBanks.Select(static bank => Hex(bank.Page)),
        platform.StashTargets,
    };

    private static string Hex(ulong value) => $"0x{value:x}";
}
