using PamuFastPath.Cli.Conform;

namespace PamuFastPath.Tests.Mirror;

/// <summary>The kernel does not return from a call: <c>hang</c>, <c>div0</c> or <c>oops</c>, as in the recordings.</summary>
internal sealed class KernelFaultException(string kind) : Exception(kind);

/// <summary>A machine with the recorded driver: one set of PAMU tables, and the devices of each group.</summary>
internal sealed class RecordedPamuMachine(int maxWindows)
{
    /// <summary>The groups of the recordings, as lists of each device's LIODNs.</summary>
    internal static IReadOnlyDictionary<int, int[][]> RecordedGroups { get; } = new Dictionary<int, int[][]>
    {
        [0] = [[0x42]],
        [1] = [[0x51, 0x52]],
        [2] = [[0x4FF]],
        [3] = [[0x10, 0x3A0]],
        [4] = [[0x500]],
        [5] = [[0x60, 0x600]],
        [6] = [[]],
        [7] = [[0x1A]],
        [8] = [[0x77]],
        [9] = [[0x81], [0x82, 0x83]],
    };

    /// <summary>The groups of this machine: those of the recordings, unless others are put here.</summary>
    internal Dictionary<int, int[][]> Groups { get; } = new(RecordedGroups);

    /// <summary>The driver. A call that may not return is tried on a clone put here.</summary>
    internal DriverMachine Driver { get; set; } = new((uint)maxWindows);

    /// <summary>What devices with a LIODN can reach now.</summary>
    internal IReadOnlyList<TableRange> Reach(int liodn) => Driver.Tables.Ranges(liodn);
}
