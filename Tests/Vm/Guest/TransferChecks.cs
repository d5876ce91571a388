using static PamuFastPath.Tests.Vm.Guest.Report;

namespace PamuFastPath.Tests.Vm.Guest;

/// <summary>Allowed DMA lands where the software engine's translation says, and nowhere else.</summary>
internal static class TransferChecks
{
    private const int EdgeBytes = 61; // odd, so that nothing is aligned by accident
    private const int Seed = 20130422;

    public static void Run(Report report, Machine machine, int transfers)
    {
        foreach (Window window in machine.Windows)
        {
            report.Check($"dma.window-{window.Index}.first-bytes", () => Edge(machine, window, window.Iova));
            report.Check($"dma.window-{window.Index}.last-bytes", () => Edge(machine, window, window.Last - (EdgeBytes - 1)));
        }

        report.Check("dma.straddle-0-1", () => Straddle(machine, 0));
        report.Check("dma.random", () => new RandomTransfers(machine, new Random(Seed)).Run(transfers));
    }

    private static string Edge(Machine machine, Window window, ulong iova)
    {
        // Two devices at the same place, one after the other: their identity must not matter.
        var directions = new List<DmaAccess>();
        foreach (DmaAccess access in new[] { DmaAccess.Read, DmaAccess.Write })
        {
            if (window.Allows(access))
            {
                foreach (Edu edu in (Edu[])[machine.Devices[0], machine.Devices[^1]])
                {
                    // Written from elsewhere in the buffer than was read to: the bytes change.
                    machine.Transfer(edu, access, iova, access == DmaAccess.Read ? 0 : EdgeBytes, EdgeBytes);
                }

                directions.Add(access);
            }
        }

        machine.RequireBuffersAsModel($"accesses at 0x{iova:x}");
        Require(directions.Count > 0, "the window allows nothing");
        return $"{string.Join(" and ", directions)} at 0x{iova:x}-0x{iova + EdgeBytes - 1:x}";
    }

    private static string Straddle(Machine machine, int index)
    {
        Window first = machine.Windows[index];
        Window second = machine.Windows[index + 1];
        RequireEqual(first.Last + 1, second.Iova, "windows that touch");
        Require(first.Place + first.Size != second.Place, "their memory must not touch, or the check shows nothing");
        foreach (int before in new[] { 1, 60, 2000 })
        {
            Edu edu = machine.Devices[before % machine.Devices.Count];
            ulong iova = second.Iova - (ulong)before;
            machine.Transfer(edu, DmaAccess.Read, iova, 0, 2 * before + 1);
            machine.Transfer(edu, DmaAccess.Write, iova, 7, 2 * before + 1 - 7 * (before > 7 ? 1 : 0));
        }

        machine.RequireBuffersAsModel($"accesses over 0x{second.Iova:x}");
        return $"1, 60 and 2000 bytes on each side of 0x{second.Iova:x}, both ways";
    }
}
