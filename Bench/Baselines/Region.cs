using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Baselines;

/// <summary>
/// One mapped window, as all baselines that check know it. Two to a cache line. The checks, and how permission, mapping end and MSI tag are
/// stored, are the engine's own: what differs between the baselines is how they find the region.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal unsafe struct Region
{
    internal ulong Start;
    internal ulong ReadLimit;
    internal ulong WriteLimit;
    internal ulong Delta;

    /// <summary>The answer of one region that may or may not be the right one: permission, length and mapping end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Translation Translate(Region* region, ulong iova, ulong length, DmaAccess access)
    {
        ulong offset = iova - region->Start;
        ulong limit = (&region->ReadLimit)[(nuint)access & 1];
        return offset < limit && length - 1 < limit - offset ? Translation.Hit(iova, region->Delta) : Refuse(iova);
    }

    /// <summary>A refusal. Baselines do not say why.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static Translation Refuse(ulong iova) => Translation.Refused(FaultKind.NoMapping, iova);

    /// <summary>The live windows of a container's current table, by start. Never none: one that refuses everything stands in.</summary>
    internal static NativeArray<Region> LiveRegions(PamuReader reader, PamuContainer container)
    {
        var live = new List<Region>();
        using (ReaderSection section = reader.Enter(container))
        {
            TableView table = section.Table;
            for (int i = 0; i < table.WindowCount; i++)
            {
                ulong start = (ulong)i << table.WindowShift;
                if (table.ReadEnd[i] != start || table.WriteEnd[i] != start)
                {
                    live.Add(new Region
                    {
                        Start = table.ApertureBase + start,
                        ReadLimit = table.ReadEnd[i] - start,
                        WriteLimit = table.WriteEnd[i] - start,
                        Delta = table.Delta[i],
                    });
                }
            }
        }

        if (live.Count == 0)
        {
            live.Add(default);
        }

        var regions = new NativeArray<Region>(live.Count);
        live.CopyTo(regions.Span);
        return regions;
    }
}
