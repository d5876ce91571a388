using System.Diagnostics;
using System.Globalization;
using PamuFastPath.Fuzz.Mutate;
using PamuFastPath.Fuzz.Targets;

namespace PamuFastPath.Fuzz.Run;

/// <summary>Runs inputs in this process, whose assemblies under test count their branches: keeps what reaches new ones, and changes it further.</summary>
internal sealed class Worker : IDisposable
{
    private static readonly TimeSpan MinimizeBudget = TimeSpan.FromSeconds(10);

    private readonly FuzzOptions _options;
    private readonly SharedInput _shared;
    private readonly Coverage _coverage = new();
    private readonly FuzzTarget _target;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly List<(byte[] Input, List<int> Reached)> _kept = [];
    private long _count;

    private Worker(FuzzOptions options)
    {
        _options = options;
        _shared = new SharedInput(options.SharedInput!);
        _coverage.Begin(); // before the target touches anything that is instrumented
        using (new PamuEngine())
        {
            // What engines share is there now, and no input leaves it behind.
        }

        _target = TargetList.Make(options.Target);
    }

    internal static int Run(FuzzOptions options)
    {
        try
        {
            using var worker = new Worker(options);
            return options.Replay != null ? worker.Replay(File.ReadAllBytes(options.Replay)) : worker.Fuzz();
        }
        catch (TargetSkippedException skipped)
        {
            Console.WriteLine($"{options.Target}: skipped: {skipped.Message}");
            return ExitCode.Skipped;
        }
    }

    public void Dispose()
    {
        _target.Dispose();
        _shared.Dispose();
    }

    private int Replay(byte[] input)
    {
        if (Try(input) is not Exception wrong)
        {
            Console.WriteLine($"{_options.Target}: {input.Length} bytes, nothing found");
            return ExitCode.NothingFound;
        }

        Console.WriteLine(wrong);
        return ExitCode.Found;
    }

    private int Fuzz()
    {
        var random = new Random(_options.Seed);
        foreach (byte[] seed in Corpus.Read(_options.Corpus!).Concat(_target.Seeds()))
        {
            if (Consider(seed, keepAnyway: true) is int found)
            {
                return found;
            }
        }

        if (_kept.Count == 0)
        {
            throw new UsageException($"{_options.Corpus}: there is nothing to begin with");
        }

        while (_clock.Elapsed.TotalSeconds < _options.Seconds)
        {
            byte[] input = _target.Mutate(random, Pick(random), Pick(random));
            if (input.Length <= _target.LengthMax && Consider(input, keepAnyway: false) is int found)
            {
                return found;
            }
        }

        if (_options.Grow)
        {
            Corpus.Write(_options.Corpus!, _target.Extension, Corpus.Cover(_kept));
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{_options.Target}: nothing found: seed {_options.Seed}, {_count:#,0} inputs in {_clock.Elapsed.TotalSeconds:0} s, "
            + $"{_coverage.BranchCount:#,0} branches, {_kept.Count:#,0} inputs kept"));
        return ExitCode.NothingFound;
    }

    /// <summary>Late ones more often: they reached what the early ones did not.</summary>
    private byte[] Pick(Random random)
    {
        int first = random.Next(2) == 0 ? 0 : _kept.Count * 3 / 4;
        return _kept[random.Next(first, _kept.Count)].Input;
    }

    /// <summary>Runs an input, and keeps it if it is worth it.</summary>
    /// <returns>An exit code if it found something.</returns>
    private int? Consider(byte[] input, bool keepAnyway)
    {
        if (Try(input) is Exception wrong)
        {
            return Report(input, wrong);
        }

        List<int> reached = _coverage.Reached();
        if (keepAnyway || (_coverage.HasNew(reached) && _target.IsDeterministic(input)))
        {
            // Once more: threads of the runtime count in between.
            _ = Try(input);
            List<int> again = _coverage.Reached();
            if (keepAnyway || _coverage.NewInBoth(reached, again).Count > 0)
            {
                reached = [.. reached.Intersect(again)];
                _coverage.Add(reached);
                _kept.Add((input, reached));
            }
        }

        return null;
    }

    private Exception? Try(byte[] input)
    {
        _count++;
        _shared.Begin(input);
        _coverage.Clear();
#pragma warning disable CA1031 // whatever comes out of a target is a finding
        try
        {
            _target.Run(input);
            return null;
        }
        catch (Exception wrong)
        {
            return wrong;
        }
#pragma warning restore CA1031
    }

    private int Report(byte[] input, Exception wrong)
    {
        double seconds = _clock.Elapsed.TotalSeconds;
        long count = _count;
        string kind = FindingKind.Of(wrong);
        byte[] small = Minimizer.Minimize(input, _target, candidate => Try(candidate) is Exception same && FindingKind.Of(same) == kind, MinimizeBudget);
        string file = Findings.Write(_options, small, _target.Extension);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{_options.Target}: FOUND: seed {_options.Seed}, input {count:#,0} after {seconds:0.0} s, {small.Length} bytes, made smaller: {file}"));
        Console.WriteLine((Try(small) ?? wrong).ToString());
        return ExitCode.Found;
    }
}
