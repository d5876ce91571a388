using BenchmarkDotNet.Attributes;
using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Suites;

/// <summary>Ranges within a window and over a window's end.</summary>
public class RangeSuite
{
    private readonly DeviceWorkload _device = new();

    [GlobalCleanup]
    public void CleanUp() => _device.Dispose();

    [Benchmark(OperationsPerInvoke = DeviceWorkload.Accesses, Baseline = true)]
    public int InOneWindow() => _device.RangesInOneWindow();

    [Benchmark(OperationsPerInvoke = DeviceWorkload.Accesses)]
    public int OverTwoWindows() => _device.RangesOverTwoWindows();
}

/// <summary>A DMA port's copies, against the same copies without asking.</summary>
public class DmaPortSuite
{
    private readonly DeviceWorkload _device = new();

    [Params(64 /* the way to the bytes */, 4096 /* the bytes */)]
    public int Bytes { get; set; }

    [GlobalCleanup]
    public void CleanUp() => _device.Dispose();

    [Benchmark(OperationsPerInvoke = DeviceWorkload.Accesses)]
    public int Read() => _device.Read(Bytes);

    [Benchmark(OperationsPerInvoke = DeviceWorkload.Accesses)]
    public int Write() => _device.Write(Bytes);

    [Benchmark(OperationsPerInvoke = DeviceWorkload.Accesses)]
    public int CopyIn() => _device.CopyIn(Bytes);

    [Benchmark(OperationsPerInvoke = DeviceWorkload.Accesses)]
    public int CopyOut() => _device.CopyOut(Bytes);
}
