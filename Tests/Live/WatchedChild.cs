using System.Globalization;
using System.Text.Json;
using PamuFastPath.Diagnostics;

namespace PamuFastPath.Tests.Live;

/// <summary>
/// A small emulator to be watched, in a process of its own: readers come and go and count for themselves what they do, a control thread maps and
/// unmaps. Obeys lines on standard input: <c>look</c> prints what the process holds, <c>stop</c> stops the threads and prints what they counted,
/// <c>end</c> disposes of the engine and ends.
/// </summary>
internal static class WatchedChild
{
    private const ulong WindowBytes = 0x1_0000;
    private const uint Windows = 64;
    private const int Liodn = 0x42;

    public static int Run(int threads)
    {
        var engine = new PamuEngine(new PamuPlatform { Counting = AccessCounting.On });
        PamuContainer container = engine.CreateContainer();
        container.SetGeometry(0, Windows * WindowBytes - 1);
        container.SetWindows(Windows);
        container.MapDma(0x10_0000, 0, 8 * WindowBytes, DmaPermissions.Read);
        container.MapMsiBank(1, 16 * WindowBytes);
        engine.CreateGroup(0, [Liodn], [1]).Attach(container);

        var tallies = new Tally[threads];
        using var stop = new CancellationTokenSource();
        Thread[] readers = [.. Enumerable.Range(0, threads).Select(i => new Thread(() => tallies[i] = Translate(engine, i, stop.Token)))];
        long calls = 0;
        var vcpu = new Thread(() => calls = MapAndUnmap(container, stop.Token));
        Array.ForEach(readers, static reader => reader.Start());
        vcpu.Start();
        Console.WriteLine("running");

        while (Console.ReadLine() is string line && line != "end")
        {
            switch (line)
            {
                case "look":
                    Console.WriteLine(Held());
                    break;
                case "stop":
                    stop.Cancel();
                    Array.ForEach(readers, static reader => reader.Join());
                    vcpu.Join();
                    Tally sum = tallies.Aggregate(static (a, b) => a + b);
                    ControlCounts control = engine.GetStatistics().Control;
                    Console.WriteLine(JsonSerializer.Serialize(sum with { ControlCalls = control.Calls, Own = calls }));
                    break;
            }
        }

        stop.Cancel();
        Array.ForEach(readers, static reader => reader.Join());
        vcpu.Join();
        engine.Dispose();
        return 0;
    }

    private static Tally Translate(PamuEngine engine, int seed, CancellationToken stop)
    {
        var random = new Random(seed);
        var tally = new Tally();
        while (!stop.IsCancellationRequested)
        {
            using PamuReader reader = engine.CreateReader();
            for (int i = 0; i < 500; i++)
            {
                ulong iova = (ulong)random.Next(20) * WindowBytes + 0x40;
                ulong length = (ulong)random.Next(1, 256);
                DmaAccess access = random.Next(4) == 0 ? DmaAccess.Write : DmaAccess.Read;
                Translation answer = reader.Translate((uint)Liodn, iova, length, access);
                tally = answer switch
                {
                    { IsDma: true } when access == DmaAccess.Read => tally with { Hits = tally.Hits + 1, BytesRead = tally.BytesRead + length },
                    { IsDma: true } => tally with { Hits = tally.Hits + 1, BytesWritten = tally.BytesWritten + length },
                    { IsMsi: true } => tally with { Messages = tally.Messages + 1 },
                    _ => tally with { Faults = tally.Faults + 1 },
                };
            }

            Thread.Yield();
        }

        return tally;
    }

    private static long MapAndUnmap(PamuContainer container, CancellationToken stop)
    {
        long calls = 0;
        while (!stop.IsCancellationRequested)
        {
            container.MapDma(0x20_0000, 9 * WindowBytes, WindowBytes, DmaPermissions.ReadWrite);
            container.UnmapDma(9 * WindowBytes, WindowBytes);
            calls += 2;
            Thread.Sleep(1);
        }

        return calls;
    }

    /// <summary>What a leak would show in: descriptors, threads, native blocks of the engine, the managed heap, and whether somebody listens.</summary>
    private static string Held()
    {
        const string Threads = "Threads:";
        string threads = File.ReadLines("/proc/self/status").First(static line => line.StartsWith(Threads, StringComparison.Ordinal))[Threads.Length..];
        GC.Collect();
        return JsonSerializer.Serialize(new Holding(
            Directory.GetFileSystemEntries("/proc/self/fd").Length,
            int.Parse(threads, CultureInfo.InvariantCulture),
            NativeBlocks.LiveCount,
            GC.GetTotalMemory(forceFullCollection: true),
            PamuEventSource.Log.IsEnabled()));
    }
}

/// <summary>What the threads of the child did, as they saw it themselves.</summary>
internal sealed record Tally
{
    public ulong Hits { get; init; }

    public ulong BytesRead { get; init; }

    public ulong BytesWritten { get; init; }

    public ulong Messages { get; init; }

    public ulong Faults { get; init; }

    /// <summary>All control calls of the engine.</summary>
    public ulong ControlCalls { get; init; }

    /// <summary>Those of the control thread.</summary>
    public long Own { get; init; }

    public static Tally operator +(Tally a, Tally b) => new()
    {
        Hits = a.Hits + b.Hits,
        BytesRead = a.BytesRead + b.BytesRead,
        BytesWritten = a.BytesWritten + b.BytesWritten,
        Messages = a.Messages + b.Messages,
        Faults = a.Faults + b.Faults,
    };
}

/// <summary>What the child holds.</summary>
internal sealed record Holding(int Descriptors, int Threads, long NativeBlocks, long ManagedBytes, bool IsListenedTo);
