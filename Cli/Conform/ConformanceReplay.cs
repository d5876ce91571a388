using System.Globalization;

namespace PamuFastPath.Cli.Conform;

/// <summary>What a recording's replay found.</summary>
/// <param name="File">The recording.</param>
/// <param name="Total">What was found in all.</param>
/// <param name="Profiles">The same by profile.</param>
/// <param name="TableDumps">Lines that are dumps of the PAMU's tables: passed over.</param>
public sealed record ConformanceReport(string File, Tally Total, IReadOnlyDictionary<string, Tally> Profiles, int TableDumps);

/// <summary>
/// Replays recordings of the shipped driver against a subject. Each answer is compared with the recorded one, or, where a decided
/// deviation explains the difference, with the one the ABI page documents. Then the subject's container is brought to where the driver's
/// went.
/// </summary>
/// <param name="boot">Makes a subject for a window limit: a freshly booted machine.</param>
public sealed class ConformanceReplay(Func<int, IConformanceSubject> boot)
{
    /// <summary>Replays one file.</summary>
    /// <param name="path">A recording, plain or gzip.</param>
    /// <param name="progress">Told how much of the file is done, 0 to 1; may be null.</param>
    /// <exception cref="RecordingException">The file is malformed.</exception>
    public ConformanceReport Run(string path, Action<double>? progress = null)
    {
        using var recording = new Recording(path);
        var profiles = new SortedDictionary<string, Tally>(StringComparer.Ordinal);
        SequenceReplay? sequence = null;
        int last = 0;
        int tableDumps = 0;
        try
        {
            foreach (RecordedLine line in recording.ReadLines())
            {
                last = line.Number;
                tableDumps += line is TableDumpLine ? 1 : 0;
                try
                {
                    sequence = Take(line, sequence, profiles, progress, recording);
                }
                catch (FormatException e)
                {
                    throw recording.Error(line.Number, e.Message);
                }
            }
        }
        finally
        {
            sequence?.Dispose();
        }

        if (sequence != null)
        {
            throw recording.Error(last, string.Create(CultureInfo.InvariantCulture, $"the file ends inside sequence {sequence.Sequence}"));
        }

        var total = new Tally();
        foreach (Tally tally in profiles.Values)
        {
            total.Add(tally);
        }

        return new ConformanceReport(path, total, profiles, tableDumps);
    }

    private SequenceReplay? Take(
        RecordedLine line,
        SequenceReplay? sequence,
        SortedDictionary<string, Tally> profiles,
        Action<double>? progress,
        Recording recording)
    {
        switch (line)
        {
            case TableDumpLine when sequence == null:
                return null;
            case TableDumpLine:
                throw new FormatException("op: missing");
            case BeginLine when sequence != null:
                throw new FormatException("begin: inside a sequence");
            case BeginLine begin:
                progress?.Invoke(recording.Progress);
                if (!profiles.TryGetValue(begin.Profile, out Tally? tally))
                {
                    profiles.Add(begin.Profile, tally = new Tally());
                }

                return new SequenceReplay(boot(begin.MaxWindows), begin, tally);
        }

        if (sequence == null)
        {
            throw new FormatException("op: outside a sequence, before its begin");
        }

        switch (line)
        {
            case EndLine end when end.Sequence != sequence.Sequence:
                throw new FormatException("seq: not the one that began");
            case EndLine:
                sequence.Dispose();
                return null;
            default:
                sequence.Take(line);
                return sequence;
        }
    }
}
