using BenchmarkDotNet.Attributes;
using PamuFastPath.Bench.Baselines;
using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Suites;

/// <summary>The engine against other ways to find a region: random (hints miss) and in one window (hints hit).</summary>
public class BaselineSuite : SingleSuite
{
    private BaselineSet _baselines = null!;
    private RegionTree.Search _tree;

    [Params(16, 256)]
    public int Windows { get; set; }

    [Params(AddressPattern.Random, AddressPattern.SameWindow)]
    public AddressPattern Pattern { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        Prepare(Windows, Pattern);
        _baselines = new BaselineSet(Table);
        _tree = _baselines.Tree.NewSearcher();
    }

    [Benchmark(OperationsPerInvoke = Accesses, Baseline = true)]
    public ulong OwnSection() => Independent(new OwnSection(Table.Reader, Table.Container));

    [Benchmark(OperationsPerInvoke = Accesses)]
    public ulong BareLookup() => Independent(new BareLookup(Table.Container));

    [Benchmark(OperationsPerInvoke = Accesses)]
    public ulong LinearList() => Independent(_baselines.Linear);

    [Benchmark(OperationsPerInvoke = Accesses)]
    public ulong SortedRanges() => Independent(_baselines.Sorted);

    [Benchmark(OperationsPerInvoke = Accesses)]
    public ulong RegionTreeWithHint() => Independent(_tree);

    [Benchmark(OperationsPerInvoke = Accesses)]
    public ulong RegionTreeWithHintInOwnSection() => Independent(new InSection<RegionTree.Search>(Table.Reader, Table.Container, _tree));

    [Benchmark(OperationsPerInvoke = Accesses)]
    public ulong TwoLevelDirectory() => Independent(_baselines.TwoLevel);

    [Benchmark(OperationsPerInvoke = Accesses)]
    public ulong LockedDictionary() => Independent(_baselines.Locked);
}
