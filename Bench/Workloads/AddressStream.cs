namespace PamuFastPath.Bench.Workloads;

/// <summary>How a stream of accesses moves over the windows.</summary>
public enum AddressPattern
{
    /// <summary>Window and offset at random: no branch or hint can be right.</summary>
    Random,

    /// <summary>Offsets at random in one window: what a last-region hint is made for.</summary>
    SameWindow,

    /// <summary>64 bytes after 64 bytes, window after window.</summary>
    Sequential,
}

/// <summary>
/// Fills arrays with IOVAs and lengths of accesses to a <see cref="BenchTable"/>; always the same for the same arguments.
/// </summary>
internal static class AddressStream
{
    /// <summary>No access reaches further than this from its IOVA, so that only those that are meant to cross or fault do.</summary>
    internal const int LengthMax = 4096;

    /// <param name="iovas">What to fill.</param>
    /// <param name="table">The table that is accessed.</param>
    /// <param name="pattern">How.</param>
    /// <param name="windows">The first so many windows; default: all that map memory.</param>
    internal static void Fill(Span<ulong> iovas, BenchTable table, AddressPattern pattern = AddressPattern.Random, int? windows = null)
    {
        var random = new Random(42);
        ulong room = table.WindowBytes - 2 * LengthMax;
        int dmaWindows = windows ?? (table.MsiWindow >= 0 ? table.Windows - 1 : table.Windows);
        for (int i = 0; i < iovas.Length; i++)
        {
            iovas[i] = pattern switch
            {
                AddressPattern.Random => (ulong)random.Next(dmaWindows) * table.WindowBytes + (ulong)random.NextInt64((long)room),
                AddressPattern.SameWindow => (ulong)(dmaWindows / 2) * table.WindowBytes + (ulong)random.NextInt64((long)room),
                _ => (ulong)i * 64 / room % (ulong)dmaWindows * table.WindowBytes + (ulong)i * 64 % room,
            };
        }
    }

    internal static void FillLengths(Span<uint> lengths)
    {
        var random = new Random(43);
        foreach (ref uint length in lengths)
        {
            length = (uint)random.Next(1, LengthMax + 1);
        }
    }

    /// <summary>Moves a share of the accesses, at random places, to beyond the aperture.</summary>
    internal static void AddFaults(Span<ulong> iovas, BenchTable table, double share)
    {
        var random = new Random(44);
        foreach (ref ulong iova in iovas)
        {
            iova += random.NextDouble() < share ? (ulong)table.Windows * table.WindowBytes : 0;
        }
    }

    /// <summary>Moves a share of the accesses, at random places, to the MSI page.</summary>
    internal static void AddMessages(Span<ulong> iovas, BenchTable table, double share)
    {
        var random = new Random(45);
        foreach (ref ulong iova in iovas)
        {
            if (random.NextDouble() < share)
            {
                iova = (ulong)table.MsiWindow * table.WindowBytes + (ulong)random.Next(16) * 64;
            }
        }
    }
}
