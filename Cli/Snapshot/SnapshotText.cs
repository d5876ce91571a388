using PamuFastPath.Cli.Run;
using PamuFastPath.Cli.Run.Reports;
using Spectre.Console;

namespace PamuFastPath.Cli.Snapshot;

/// <summary>Prints a restored container for people.</summary>
internal sealed class SnapshotText(IAnsiConsole console)
{
    /// <summary>Faults beyond this many are summed up in one line.</summary>
    private const int FaultsMax = 20;

    public void Print(int bytes, PamuContainer container, List<FaultRecord> faults)
    {
        PamuPlatform platform = container.Engine.Platform;
        var table = new TextTable("", "");
        table.Add("snapshot", $"{Units.Count(bytes)} bytes, whole");
        table.Add("platform", $"{platform.MaxWindows} windows, {platform.PhysicalAddressBits}-bit addresses, {Units.PowerOfTwo((ulong)platform.PageSize)} pages");
        table.Add("", $"0x{platform.LiodnCount:x} LIODNs, extension {platform.PamuExtension}, {platform.StashTargets.Count} stash targets");
        table.Add("", $"MSI banks {List(platform.MsiBanks.Select(static bank => Units.Address(bank.Page)))}");
        table.Add("aperture", $"{Units.Address(container.Geometry.Start)} to {Units.Address(container.Geometry.Last)}");
        table.Add("windows", $"{container.WindowCount} of {Units.PowerOfTwo(container.WindowSize)}");
        table.Add("IOMMU", container.IsIommuSet ? "PAMU" : "not set");
        table.Add("stash", container.Stash == (0u, 0u) ? "not set" : $"cpu {container.Stash.Cpu}, cache level {container.Stash.Cache}");
        table.Add("generation", $"{container.Generation}");
        table.Write(console);

        new TextReport(console).Show(new Picture("windows", container.GetWindows()));
        Groups(container.Groups);
        Faults(faults);
    }

    private void Groups(IReadOnlyList<PamuGroup> groups)
    {
        Heading("groups");
        if (groups.Count == 0)
        {
            console.WriteLine("none");
            return;
        }

        var table = new TextTable(">group", "LIODNs", "MSI banks");
        foreach (PamuGroup group in groups)
        {
            table.Add($"{group.Id}", List(group.Liodns.Select(static liodn => $"0x{liodn:x}")), List(group.MsiBanks.Select(static bank => $"{bank}")));
        }

        table.Write(console);
    }

    private void Faults(List<FaultRecord> faults)
    {
        Heading("faults");
        if (faults.Count == 0)
        {
            console.WriteLine("none");
            return;
        }

        var table = new TextTable("kind", ">liodn", "op", "iova", ">length", "refused at");
        foreach (FaultRecord fault in faults.Take(FaultsMax))
        {
            table.Add(
                Outcome.Faulted(fault.Kind).Name,
                $"0x{fault.Liodn:x}",
                fault.Access == DmaAccess.Read ? "R" : "W",
                Units.Address(fault.Iova),
                $"{fault.Length}",
                Units.Address(fault.FaultIova));
        }

        table.Write(console);
        if (faults.Count > FaultsMax)
        {
            console.WriteLine($"and {Units.Count(faults.Count - FaultsMax)} more");
        }
    }

    private void Heading(string text)
    {
        console.WriteLine();
        console.WriteLine(text, new Style(Color.Aqua));
    }

    private static string List(IEnumerable<string> names) => string.Join(", ", names) is { Length: > 0 } list ? list : "none";
}
