extern alias accepted;

using System.Diagnostics;
using System.Globalization;
using System.Runtime;
using System.Runtime.InteropServices;
using System.Text.Json;
using PamuFastPath.Bench.Measure;
using AcceptedWorkloads = accepted::PamuFastPath.Bench.Gate.GateWorkloads;

namespace PamuFastPath.Bench.Gate;

/// <summary>
/// One measuring process. Code and data placement, the order in which the two sides are compiled and that of the turns all follow from
/// its seed, and differ from process to process.
/// </summary>
internal static unsafe class GateProcess
{
    /// <summary>The first argument that makes this program a measuring process.</summary>
    internal const string Command = "gate-process";

    private const int Rounds = 200;
    private const int AllocationCalls = 100;
    private const int PlacementBytesMax = 1 << 16;

    private static readonly TimeSpan SampleTime = TimeSpan.FromMicroseconds(150);
    private static readonly TimeSpan WarmUp = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    /// <summary>Starts a process, waits for it and returns what it measured.</summary>
    /// <param name="seed">Decides placement and order.</param>
    /// <param name="names">The benchmarks to measure; empty for all.</param>
    internal static Dictionary<string, GateMeasurement> Measure(int seed, IReadOnlyCollection<string> names)
    {
        string program = Environment.ProcessPath ?? throw new InvalidOperationException("the path of this program is unknown");
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
        {
            start.ArgumentList.Add(typeof(GateProcess).Assembly.Location);
        }

        start.ArgumentList.Add(Command);
        start.ArgumentList.Add(seed.ToString(CultureInfo.InvariantCulture));
        foreach (string name in names)
        {
            start.ArgumentList.Add(name);
        }

        // Profiles are taken at run time, so two copies of the same code may be optimised differently. Without, both get the same code.
        start.Environment["DOTNET_TieredPGO"] = "0";
        start.Environment["DOTNET_TC_CallCountingDelayMs"] = "0";

        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start");
        using var watchdog = new Timer(_ => process.Kill(), null, Limit, Timeout.InfiniteTimeSpan);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? JsonSerializer.Deserialize<List<GateMeasurement>>(output)!.ToDictionary(measurement => measurement.Name)
            : throw new InvalidOperationException($"a measuring process ended with exit code {process.ExitCode}");
    }

    /// <summary>The process itself: measures, and writes JSON to standard output.</summary>
    internal static int Run(ReadOnlySpan<string> args)
    {
        int seed = int.Parse(args[0], CultureInfo.InvariantCulture);
        string[] names = args[1..].ToArray();
        var random = new Random(seed);
        byte* shared = (byte*)NativeMemory.AlignedAlloc(GateWorkloads.SharedBytes, 4096);

        // Never freed: it moves what is allocated after it.
        _ = NativeMemory.Alloc((nuint)random.Next(PlacementBytesMax));
        GateWorkloads now;
        AcceptedWorkloads accepted;
        if (seed % 2 == 0)
        {
            now = new GateWorkloads(shared);
            _ = NativeMemory.Alloc((nuint)random.Next(PlacementBytesMax));
            accepted = new AcceptedWorkloads(shared);
        }
        else
        {
            accepted = new AcceptedWorkloads(shared);
            _ = NativeMemory.Alloc((nuint)random.Next(PlacementBytesMax));
            now = new GateWorkloads(shared);
        }

        Pair[] pairs = [.. Pairs(now, accepted).Where(pair => names.Length == 0 || names.Contains(pair.Name))];
        CompileAll([.. pairs], random, seed % 2 == 0);
        GCSettings.LatencyMode = GCLatencyMode.SustainedLowLatency;
        GateMeasurement[] measurements = [.. pairs.Select(pair => Measure(pair, random))];
        now.Dispose();
        accepted.Dispose();
        NativeMemory.AlignedFree(shared);
        Console.Out.Write(JsonSerializer.Serialize(measurements));
        return 0;
    }

    private static IEnumerable<Pair> Pairs(GateWorkloads now, AcceptedWorkloads accepted)
    {
        List<GateWorkload> today = now.All();
        var before = accepted.All().ToDictionary(workload => workload.Name, workload => workload);
        foreach (GateWorkload workload in today)
        {
            before.Remove(workload.Name, out var frozen);
            yield return new Pair(
                workload.Name,
                workload.FloorNanoseconds,
                workload.IsDataPath,
                new Subject(workload.Name, workload.OperationsPerCall, workload.Call),
                frozen == null ? null : new Subject(frozen.Name, frozen.OperationsPerCall, frozen.Call));
        }

        foreach (var gone in before.Values)
        {
            yield return new Pair(
                gone.Name,
                gone.FloorNanoseconds,
                gone.IsDataPath,
                null,
                new Subject(gone.Name, gone.OperationsPerCall, gone.Call));
        }
    }

    /// <summary>Runs everything in turns until a whole turn compiles nothing new: from then on all code is in its last tier.</summary>
    private static void CompileAll(Pair[] pairs, Random random, bool nowFirst)
    {
        const int TurnsMax = 50;
        random.Shuffle(pairs);
        for (int turn = 0, quiet = 0; turn < TurnsMax && quiet < 3; turn++)
        {
            long before = JitInfo.GetCompiledMethodCount();
            foreach (Pair pair in pairs)
            {
                Subject?[] sides = nowFirst ? [pair.Now, pair.Accepted] : [pair.Accepted, pair.Now];
                foreach (Subject? side in sides)
                {
                    for (int call = 0; side != null && call < 40; call++)
                    {
                        side.Call();
                    }
                }
            }

            Thread.Sleep(10);
            quiet = JitInfo.GetCompiledMethodCount() == before ? quiet + 1 : 0;
        }
    }

    private static GateMeasurement Measure(Pair pair, Random random)
    {
        Subject[] subjects = [.. new[] { pair.Now, pair.Accepted }.OfType<Subject>()];
        Samples[] samples = new Interleaved(SampleTime, Rounds, WarmUp, random).Run(subjects);
        double[] Of(Subject? subject) => Array.Find(samples, s => s.Subject == subject)?.Nanoseconds ?? [];
        return new GateMeasurement(
            pair.Name,
            pair.FloorNanoseconds,
            pair.IsDataPath,
            [new ProcessSamples(Of(pair.Accepted), Of(pair.Now), pair.Now == null ? 0 : AllocatedBytes.Of(AllocationCalls, pair.Now.Call))]);
    }

    /// <summary>The two sides of one benchmark; one may be absent.</summary>
    private sealed record Pair(string Name, double FloorNanoseconds, bool IsDataPath, Subject? Now, Subject? Accepted);
}
