using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Baselines;

/// <summary>All baselines over one table.</summary>
internal sealed class BaselineSet : IDisposable
{
    private readonly NativeArray<Region> _regions;
    private readonly SortedRanges _sorted;
    private readonly TwoLevelDirectory _directory;
    private readonly LockedDictionary _dictionary;

    internal BaselineSet(BenchTable table)
    {
        _regions = Region.LiveRegions(table.Reader, table.Container);
        _sorted = new SortedRanges(_regions);
        Tree = new RegionTree(_regions);
        _directory = new TwoLevelDirectory(_regions);
        _dictionary = new LockedDictionary(_regions, (int)ulong.Log2(table.WindowBytes));
    }

    internal LinearList Linear => new(_regions);

    internal SortedRanges.Search Sorted => _sorted.Searcher;

    internal RegionTree Tree { get; }

    internal TwoLevelDirectory.Lookup TwoLevel => _directory.Reader;

    internal LockedDictionary.Lookup Locked => _dictionary.Reader;

    public void Dispose()
    {
        _sorted.Dispose();
        Tree.Dispose();
        _directory.Dispose();
        _dictionary.Dispose();
        _regions.Dispose();
    }
}
