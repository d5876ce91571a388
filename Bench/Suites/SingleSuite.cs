using BenchmarkDotNet.Attributes;
using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Suites;

/// <summary>What the suites of single translation share: a table, 1,024 accesses, and times for one access.</summary>
public abstract unsafe class SingleSuite
{
    protected const int Accesses = 1024;

    private protected BenchTable Table { get; private set; } = null!;

    private protected NativeArray<ulong> Iovas { get; } = new(Accesses);

    [GlobalCleanup]
    public void CleanUp() => Table.Dispose();

    private protected void Prepare(
        int windows = BenchTable.DefaultWindows, AddressPattern pattern = AddressPattern.Random, int liodns = 1, bool hasMsi = false)
    {
        Table = new BenchTable(windows, hasMsi, liodns);
        AddressStream.Fill(Iovas.Span, Table, pattern);
    }

    private protected ulong Independent<TWay>(TWay way)
        where TWay : struct, ISingleTranslation => SingleLoops.Independent(way, Iovas.Pointer, Accesses);

    private protected ulong Dependent<TWay>(TWay way)
        where TWay : struct, ISingleTranslation => SingleLoops.Dependent(way, Iovas.Pointer, Accesses, zero: 0);
}

/// <summary>Axis: window count.</summary>
public class SingleByWindows : SingleSuite
{
    [Params(1 /* every access the same entry */, 4, 16 /* default */, 64, 256 /* three columns fill 6 KiB of the first cache */)]
    public int Windows { get; set; }

    [GlobalSetup]
    public void SetUp() => Prepare(Windows);

    [Benchmark(OperationsPerInvoke = Accesses, Baseline = true)]
    public ulong OwnSection() => Independent(new OwnSection(Table.Reader, Table.Container));

    [Benchmark(OperationsPerInvoke = Accesses)]
    public ulong BareLookup() => Independent(new BareLookup(Table.Container));
}

/// <summary>Axis: how the accesses move, and whether the next waits for the one before.</summary>
public class SingleByPattern : SingleSuite
{
    [Params(AddressPattern.Random, AddressPattern.SameWindow, AddressPattern.Sequential)]
    public AddressPattern Pattern { get; set; }

    [GlobalSetup]
    public void SetUp() => Prepare(pattern: Pattern);

    [Benchmark(OperationsPerInvoke = Accesses, Baseline = true)]
    public ulong Throughput() => Independent(new OwnSection(Table.Reader, Table.Container));

    [Benchmark(OperationsPerInvoke = Accesses)]
    public ulong Latency() => Dependent(new OwnSection(Table.Reader, Table.Container));
}

/// <summary>Axis: share of refused accesses, in percent.</summary>
public class SingleByFaults : SingleSuite
{
    [Params(0, 1 /* well predicted */, 50 /* mispredicted half the time */)]
    public int FaultPercent { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        Prepare();
        AddressStream.AddFaults(Iovas.Span, Table, FaultPercent / 100.0);
    }

    [Benchmark(OperationsPerInvoke = Accesses)]
    public ulong OwnSection() => Independent(new OwnSection(Table.Reader, Table.Container));
}

/// <summary>Axis: share of messages, in percent, over a table with an MSI window.</summary>
public class SingleByMessages : SingleSuite
{
    [Params(0, 5)]
    public int MessagePercent { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        Prepare(hasMsi: true);
        AddressStream.AddMessages(Iovas.Span, Table, MessagePercent / 100.0);
    }

    [Benchmark(OperationsPerInvoke = Accesses)]
    public ulong OwnSection() => Independent(new OwnSection(Table.Reader, Table.Container));
}

/// <summary>Axis: how many LIODNs the accesses carry.</summary>
public class SingleByLiodns : SingleSuite
{
    [Params(1, 64 /* 8 cache lines of the map */, 4096 /* as large as the first cache */)]
    public int Liodns { get; set; }

    [GlobalSetup]
    public void SetUp() => Prepare(liodns: Liodns);

    [Benchmark(OperationsPerInvoke = Accesses)]
    public ulong ByLiodn() => Independent(new ByLiodn(Table.Reader, (uint)Liodns - 1));
}
