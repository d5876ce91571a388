using BenchmarkDotNet.Attributes;
using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Suites;

/// <summary>
/// What the suites of batch translation share. Times are for one element of the default 1,024 unless a suite says otherwise.
/// </summary>
public abstract class BatchSuite
{
    protected const int DefaultCount = BatchWorkload.DefaultCount;

    private BenchTable _table = null!;

    private protected BatchWorkload Batch { get; private set; } = null!;

    [GlobalCleanup]
    public void CleanUp()
    {
        Batch.Dispose();
        _table.Dispose();
    }

    private protected void Prepare(
        int windows = BenchTable.DefaultWindows,
        int count = DefaultCount,
        AddressPattern pattern = AddressPattern.Random,
        double faults = 0,
        bool hasMsi = false,
        double messages = 0)
    {
        _table = new BenchTable(windows, hasMsi);
        Batch = new BatchWorkload(_table, count, pattern, faults, messages);
    }
}

/// <summary>Axis: window count.</summary>
public class BatchByWindows : BatchSuite
{
    [Params(1, 4, 16 /* the last with 64-bit columns in registers */, 64 /* packed, 4 registers */, 256 /* packed, 16 registers */)]
    public int Windows { get; set; }

    [GlobalSetup]
    public void SetUp() => Prepare(Windows);

    [Benchmark(OperationsPerInvoke = DefaultCount)]
    public BatchResult OneLength() => Batch.Translate();

    [Benchmark(OperationsPerInvoke = DefaultCount)]
    public BatchResult Lengths() => Batch.TranslateWithLengths();

    [Benchmark(OperationsPerInvoke = DefaultCount, Baseline = true)]
    public void Copy() => Batch.Copy();
}

/// <summary>Axis: elements of a batch. Times are for the whole batch.</summary>
public class BatchBySize : BatchSuite
{
    [Params(64 /* what setting a kernel up costs */, 1024 /* in the first cache */, 65_536 /* beyond the second */)]
    public int Count { get; set; }

    [GlobalSetup]
    public void SetUp() => Prepare(count: Count);

    [Benchmark]
    public BatchResult OneLength() => Batch.Translate();

    [Benchmark(Baseline = true)]
    public void Copy() => Batch.Copy();
}

/// <summary>Axis: how the accesses move. Kernels without branches should not notice.</summary>
public class BatchByPattern : BatchSuite
{
    [Params(AddressPattern.Random, AddressPattern.SameWindow, AddressPattern.Sequential)]
    public AddressPattern Pattern { get; set; }

    [GlobalSetup]
    public void SetUp() => Prepare(pattern: Pattern);

    [Benchmark(OperationsPerInvoke = DefaultCount)]
    public BatchResult OneLength() => Batch.Translate();
}

/// <summary>Axis: share of refused accesses, in percent.</summary>
public class BatchByFaults : BatchSuite
{
    [Params(0, 1 /* the refusal path in every twelfth step */, 50 /* in all */)]
    public int FaultPercent { get; set; }

    [GlobalSetup]
    public void SetUp() => Prepare(faults: FaultPercent / 100.0);

    [Benchmark(OperationsPerInvoke = DefaultCount)]
    public BatchResult OneLength() => Batch.Translate();
}

/// <summary>Axis: share of messages, in percent, over a table with an MSI window.</summary>
public class BatchByMessages : BatchSuite
{
    [Params(0, 5)]
    public int MessagePercent { get; set; }

    [Params(16 /* the tag is in the delta column */, 256 /* the 256-bit map */)]
    public int Windows { get; set; }

    [GlobalSetup]
    public void SetUp() => Prepare(Windows, hasMsi: true, messages: MessagePercent / 100.0);

    [Benchmark(OperationsPerInvoke = DefaultCount)]
    public BatchResult OneLength() => Batch.Translate();
}

/// <summary>Axis: instruction set, as the table's own choice of a kernel meets it.</summary>
[IsaJobs]
public class BatchByIsa : BatchSuite
{
    [Params(16, 256)]
    public int Windows { get; set; }

    [GlobalSetup]
    public void SetUp() => Prepare(Windows);

    [Benchmark(OperationsPerInvoke = DefaultCount)]
    public BatchResult OneLength() => Batch.Translate();

    [Benchmark(OperationsPerInvoke = DefaultCount)]
    public BatchResult Lengths() => Batch.TranslateWithLengths();
}

/// <summary>Axis: kernel, forced. Those the processor or the table cannot run are left out.</summary>
public class BatchByKernel : BatchSuite
{
    [ParamsSource(nameof(Runnable))]
    public BatchKernel Kernel { get; set; }

    public static IEnumerable<BatchKernel> Runnable
    {
        get
        {
            using var table = new BenchTable();
            using var batch = new BatchWorkload(table);
            return [.. Enum.GetValues<BatchKernel>().Where(batch.CanRun)];
        }
    }

    [GlobalSetup]
    public void SetUp() => Prepare();

    [Benchmark(OperationsPerInvoke = DefaultCount)]
    public BatchResult OneLength() => Batch.Translate(Kernel);
}
