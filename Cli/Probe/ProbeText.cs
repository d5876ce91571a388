using PamuFastPath.Cli.Run.Reports;
using PamuFastPath.Interop;
using Spectre.Console;

namespace PamuFastPath.Cli.Probe;

/// <summary>Prints a probe for people: the verdict, then what it rests on.</summary>
internal sealed class ProbeText(IAnsiConsole console)
{
    public void Print(HostProbe probe)
    {
        console.WriteLine(Verdict.On(probe), new Style(decoration: Decoration.Bold));
        if (!probe.IsLinux)
        {
            return;
        }

        console.WriteLine();
        var host = new TextTable("", "");
        host.Add("VFIO", Vfio(probe.Vfio));
        host.Add("IOMMU types", Extensions(probe.Vfio));
        host.Add("iommufd", probe.HasIommufd ? "/dev/iommu is here (not used yet)" : "no");
        host.Add("IOMMUs", probe.Iommus.Count == 0 ? "none" : string.Join(", ", probe.Iommus.Select(Iommu)));
        host.Add("groups", $"{probe.Groups.Count}");
        host.Add("memory lock limit", Limit(probe.MemoryLock));
        host.Write(console);
        if (probe.Groups.Count > 0)
        {
            Groups(probe.Groups);
            Reserved(probe.Groups);
        }
    }

    private static string Vfio(VfioOffer vfio) => vfio switch
    {
        { Error: not 0 } => $"no: /dev/vfio/vfio: {vfio.ErrorText}",
        { ApiVersion: int version } => $"/dev/vfio/vfio, API version {version}",
        _ => "/dev/vfio/vfio does not answer as VFIO",
    };

    private static string Extensions(VfioOffer vfio)
    {
        string[] offered = [.. vfio.Extensions.Where(static one => one.IsOffered).Select(static one => $"{one.Name} ({one.Number})")];
        return offered.Length == 0 ? "none" : string.Join(", ", offered);
    }

    private static string Iommu(HostIommu iommu) => iommu.Kind == null ? iommu.Name : $"{iommu.Name} ({iommu.Kind})";

    private static string Limit(MemoryLock? limit) => limit switch
    {
        null => "unknown",
        { IsExempt: true } => $"{Bytes(limit.Soft)}; this process has CAP_IPC_LOCK, for which it does not hold",
        { Soft: null } => "unlimited",
        _ => $"{Bytes(limit.Soft)} (ulimit -l raises it, up to {Bytes(limit.Hard)})",
    };

    private static string Bytes(ulong? bytes) => bytes is ulong known ? Units.Bytes(known) : "unlimited";

    private void Groups(IReadOnlyList<GroupOffer> groups)
    {
        Heading("groups");
        var table = new TextTable(">group", "type", "device", "id", "class", "driver", "VFIO");
        foreach (GroupOffer offer in groups)
        {
            string ready = offer.Obstacle ?? "ready";
            if (offer.Group.Devices.Count == 0)
            {
                table.Add($"{offer.Group.Id}", offer.Group.Type ?? "-", "-", "-", "-", "-", ready);
            }

            for (int i = 0; i < offer.Group.Devices.Count; i++)
            {
                HostDevice device = offer.Group.Devices[i];
                bool isFirst = i == 0;
                table.Add(
                    isFirst ? $"{offer.Group.Id}" : "",
                    isFirst ? offer.Group.Type ?? "-" : "",
                    device.Name,
                    device is { Vendor: ushort vendor, Product: ushort product } ? $"{vendor:x4}:{product:x4}" : "-",
                    device.Class is uint code ? $"{code:x6}" : "-",
                    device.Driver ?? "none",
                    isFirst ? ready : "");
            }
        }

        table.Write(console);
    }

    private void Reserved(IReadOnlyList<GroupOffer> groups)
    {
        Heading("reserved IOVAs");
        var table = new TextTable(">group", "first", "last", "type", "mappable");
        foreach ((int id, ReservedRegion region) in groups.SelectMany(static offer => offer.Group.Reserved.Select(region => (offer.Group.Id, region))))
        {
            string mappable = region.ForbidsMapping ? "no" : "yes";
            table.Add($"{id}", Units.Address(region.Range.Start), Units.Address(region.Range.Last), region.Type, mappable);
        }

        table.Write(console);
    }

    private void Heading(string text)
    {
        console.WriteLine();
        console.WriteLine(text, new Style(Color.Aqua));
    }
}
