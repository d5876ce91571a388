using BenchmarkDotNet.Attributes;
using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Suites;

/// <summary>
/// Control calls, with and without a reader busy in short sections on another thread. Their distribution is in <c>compare</c>.
/// </summary>
public class PublishLatency
{
    private const int Window = 8;
    private readonly BenchTable _table = new();
    private Thread? _thread;
    private volatile bool _stop;

    [Params(0, 1)]
    public int BusyReaders { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        if (BusyReaders > 0)
        {
            _thread = new Thread(Read) { IsBackground = true };
            _thread.Start();
        }
    }

    [GlobalCleanup]
    public void CleanUp()
    {
        _stop = true;
        _thread?.Join();
        _table.Dispose();
    }

    /// <summary>One UNMAP, which waits for the readers, and one MAP, which does not: a window is mapped once only.</summary>
    [Benchmark]
    public void UnmapAndMap()
    {
        _table.Unmap(Window);
        _table.Map(Window);
    }

    private void Read()
    {
        using PamuReader reader = _table.Engine.CreateReader();
        while (!_stop)
        {
            reader.Translate(_table.Container, 0, 64, DmaAccess.Read);
        }
    }
}

/// <summary>Axis: publications while a reader works.</summary>
public class ReaderUnderPublications
{
    /// <summary>About 15 ms: at 10,000 publications a second the publisher's windows last longer.</summary>
    private const int Passes = 4096;
    private const int Accesses = 1024;

    private readonly NativeArray<ulong> _iovas = new(Accesses);
    private BenchTable _table = null!;
    private PacedPublisher? _publisher;

    [Params(0, 100, 10_000)]
    public int PublicationsPerSecond { get; set; }

    [Params(PublicationKind.Adds /* nobody waits */, PublicationKind.Removes /* a process-wide barrier, and a wait for the reader */)]
    public PublicationKind Kind { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        _table = new BenchTable(windows: 256, mapped: PacedPublisher.StableWindows);
        AddressStream.Fill(_iovas.Span, _table, windows: PacedPublisher.StableWindows);
    }

    [IterationSetup]
    public void Start() => _publisher = new PacedPublisher(_table, Kind, PublicationsPerSecond);

    [IterationCleanup]
    public void Stop() => _publisher?.Stop();

    [GlobalCleanup]
    public void CleanUp() => _table.Dispose();

    [Benchmark(OperationsPerInvoke = Passes * Accesses)]
    public ulong OwnSection() => ReaderThreads.Translate(_table.Reader, _table.Container, _iovas, Passes);
}

/// <summary>Axis: reader threads, each with the same work: with a core for each, the time stays what it is.</summary>
public class ReaderThreads
{
    private const int Passes = 4096; // a few milliseconds, so that starting a thread does not count
    private const int Accesses = 1024;

    private readonly NativeArray<ulong> _iovas = new(Accesses);
    private readonly BenchTable _table = new();

    [Params(1, 2)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void SetUp() => AddressStream.Fill(_iovas.Span, _table);

    [GlobalCleanup]
    public void CleanUp() => _table.Dispose();

    [Benchmark(OperationsPerInvoke = Passes * Accesses)]
    public void OwnSection()
    {
        Thread[] others = [.. Enumerable.Range(1, Threads - 1).Select(_ => new Thread(TranslateWithOwnReader))];
        Array.ForEach(others, thread => thread.Start());
        Translate(_table.Reader, _table.Container, _iovas, Passes);
        Array.ForEach(others, thread => thread.Join());
    }

    internal static unsafe ulong Translate(PamuReader reader, PamuContainer container, NativeArray<ulong> iovas, int passes)
    {
        ulong sum = 0;
        for (int pass = 0; pass < passes; pass++)
        {
            sum += SingleLoops.Independent(new OwnSection(reader, container), iovas.Pointer, iovas.Length);
        }

        return sum;
    }

    private void TranslateWithOwnReader()
    {
        using PamuReader reader = _table.Engine.CreateReader();
        Translate(reader, _table.Container, _iovas, Passes);
    }
}
