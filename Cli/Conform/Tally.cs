namespace PamuFastPath.Cli.Conform;

/// <summary>A line on which the subject does not answer as recorded, and no decided deviation says why.</summary>
public sealed record Mismatch(long Sequence, int Line, string Operation, string Expected, string Got);

/// <summary>What became of recorded operations. Each is compared, answered by a deviation, or skipped.</summary>
public sealed class Tally
{
    private readonly SortedDictionary<string, int> _deviations = new(StringComparer.Ordinal);
    private readonly List<Mismatch> _mismatches = [];

    /// <summary>Calls, states and probe lists.</summary>
    public int Operations => Compared + Deviating + Skipped;

    /// <summary>Answered as recorded, or should have been.</summary>
    public int Compared { get; private set; }

    /// <summary>Checked against our documented answer, or followed by a realignment.</summary>
    public int Deviating => _deviations.Values.Sum();

    /// <summary>Not compared: the subject could not be where the driver was.</summary>
    public int Skipped { get; private set; }

    /// <summary>Lines the ledger of the driver has no explanation for.</summary>
    public int Unexplained { get; private set; }

    /// <summary>Lines by deviation id.</summary>
    public IReadOnlyDictionary<string, int> Deviations => _deviations;

    /// <summary>The mismatches in order.</summary>
    public IReadOnlyList<Mismatch> Mismatches => _mismatches;

    /// <summary>Share of the operations that were not skipped, in percent.</summary>
    public double Percent => Operations == 0 ? 100 : 100.0 * (Operations - Skipped) / Operations;

    internal void CountCompared() => Compared++;

    internal void Count(Deviation deviation) =>
        _deviations[deviation.Id] = _deviations.GetValueOrDefault(deviation.Id) + 1;

    internal void CountSkipped() => Skipped++;

    internal void CountUnexplained() => Unexplained++;

    internal void Add(Mismatch mismatch) => _mismatches.Add(mismatch);

    internal void Add(Tally other)
    {
        Compared += other.Compared;
        Skipped += other.Skipped;
        Unexplained += other.Unexplained;
        _mismatches.AddRange(other._mismatches);
        foreach ((string id, int count) in other._deviations)
        {
            _deviations[id] = _deviations.GetValueOrDefault(id) + count;
        }
    }
}
