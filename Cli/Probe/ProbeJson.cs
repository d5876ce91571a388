using System.Text.Json;
using PamuFastPath.Interop;

namespace PamuFastPath.Cli.Probe;

/// <summary>
/// The probe as one JSON document. Field names are stable (docs/hardware.md lists them), and all of them are always there; addresses and
/// ids are hex strings, because not every reader of JSON has 64 bits.
/// </summary>
internal static class ProbeJson
{
    private static readonly JsonSerializerOptions Options = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true };

    public static string Write(HostProbe probe) => JsonSerializer.Serialize(
        new
        {
            Verdict = Verdict.On(probe),
            Ready = Verdict.VfioTrouble(probe) == null && probe.Groups.Any(static offer => offer.IsReady),
            Linux = probe.IsLinux,
            Vfio = new
            {
                Usable = probe.Vfio.IsUsable,
                Errno = probe.Vfio.Error,
                Error = probe.Vfio.Error == 0 ? null : probe.Vfio.ErrorText,
                probe.Vfio.ApiVersion,
                Extensions = probe.Vfio.Extensions.Select(static one => new { one.Number, one.Name, Offered = one.IsOffered }),
            },
            Iommufd = probe.HasIommufd,
            MemoryLock = probe.MemoryLock is { } limit ? new { limit.Soft, limit.Hard, Exempt = limit.IsExempt } : null,
            Iommus = probe.Iommus.Select(static iommu => new { iommu.Name, iommu.Kind }),
            Groups = probe.Groups.Select(Group),
        },
        Options);

    private static object Group(GroupOffer offer) => new
    {
        offer.Group.Id,
        offer.Group.Type,
        Ready = offer.IsReady,
        offer.Obstacle,
        Devices = offer.Group.Devices.Select(static device => new
        {
            device.Name,
            Vendor = Hex(device.Vendor, 4),
            Device = Hex(device.Product, 4),
            Class = Hex(device.Class, 6),
            device.Driver,
        }),
        Reserved = offer.Group.Reserved.Select(static region => new
        {
            Start = $"0x{region.Range.Start:x}",
            Last = $"0x{region.Range.Last:x}",
            region.Type,
            region.ForbidsMapping,
        }),
    };

    private static string? Hex(uint? value, int digits) => value is uint known ? "0x" + known.ToString($"x{digits}") : null;
}
