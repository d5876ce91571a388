using System.Diagnostics;

namespace PamuFastPath.Bench.Measure;

/// <summary>One thing to time.</summary>
/// <param name="Name">What the tables call it.</param>
/// <param name="OperationsPerCall">Operations one call does; times are divided by it.</param>
/// <param name="Call">Does them.</param>
internal sealed record Subject(string Name, int OperationsPerCall, Action Call);

/// <summary>The samples of one subject, nanoseconds per operation.</summary>
internal sealed record Samples(Subject Subject, double[] Nanoseconds)
{
    internal double Median => Quantile(0.5);

    /// <summary>Half the distance between the quartiles.</summary>
    internal double Spread => (Quantile(0.75) - Quantile(0.25)) / 2;

    internal double Quantile(double q)
    {
        double[] sorted = [.. Nanoseconds.Order()];
        double at = q * (sorted.Length - 1);
        int below = (int)at;
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
    }
}

/// <summary>
/// Times subjects in turns, A B C A B C …, so that what the machine does to one it does to all. A sample is a run of calls that
/// takes about <paramref name="sampleTime"/>; the number of calls is fixed once per subject, after a warm-up that lets the JIT finish.
/// </summary>
/// <param name="sampleTime">About how long one sample takes.</param>
/// <param name="rounds">Samples per subject.</param>
/// <param name="warmUp">How long each subject runs before; 250 ms if not given.</param>
/// <param name="order">Shuffles the turns of each round; without it they stay in the given order.</param>
internal sealed class Interleaved(TimeSpan sampleTime, int rounds, TimeSpan? warmUp = null, Random? order = null)
{
    private readonly TimeSpan _warmUp = warmUp ?? TimeSpan.FromMilliseconds(250);

    internal Samples[] Run(IReadOnlyList<Subject> subjects, Action<int>? onRound = null)
    {
        int[] calls = [.. subjects.Select(Calibrate)];
        double[][] samples = [.. subjects.Select(_ => new double[rounds])];
        int[] turns = [.. Enumerable.Range(0, subjects.Count)];
        for (int round = 0; round < rounds; round++)
        {
            order?.Shuffle(turns);
            foreach (int i in turns)
            {
                samples[i][round] = Time(subjects[i], calls[i]);
            }

            onRound?.Invoke(round + 1);
        }

        return [.. subjects.Select((subject, i) => new Samples(subject, samples[i]))];
    }

    private int Calibrate(Subject subject)
    {
        long began = Stopwatch.GetTimestamp();
        int calls = 0;
        while (Stopwatch.GetElapsedTime(began) < _warmUp)
        {
            subject.Call();
            calls++;
        }

        // The later half of the warm-up runs optimised code: measure once more.
        double nanosecondsPerCall = Time(subject, Math.Max(1, calls / 10)) * subject.OperationsPerCall;
        return (int)Math.Max(1, sampleTime.TotalNanoseconds / nanosecondsPerCall);
    }

    private static double Time(Subject subject, int calls)
    {
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < calls; i++)
        {
            subject.Call();
        }

        return Stopwatch.GetElapsedTime(began).TotalNanoseconds / ((double)calls * subject.OperationsPerCall);
    }
}
