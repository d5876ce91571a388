using System.Diagnostics;
using System.Globalization;
using PamuFastPath.Fuzz.Mutate;
using PamuFastPath.Fuzz.Targets;

namespace PamuFastPath.Fuzz.Run;

/// <summary>Starts the worker, and knows which input it was when the worker crashes or hangs.</summary>
internal static class Supervisor
{
    /// <summary>One input may take that much of the processor before it counts as a hang, or that long without using the processor.</summary>
    private static readonly TimeSpan Busy = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan MinimizeBudget = TimeSpan.FromMinutes(2);

    /// <summary>What an input may make the worker allocate, in hex.</summary>
    private const string HeapLimit = "0x40000000";

    /// <summary>
    /// Bytes, in hex, from which an object is a large one, and of the youngest generation. An engine's fault log is a large object by default, and engines are
    /// made by the thousand: a fifth of the time went into collecting them.
    /// </summary>
    private const string LargeObject = "0x800000";
    private const string Youngest = "0x2000000";

    /// <summary>How a worker ended.</summary>
    /// <param name="ExitCode">Its exit code; null: it was ended because it hung.</param>
    /// <param name="Words">The last it said.</param>
    private sealed record Ending(int? ExitCode, string Words)
    {
        internal bool IsCrash => ExitCode is not (Fuzz.ExitCode.NothingFound or Fuzz.ExitCode.Found or Fuzz.ExitCode.BadUsage or Fuzz.ExitCode.Skipped);
    }

    internal static int Run(FuzzOptions options)
    {
        Console.WriteLine(options.Replay == null
            ? $"{options.Target}: seed {options.Seed.ToString(CultureInfo.InvariantCulture)}, {options.Seconds} s"
            : $"{options.Target}: replay of {options.Replay}");
        string program = InstrumentedCopy.Make();
        string scratch = Directory.CreateTempSubdirectory("pamu-fuzz-").FullName;
        try
        {
            string sharedPath = Path.Combine(scratch, "input");
            using var shared = new SharedInput(sharedPath);
            var clock = Stopwatch.StartNew();
            Ending ending = RunWorker(program, options, sharedPath, shared, scratch, isQuiet: false);
            return ending.IsCrash ? Report(options, program, shared, scratch, ending, clock.Elapsed) : ending.ExitCode!.Value;
        }
        finally
        {
            Directory.Delete(scratch, recursive: true);
        }
    }

    private static int Report(FuzzOptions options, string program, SharedInput shared, string scratch, Ending ending, TimeSpan after)
    {
        byte[] input = shared.Current;
        long count = shared.Count;
        string what = ending.ExitCode == null ? "hang" : $"crash, exit code {ending.ExitCode}";
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{options.Target}: FOUND: {what}: seed {options.Seed}, input {count:#,0} after {after.TotalSeconds:0.0} s"));
        Console.WriteLine(ending.Words);
        string candidateFile = Path.Combine(scratch, "candidate");
        bool EndsSo(byte[] candidate)
        {
            File.WriteAllBytes(candidateFile, candidate);
            Ending other = RunWorker(program, options.WithReplay(candidateFile), Path.Combine(scratch, "input"), shared, scratch, isQuiet: true);
            return other.IsCrash && other.ExitCode == ending.ExitCode;
        }

        using FuzzTarget shape = TargetList.Shape(options.Target);
        bool isRepeatable = EndsSo(input);
        byte[] small = isRepeatable ? Minimizer.Minimize(input, shape, EndsSo, MinimizeBudget) : input;
        string how = isRepeatable ? "made smaller" : "does not happen again by itself";
        Console.WriteLine($"{how}: {Findings.Write(options, small, shape.Extension)}, {small.Length} bytes");
        return Fuzz.ExitCode.Found;
    }

    private static Ending RunWorker(string program, FuzzOptions options, string sharedPath, SharedInput shared, string scratch, bool isQuiet)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("exec");
        start.ArgumentList.Add(program);
        foreach (string argument in options.ForWorker(sharedPath, options.Seconds))
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        start.Environment["DOTNET_GCHeapHardLimit"] = HeapLimit;
        start.Environment["DOTNET_GCLOHThreshold"] = LargeObject;
        start.Environment["DOTNET_GCgen0size"] = Youngest;
        start.Environment["TMPDIR"] = scratch;
        using Process process = Process.Start(start) ?? throw new InvalidOperationException("the worker did not start");
        var words = new Queue<string>();
        void Hear(string? line)
        {
            if (line == null)
            {
                return;
            }

            lock (words)
            {
                words.Enqueue(line);
                while (words.Count > 40)
                {
                    words.Dequeue();
                }
            }

            if (!isQuiet)
            {
                Console.WriteLine(line);
            }
        }

        process.OutputDataReceived += (_, line) => Hear(line.Data);
        process.ErrorDataReceived += (_, line) => Hear(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        bool hasHung = !WaitFor(process, shared);
        if (hasHung)
        {
            process.Kill();
        }

        process.WaitForExit();
        lock (words)
        {
            return new Ending(hasHung ? null : process.ExitCode, string.Join('\n', isQuiet ? words : []));
        }
    }

    /// <returns>False if it hangs in one input.</returns>
    private static bool WaitFor(Process process, SharedInput shared)
    {
        long count = -1;
        TimeSpan busySince = default;
        var sinceNext = Stopwatch.StartNew();
        while (!process.WaitForExit(Poll))
        {
            TimeSpan busy = BusyTime(process);
            if (shared.Count != count)
            {
                (count, busySince) = (shared.Count, busy);
                sinceNext.Restart();
            }
            else if (busy - busySince > Busy || (sinceNext.Elapsed > Idle && busy - busySince < TimeSpan.FromSeconds(1)))
            {
                return false;
            }
        }

        return true;
    }

    private static TimeSpan BusyTime(Process process)
    {
        try
        {
            process.Refresh();
            return process.TotalProcessorTime;
        }
        catch (InvalidOperationException)
        {
            return default; // it has just ended
        }
    }
}
