using PamuFastPath.Diagnostics;

namespace PamuFastPath.Tests.Diagnostics;

/// <summary>The plain model of the counters: adds up answers one by one.</summary>
internal sealed class ExpectedCounts
{
    private readonly ulong[] _faults = new ulong[8];
    private readonly ulong[] _msiHits = new ulong[3];
    private readonly ulong[] _windowHits = new ulong[256];
    private ulong _hits;
    private ulong _crosses;
    private ulong _bytesRead;
    private ulong _bytesWritten;

    /// <summary>One single access and what it answered.</summary>
    internal ExpectedCounts Add(Translation answer, ulong length, DmaAccess access, IEnumerable<int> windows)
    {
        switch (answer.Kind)
        {
            case TranslationKind.Crosses:
                _crosses++;
                return this;
            case TranslationKind.Fault:
                _faults[(int)answer.Fault]++;
                return this;
            case TranslationKind.Msi:
                _msiHits[answer.MsiBank]++;
                break;
            default:
                AddHit(length, access);
                break;
        }

        foreach (int window in windows)
        {
            _windowHits[window]++;
        }

        return this;
    }

    internal ExpectedCounts AddHit(ulong length, DmaAccess access)
    {
        _hits++;
        (access == DmaAccess.Read ? ref _bytesRead : ref _bytesWritten) += length;
        return this;
    }

    internal ExpectedCounts AddFault(FaultKind kind)
    {
        _faults[(int)kind]++;
        return this;
    }

    internal ExpectedCounts AddMsi(int bank)
    {
        _msiHits[bank]++;
        return this;
    }

    /// <summary>Faults of batches in place have no kind.</summary>
    internal ExpectedCounts ForgetKinds()
    {
        ulong sum = _faults.Aggregate(0UL, static (a, b) => a + b);
        Array.Clear(_faults);
        _faults[0] = sum;
        return this;
    }

    internal void AssertEqual(AccessCounts counts, bool withWindows = false, string where = "")
    {
        Assert.True(
            Line(_hits, _bytesRead, _bytesWritten, _crosses, _faults, _msiHits) is var expected
            && Line(counts.MemoryHits, counts.BytesRead, counts.BytesWritten, counts.Crosses, counts.Faults, counts.MsiHits) is var got
            && expected == got,
            $"expected {expected}\ngot      {got}\n{where}");
        Assert.Equal(_hits + Sum(_faults) + Sum(_msiHits), counts.Translations);
        Assert.Equal(_hits, Sum(counts.WindowSamples.ToArray()));
        if (withWindows)
        {
            Assert.True(counts.WindowHits.SequenceEqual(_windowHits), $"windows: {where}");
        }
        else
        {
            Assert.False(counts.WindowHits.ContainsAnyExcept(0UL));
        }
    }

    private static ulong Sum(ulong[] counts) => counts.Aggregate(0UL, static (a, b) => a + b);

    private static string Line(
        ulong hits, ulong read, ulong written, ulong crosses, ReadOnlySpan<ulong> faults, ReadOnlySpan<ulong> msiHits) =>
        $"hits {hits}, read {read}, written {written}, crosses {crosses}, faults {string.Join(' ', faults.ToArray())}, "
        + $"msi {string.Join(' ', msiHits.ToArray())}";
}
