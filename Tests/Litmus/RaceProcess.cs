extern alias unfenced;

using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using UnfencedCalls = unfenced::PamuFastPath.Litmus.Calls;
using UnfencedFault = unfenced::PamuFastPath.Litmus.Fault;
using UnfencedRace = unfenced::PamuFastPath.Litmus.PublicationRace;

namespace PamuFastPath.Litmus;

/// <summary>One race: against the engine as it is, or without its barrier.</summary>
internal sealed record Race(bool HasBarrier, Calls Calls, Fault Fault);

/// <summary>Runs a race in a process of its own: a broken one reads freed memory, which may be gone.</summary>
internal static class RaceProcess
{
    internal const string Command = "race";

    /// <summary>What starting and ending may take besides, on a busy machine.</summary>
    private static readonly TimeSpan Leeway = TimeSpan.FromSeconds(60);

    internal static RaceEnd Start(Race race, TimeSpan duration, int readers)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        string[] arguments =
        [
            "exec", typeof(RaceProcess).Assembly.Location, Command, race.HasBarrier.ToString(), race.Calls.ToString(), race.Fault.ToString(),
            duration.TotalMilliseconds.ToString(CultureInfo.InvariantCulture), readers.ToString(CultureInfo.InvariantCulture),
        ];
        Array.ForEach(arguments, start.ArgumentList.Add);
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0"; // a crash on purpose leaves no dump behind
        var clock = Stopwatch.StartNew();
        try
        {
            using Process process = Process.Start(start)!; // null is for documents that a running program opens
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            Task<string> error = process.StandardError.ReadToEndAsync();
            bool hasEnded = process.WaitForExit(duration + Leeway);
            if (!hasEnded)
            {
                process.Kill();
            }

            process.WaitForExit();
            return RaceEnd.Of(hasEnded ? process.ExitCode : null, output.Result, error.Result, clock.Elapsed.TotalSeconds);
        }
        catch (Win32Exception e)
        {
            return new RaceEnd(RaceOutcome.Error, $"not started: {e.Message}", 0);
        }
    }

    /// <summary>In the process: runs the race and says how it ended. Exceptions end the process, which the other side takes for an error.</summary>
    internal static int Run(Race race, TimeSpan duration, int readers)
    {
        var clock = Stopwatch.StartNew();
        (string? violation, long sections, long publications) = race.HasBarrier ? Fenced(race, duration, readers) : Unfenced(race, duration, readers);
        Console.WriteLine(RaceEnd.Report(clock.Elapsed.TotalSeconds, sections, publications, violation));
        return violation == null ? RaceEnd.HeldCode : RaceEnd.ViolatedCode;
    }

    private static void SayStarted() => Console.WriteLine(RaceEnd.Started); // it flushes: a crash loses nothing

    private static (string? Violation, long Sections, long Publications) Fenced(Race race, TimeSpan duration, int readers)
    {
        using var fenced = new PublicationRace(race.Calls, race.Fault);
        return fenced.Run(duration, readers, SayStarted);
    }

    private static (string? Violation, long Sections, long Publications) Unfenced(Race race, TimeSpan duration, int readers)
    {
        using var unfenced = new UnfencedRace((UnfencedCalls)race.Calls, (UnfencedFault)race.Fault);
        return unfenced.Run(duration, readers, SayStarted);
    }
}
