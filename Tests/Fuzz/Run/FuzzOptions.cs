using System.Globalization;
using PamuFastPath.Fuzz.Targets;

namespace PamuFastPath.Fuzz.Run;

/// <summary>What was asked for cannot be done; one line says why.</summary>
internal sealed class UsageException(string line) : Exception(line);

/// <summary>The command line.</summary>
internal sealed record FuzzOptions
{
    internal string Target { get; private init; } = "";

    internal int Seconds { get; private init; }

    /// <summary>What random numbers begin with. Printed, and chosen at random if not given.</summary>
    internal int Seed { get; private init; } = Random.Shared.Next();

    /// <summary>Where inputs are read from to begin with; null: the ones in the repository.</summary>
    internal string? Corpus { get; private init; }

    /// <summary>Whether the corpus is replaced by a small one that reaches as much as this run did.</summary>
    internal bool Grow { get; private init; }

    /// <summary>Where inputs that found something are written.</summary>
    internal string Findings { get; private init; } = Path.Combine("artifacts", "fuzz");

    /// <summary>An input to run by itself.</summary>
    internal string? Replay { get; private init; }

    /// <summary>Set by the supervisor for its worker: the file in which the worker leaves each input before it runs it.</summary>
    internal string? SharedInput { get; private init; }

    internal static FuzzOptions Parse(string[] args)
    {
        var options = new FuzzOptions();
        for (int i = 0; i < args.Length; i++)
        {
            string name = args[i];
            if (name == "--grow")
            {
                options = options with { Grow = true };
                continue;
            }

            string value = ++i < args.Length ? args[i] : throw new UsageException($"{name} takes a value");
            options = name switch
            {
                "--target" => options with { Target = value },
                "--seconds" => options with { Seconds = Number(name, value) },
                "--seed" => options with { Seed = Number(name, value) },
                "--corpus" => options with { Corpus = value },
                "--findings" => options with { Findings = value },
                "--replay" => options with { Replay = value },
                "--shared-input" => options with { SharedInput = value },
                _ => throw new UsageException($"unknown argument {name}"),
            };
        }

        return options.Check();
    }

    /// <summary>The same run, for a worker.</summary>
    internal IEnumerable<string> ForWorker(string sharedInput, int seconds)
    {
        yield return "--target";
        yield return Target;
        yield return "--seed";
        yield return Seed.ToString(CultureInfo.InvariantCulture);
        yield return "--findings";
        yield return Findings;
        yield return "--shared-input";
        yield return sharedInput;
        yield return "--corpus";
        yield return Corpus ?? Repository.CorpusOf(Target);
        if (Replay != null)
        {
            yield return "--replay";
            yield return Replay;
        }
        else
        {
            yield return "--seconds";
            yield return seconds.ToString(CultureInfo.InvariantCulture);
        }

        if (Grow)
        {
            yield return "--grow";
        }
    }

    internal FuzzOptions WithReplay(string file) => this with { Replay = file, Grow = false };

    private static int Number(string name, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw new UsageException($"{name}: {value} is no number");

    private FuzzOptions Check()
    {
        if (!TargetList.Names.Contains(Target))
        {
            throw new UsageException(Target.Length == 0 ? "--target says what is fuzzed" : $"there is no target {Target}");
        }

        if (Replay == null && Seconds == 0)
        {
            throw new UsageException("--seconds says for how long");
        }

        return Replay == null || File.Exists(Replay) ? this : throw new UsageException($"--replay: there is no file {Replay}");
    }
}
