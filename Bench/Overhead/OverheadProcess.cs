extern alias accepted;

using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using PamuFastPath.Bench.Gate;
using AcceptedWorkloads = accepted::PamuFastPath.Bench.Gate.GateWorkloads;

namespace PamuFastPath.Bench.Overhead;

/// <summary>The samples of one workload under one way of looking.</summary>
/// <param name="Workload">Its name, as in the gate.</param>
/// <param name="Look">Who looks.</param>
/// <param name="Nanoseconds">Per operation, one for each round: those of one round were taken next to each other.</param>
internal sealed record OverheadSamples(string Workload, Look Look, double[] Nanoseconds);

/// <summary>
/// One measuring process. Every way of looking is measured on the same engine in the same memory, in random order within each round; only the
/// accepted engine is another one.
/// </summary>
internal static unsafe class OverheadProcess
{
    /// <summary>The first argument that makes this program a measuring process.</summary>
    internal const string Command = "overhead-process";

    private const int Rounds = 40;
    private const int PlacementBytesMax = 1 << 16;

    private static readonly TimeSpan SampleTime = TimeSpan.FromMicroseconds(300);

    /// <summary>Starts a process, waits for it and returns what it measured.</summary>
    internal static List<OverheadSamples> Measure(int seed)
    {
        string program = Environment.ProcessPath ?? throw new InvalidOperationException("the path of this program is unknown");
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
        {
            start.ArgumentList.Add(typeof(OverheadProcess).Assembly.Location);
        }

        start.ArgumentList.Add(Command);
        start.ArgumentList.Add(seed.ToString(CultureInfo.InvariantCulture));
        start.Environment["DOTNET_TieredPGO"] = "0"; // as in the gate: both engines get the same code
        start.Environment["DOTNET_TC_CallCountingDelayMs"] = "0";
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start");
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? JsonSerializer.Deserialize<List<OverheadSamples>>(output)!
            : throw new InvalidOperationException($"a measuring process ended with exit code {process.ExitCode}");
    }

    /// <summary>The process itself: measures, and writes JSON to standard output.</summary>
    internal static int Run(ReadOnlySpan<string> args)
    {
        var random = new Random(int.Parse(args[0], CultureInfo.InvariantCulture));
        byte* shared = (byte*)NativeMemory.AlignedAlloc(GateWorkloads.SharedBytes, 4096);
        _ = NativeMemory.Alloc((nuint)random.Next(PlacementBytesMax)); // never freed: it moves what is allocated after it
        var accepted = new AcceptedWorkloads(shared);
        _ = NativeMemory.Alloc((nuint)random.Next(PlacementBytesMax));
        var now = new GateWorkloads(shared);
        Dictionary<string, Action> before = accepted.All().ToDictionary(static w => w.Name, static w => w.Call);
        List<GateWorkload> workloads = now.All();
        Look[] looks = Enum.GetValues<Look>();
        int[] calls = WarmUp(now.Engine, looks, workloads, before);

        var samples = workloads.ToDictionary(static w => w.Name, _ => looks.ToDictionary(static look => look, static _ => new double[Rounds]));
        for (int round = 0; round < Rounds; round++)
        {
            random.Shuffle(looks);
            foreach (Look look in looks)
            {
                using var looking = new Looking(now.Engine, look);
                for (int i = 0; i < workloads.Count; i++)
                {
                    GateWorkload workload = workloads[i];
                    Action? call = look == Look.Accepted ? before.GetValueOrDefault(workload.Name) : workload.Call;
                    samples[workload.Name][look][round] = call == null ? double.NaN : Time(call, calls[i], workload.OperationsPerCall);
                }
            }
        }

        now.Dispose();
        accepted.Dispose();
        Console.Out.Write(JsonSerializer.Serialize(
            from workload in samples
            from look in workload.Value
            where !look.Value.Any(double.IsNaN)
            select new OverheadSamples(workload.Key, look.Key, look.Value)));
        return 0;
    }

    /// <summary>Runs everything until its code is in the last tier.</summary>
    /// <returns>How many calls of each workload make a sample.</returns>
    private static int[] WarmUp(PamuEngine engine, Look[] looks, List<GateWorkload> workloads, Dictionary<string, Action> before)
    {
        const int Turns = 8;
        for (int turn = 0; turn < Turns; turn++)
        {
            foreach (Look look in looks)
            {
                using var looking = new Looking(engine, look);
                foreach (GateWorkload workload in workloads)
                {
                    Action? call = look == Look.Accepted ? before.GetValueOrDefault(workload.Name) : workload.Call;
                    for (int i = 0; call != null && i < 40; i++)
                    {
                        call();
                    }
                }

                Thread.Sleep(20);
            }
        }

        return [.. workloads.Select(w => (int)Math.Max(1, SampleTime.TotalNanoseconds / (Time(w.Call, 20, w.OperationsPerCall) * w.OperationsPerCall)))];
    }

    private static double Time(Action call, int calls, int operations)
    {
        call(); // what the sample before left in the caches is another's
        long began = Stopwatch.GetTimestamp();
        for (int i = 0; i < calls; i++)
        {
            call();
        }

        return Stopwatch.GetElapsedTime(began).TotalNanoseconds / ((double)calls * operations);
    }
}
