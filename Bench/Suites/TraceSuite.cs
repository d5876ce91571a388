using BenchmarkDotNet.Attributes;
using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Suites;

/// <summary>
/// A real trace over 256 windows with MSI windows: 100,000 accesses singly, and its writes as batches. Times are for the whole trace.
/// </summary>
public class TraceSuite
{
    private RecordedTrace _trace = null!;
    private BatchWorkload[] _batches = [];

    [GlobalSetup]
    public void SetUp()
    {
        _trace = new RecordedTrace();
        _batches = _trace.WriteBatches(BatchWorkload.DefaultCount);
    }

    [GlobalCleanup]
    public void CleanUp()
    {
        Array.ForEach(_batches, batch => batch.Dispose());
        _trace.Dispose();
    }

    [Benchmark]
    public ulong EachInItsOwnSection() => _trace.TranslateEach();

    [Benchmark]
    public ulong EachWithoutSection() => _trace.TranslateEachBare();

    [Benchmark]
    public int WritesInBatches()
    {
        int hits = 0;
        foreach (BatchWorkload batch in _batches)
        {
            hits += batch.TranslateWithLengths().DmaCount;
        }

        return hits;
    }
}
