extern alias unfenced;

using System.Diagnostics;
using System.Globalization;
using UnfencedCalls = unfenced::PamuFastPath.Litmus.Calls;
using UnfencedFault = unfenced::PamuFastPath.Litmus.Fault;
using UnfencedRace = unfenced::PamuFastPath.Litmus.PublicationRace;

namespace PamuFastPath.Litmus;

/// <summary>One race: against the engine as it is, or without its barrier.</summary>
internal sealed record Race(bool HasBarrier, Calls Calls, Fault Fault);

/// <summary>How a race ended.</summary>
/// <param name="Violation">What was wrong, or null.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Sections">Sections that readers entered; 0 after a crash.</param>
/// <param name="Publications">Tables that the writer published; 0 after a crash.</param>
internal sealed record RaceResult(string? Violation, double Seconds, long Sections, long Publications);

/// <summary>Runs a race in a process of its own: a broken one reads freed memory, which may be gone.</summary>
internal static class RaceProcess
{
    internal const string Command = "race";

    internal static RaceResult Start(Race race, TimeSpan duration, int readers)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        string[] arguments =
        [
            "exec", typeof(RaceProcess).Assembly.Location, Command, race.HasBarrier.ToString(), race.Calls.ToString(), race.Fault.ToString(),
            duration.TotalMilliseconds.ToString(CultureInfo.InvariantCulture), readers.ToString(CultureInfo.InvariantCulture),
        ];
        Array.ForEach(arguments, start.ArgumentList.Add);
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0"; // a crash on purpose leaves no dump behind
        using Process process = Process.Start(start) ?? throw new InvalidOperationException("the race did not start");
        var clock = Stopwatch.StartNew();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string[] answer = process.StandardOutput.ReadToEnd().Split('|');
        process.WaitForExit();
        return process.ExitCode == 0 && answer is [string seconds, string sections, string publications, string violation]
            ? new RaceResult(
                violation.Length == 0 ? null : violation,
                double.Parse(seconds, CultureInfo.InvariantCulture),
                long.Parse(sections, CultureInfo.InvariantCulture),
                long.Parse(publications, CultureInfo.InvariantCulture))
            : new RaceResult($"crashed ({process.ExitCode}): {error.Result.Split('\n')[0]}", clock.Elapsed.TotalSeconds, 0, 0);
    }

    /// <summary>In the process: runs the race and says how it ended.</summary>
    internal static int Run(Race race, TimeSpan duration, int readers)
    {
        var clock = Stopwatch.StartNew();
        (string? violation, long sections, long publications) = race.HasBarrier ? Fenced(race, duration, readers) : Unfenced(race, duration, readers);
        Console.Write(string.Create(CultureInfo.InvariantCulture, $"{clock.Elapsed.TotalSeconds}|{sections}|{publications}|{violation}"));
        return 0;
    }

    private static (string? Violation, long Sections, long Publications) Fenced(Race race, TimeSpan duration, int readers)
    {
        using var fenced = new PublicationRace(race.Calls, race.Fault);
        return fenced.Run(duration, readers);
    }

    private static (string? Violation, long Sections, long Publications) Unfenced(Race race, TimeSpan duration, int readers)
    {
        using var unfenced = new UnfencedRace((UnfencedCalls)race.Calls, (UnfencedFault)race.Fault);
        return unfenced.Run(duration, readers);
    }
}
