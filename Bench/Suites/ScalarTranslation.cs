using BenchmarkDotNet.Attributes;

namespace PamuFastPath.Bench.Suites;

/// <summary>
/// Single and range translation, with a section around each access and with one around all 1,024: random over the windows, permission, length
/// and MSI checked, no faults. Times are per access.
/// </summary>
public class ScalarTranslation
{
    private const int Accesses = 1024;
    private const ulong WindowBytes = 0x100_0000;

    private readonly ulong[] _iovas = new ulong[Accesses];
    private PamuEngine _engine = null!;
    private PamuContainer _container = null!;
    private PamuReader _reader = null!;

    /// <summary>Window counts: the default point and the most there can be.</summary>
    [Params(16, 256)]
    public int Windows { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        _engine = new PamuEngine();
        _container = _engine.CreateContainer();
        _container.SetGeometry(0, (ulong)Windows * WindowBytes - 1);
        _container.SetWindows((uint)Windows);
        for (ulong i = 0; i < (ulong)Windows; i++)
        {
            // Neighbours swap places, so that no two windows have contiguous targets and ranges cannot merge.
            _container.MapDma(0x10_0000_0000 + (i ^ 1) * WindowBytes, i * WindowBytes, WindowBytes, DmaPermissions.ReadWrite);
        }

        _engine.CreateGroup(0, [0x42], []).Attach(_container);
        _reader = _engine.CreateReader();
        var random = new Random(42);
        for (int i = 0; i < Accesses; i++)
        {
            ulong window = (ulong)random.Next(Windows);
            _iovas[i] = window * WindowBytes + (ulong)random.NextInt64((long)WindowBytes - 8192);
        }
    }

    [GlobalCleanup]
    public void CleanUp() => _engine.Dispose();

    [Benchmark(OperationsPerInvoke = Accesses, Baseline = true)]
    public ulong SingleInOneSection()
    {
        ulong sum = 0;
        using ReaderSection section = _reader.Enter(_container);
        foreach (ulong iova in _iovas)
        {
            sum += section.Translate(iova, 64, DmaAccess.Write).Target;
        }

        return sum;
    }

    [Benchmark(OperationsPerInvoke = Accesses)]
    public ulong SingleWithSectionEach()
    {
        ulong sum = 0;
        foreach (ulong iova in _iovas)
        {
            sum += _reader.Translate(_container, iova, 64, DmaAccess.Write).Target;
        }

        return sum;
    }

    [Benchmark(OperationsPerInvoke = Accesses)]
    public ulong SingleByLiodnWithSectionEach()
    {
        ulong sum = 0;
        foreach (ulong iova in _iovas)
        {
            sum += _reader.Translate(0x42u, iova, 64, DmaAccess.Write).Target;
        }

        return sum;
    }

    [Benchmark(OperationsPerInvoke = Accesses)]
    public int RangeInOneSection()
    {
        Span<DmaSegment> segments = stackalloc DmaSegment[8];
        int sum = 0;
        using ReaderSection section = _reader.Enter(_container);
        foreach (ulong iova in _iovas)
        {
            sum += section.TranslateRange(iova, 4096, DmaAccess.Write, segments).SegmentCount;
        }

        return sum;
    }

    [Benchmark(OperationsPerInvoke = Accesses)]
    public int RangeOverTwoWindowsWithSectionEach()
    {
        Span<DmaSegment> segments = stackalloc DmaSegment[8];
        int sum = 0;
        foreach (ulong iova in _iovas)
        {
            using ReaderSection section = _reader.Enter(_container);
            sum += section.TranslateRange((iova & (WindowBytes - 1)) + WindowBytes - 1, 4096, DmaAccess.Write, segments).SegmentCount;
        }

        return sum;
    }
}
