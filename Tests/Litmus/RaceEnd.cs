using System.Globalization;

namespace PamuFastPath.Litmus;

/// <summary>What a race says about its protocol.</summary>
internal enum RaceOutcome
{
    /// <summary>Nothing was wrong for as long as it ran.</summary>
    Held,

    /// <summary>A reader was in a table that it must not be in: the race saw it, or died of it.</summary>
    Violated,

    /// <summary>Nothing: the race did not start, threw, was killed, or did not end.</summary>
    Error,
}

/// <summary>How a race ended, as far as its process tells.</summary>
/// <param name="Outcome">What follows from it.</param>
/// <param name="What">What was wrong; empty if it held.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Sections">Sections that readers entered; 0 after a crash or an error.</param>
/// <param name="Publications">Tables that the writer published; 0 after a crash or an error.</param>
internal sealed record RaceEnd(RaceOutcome Outcome, string What, double Seconds, long Sections = 0, long Publications = 0)
{
    /// <summary>The line that a race prints when all its readers have been in a section and the writer is about to begin.</summary>
    internal const string Started = "racing";

    /// <summary>The exit code of a race that held.</summary>
    internal const int HeldCode = 0;

    /// <summary>The exit code of a race that saw a violation.</summary>
    internal const int ViolatedCode = 5;

    private const int Abort = 134; // 128 and the signal's number
    private const int BusError = 135;
    private const int SegmentationFault = 139;
    private const int AccessViolation = unchecked((int)0xC000_0005); // Windows
    private const string Unhandled = "Unhandled exception";

    /// <summary>What the runtime and the C library say when they abort over bad memory.</summary>
    private static readonly string[] BadMemory = ["AccessViolationException", "malloc()", "free()", "double free", "corrupted"];

    /// <summary>Judges a race by its process. Only a race that had started can have violated anything.</summary>
    /// <param name="exitCode">Its exit code; null if it did not end and was killed.</param>
    /// <param name="output">All that it printed: <see cref="Started"/>, and at the end the line of <see cref="Report"/>.</param>
    /// <param name="error">All that it printed as errors.</param>
    /// <param name="seconds">How long it took from outside, for one that cannot say.</param>
    internal static RaceEnd Of(int? exitCode, string output, string error, double seconds)
    {
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        bool hasStarted = lines is [Started, ..];
        if (hasStarted && lines.Length == 1 && IsCrash(exitCode, error))
        {
            return new RaceEnd(RaceOutcome.Violated, $"crashed ({exitCode}): {Beginning(error)}", seconds);
        }

        if (hasStarted && lines.Length == 2 && Read(lines[1]) is RaceEnd end && end.Publications > 0
            && exitCode == (end.Outcome == RaceOutcome.Held ? HeldCode : ViolatedCode))
        {
            return end;
        }

        string how = exitCode == null ? "did not end" : $"exit code {exitCode}";
        return new RaceEnd(RaceOutcome.Error, $"{how}{(hasStarted ? "" : ", not started")}: {Beginning(error)}", seconds);
    }

    /// <summary>The line that a race prints at its end.</summary>
    internal static string Report(double seconds, long sections, long publications, string? violation) =>
        string.Create(CultureInfo.InvariantCulture, $"{seconds}|{sections}|{publications}|{violation}");

    private static RaceEnd? Read(string report) =>
        report.Split('|') is [string seconds, string sections, string publications, string violation]
        && double.TryParse(seconds, NumberStyles.Float, CultureInfo.InvariantCulture, out double took)
        && long.TryParse(sections, NumberStyles.None, CultureInfo.InvariantCulture, out long entered)
        && long.TryParse(publications, NumberStyles.None, CultureInfo.InvariantCulture, out long published)
            ? new RaceEnd(violation.Length == 0 ? RaceOutcome.Held : RaceOutcome.Violated, violation, took, entered, published)
            : null;

    /// <summary>An abort alone is none: exceptions that nobody catches and failed allocations end so, too.</summary>
    private static bool IsCrash(int? exitCode, string error) =>
        exitCode is SegmentationFault or BusError or AccessViolation
        || (exitCode == Abort && !error.StartsWith(Unhandled, StringComparison.Ordinal)
            && BadMemory.Any(words => error.Contains(words, StringComparison.Ordinal)));

    private static string Beginning(string error) => string.Join(' ', error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Take(2));
}
