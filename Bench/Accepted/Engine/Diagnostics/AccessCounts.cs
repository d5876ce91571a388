namespace PamuFastPath.Diagnostics;

/// <summary>
/// Counts of accesses since counting began, as they stood at one moment; absolute, never reset, wrapping at 2^64. Counts of a section that is open
/// meanwhile may be a few accesses behind; after the readers have paused, they are exact.
/// </summary>
public sealed class AccessCounts
{
    private readonly ulong[] _faults = new ulong[ReaderCounters.FaultKinds];
    private readonly ulong[] _windowHits = new ulong[TableLayout.WindowCountMax];
    private readonly ulong[] _windowSamples = new ulong[TableLayout.WindowCountMax];
    private readonly ulong[] _msiHits;

    internal AccessCounts(int banks)
    {
        _msiHits = new ulong[banks];
    }

    /// <summary>Accesses that were decided: the sum of <see cref="MemoryHits"/>, <see cref="MsiHits"/> and <see cref="Faults"/>.</summary>
    public ulong Translations => MemoryHits + Sum(_msiHits) + Sum(_faults);

    /// <summary>Accesses that go to memory. A range counts as one.</summary>
    public ulong MemoryHits { get; private set; }

    /// <summary>Bytes of the reads among them.</summary>
    public ulong BytesRead { get; private set; }

    /// <summary>Bytes of the writes among them.</summary>
    public ulong BytesWritten { get; private set; }

    /// <summary>
    /// Accesses that ran over their window's end. They are not decided, so they are no part of <see cref="Translations"/>: the range form, asked
    /// next, counts them.
    /// </summary>
    public ulong Crosses { get; private set; }

    /// <summary>Accesses that hit an MSI bank's page, by bank.</summary>
    public ReadOnlySpan<ulong> MsiHits => _msiHits;

    /// <summary>
    /// Refused accesses, by <see cref="FaultKind"/>. At 0 those of batches that were translated in place: their kind cannot be known afterwards.
    /// </summary>
    public ReadOnlySpan<ulong> Faults => _faults;

    /// <summary>
    /// Accesses by window, for all of 256 windows: an estimate that adds up to <see cref="MemoryHits"/>. The hits between two looks at the counters
    /// are given to the window of the last one, so it is good if somebody looks often, as an event session does.
    /// </summary>
    public ReadOnlySpan<ulong> WindowSamples => _windowSamples;

    /// <summary>
    /// Accesses that touched each of 256 windows, memory and MSI alike, while <see cref="PamuEngine.CountsWindows"/> was set. One over a window's
    /// end counts in each window that it touches.
    /// </summary>
    public ReadOnlySpan<ulong> WindowHits => _windowHits;

    /// <summary>All refused accesses.</summary>
    public ulong FaultCount => Sum(_faults);

    /// <summary>All accesses that hit an MSI bank's page.</summary>
    public ulong MsiHitCount => Sum(_msiHits);

    internal unsafe void Add(ReaderCounters* block, bool withWindows)
    {
        // One load each: the reader's thread may be adding.
        MemoryHits += Volatile.Read(ref block->Hits);
        BytesRead += Volatile.Read(ref block->Bytes[(int)DmaAccess.Read]);
        BytesWritten += Volatile.Read(ref block->Bytes[(int)DmaAccess.Write]);
        Crosses += Volatile.Read(ref block->Crosses);
        AddEach(_faults, block->Faults);
        AddEach(withWindows ? _windowHits : [], block->WindowHits);
        AddEach(_msiHits, ReaderCounters.MsiHitsOf(block));
    }

    internal void Add(AccessCounts other)
    {
        MemoryHits += other.MemoryHits;
        BytesRead += other.BytesRead;
        BytesWritten += other.BytesWritten;
        Crosses += other.Crosses;
        AddEach(_faults, other._faults);
        AddEach(_windowHits, other._windowHits);
        AddEach(_windowSamples, other._windowSamples);
        AddEach(_msiHits, other._msiHits);
    }

    internal void AddSample(int window, ulong hits) => _windowSamples[window] += hits;

    private static unsafe void AddEach(ulong[] sums, ulong* counts)
    {
        for (int i = 0; i < sums.Length; i++)
        {
            sums[i] += Volatile.Read(ref counts[i]);
        }
    }

    private static void AddEach(ulong[] sums, ulong[] counts)
    {
        for (int i = 0; i < sums.Length; i++)
        {
            sums[i] += counts[i];
        }
    }

    private static ulong Sum(ulong[] counts)
    {
        ulong sum = 0;
        foreach (ulong count in counts)
        {
            sum += count;
        }

        return sum;
    }
}
