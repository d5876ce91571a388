using System.Diagnostics;
using System.Globalization;

namespace PamuFastPath.Bench.Overhead;

/// <summary>
/// <c>attach [--cycles N]</c>: how long a reader stands still while monitors attach and detach. Cycles with and without a session take turns; in each the
/// longest gap between two looks at the clock is noted, between which the reader makes 16 translations. A shared machine stands still by itself, too: the quiet
/// cycles say for how long.
/// </summary>
internal static class AttachCommand
{
    internal const string Name = "attach";

    private const string Usage = "usage: attach [--cycles N]";
    private const int CyclesDefault = 100;
    private const int TranslationsPerLook = 16;
    private const ulong WindowBytes = 0x100_0000;

    private static readonly TimeSpan CycleTime = TimeSpan.FromMilliseconds(150);

    internal static int Run(ReadOnlySpan<string> arguments)
    {
        int cycles = CyclesDefault;
        bool isGood = arguments is [] || (arguments is ["--cycles", string text] && int.TryParse(text, CultureInfo.InvariantCulture, out cycles) && cycles > 0);
        if (!isGood)
        {
            Console.Error.WriteLine(Usage);
            return 2;
        }

        using var engine = new PamuEngine();
        PamuContainer container = engine.CreateContainer();
        container.SetGeometry(0, 16 * WindowBytes - 1);
        container.SetWindows(16);
        container.MapDma(0x10_0000_0000, 0, 16 * WindowBytes, DmaPermissions.ReadWrite);

        long longest = 0;
        bool isDone = false;
        ulong translated = 0;
        var reading = new Thread(() =>
        {
            using PamuReader reader = engine.CreateReader("bench");
            long last = Stopwatch.GetTimestamp();
            while (!Volatile.Read(ref isDone))
            {
                for (ulong i = 0; i < TranslationsPerLook; i++)
                {
                    translated += reader.Translate(container, i * WindowBytes, 64, DmaAccess.Write).IsDma ? 1u : 0u;
                }

                long now = Stopwatch.GetTimestamp();
                if (now - last > Volatile.Read(ref longest))
                {
                    Volatile.Write(ref longest, now - last);
                }

                last = now;
            }
        });
        engine.Counting = Diagnostics.AccessCounting.On;
        reading.Start();
        var quiet = new List<double>();
        var attached = new List<double>();
        for (int i = 0; i < cycles; i++)
        {
            quiet.Add(LongestGap(ref longest, static () => Thread.Sleep(CycleTime)));
            attached.Add(LongestGap(ref longest, () =>
            {
                using var looking = new Looking(engine, Look.Monitored, endsCounting: false);
                Thread.Sleep(CycleTime / 2);
            }));
        }

        Volatile.Write(ref isDone, true);
        reading.Join();
        ulong counted = container.GetStatistics().Accesses.MemoryHits;
        Print("without", quiet);
        Print("attach and detach", attached);
        Console.WriteLine($"{translated:N0} translations, {counted:N0} counted");
        return counted == translated ? 0 : 1;
    }

    private static double LongestGap(ref long longest, Action body)
    {
        Volatile.Write(ref longest, 0);
        body();
        return Volatile.Read(ref longest) * 1000.0 / Stopwatch.Frequency;
    }

    private static void Print(string name, List<double> gaps)
    {
        gaps.Sort();
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name,-20} longest gap of a cycle: median {gaps[gaps.Count / 2]:0.000} ms, 90 % {gaps[gaps.Count * 9 / 10]:0.000} ms, "
                + $"longest {gaps[^1]:0.000} ms; "
                + $"over 5 ms in {gaps.Count(static gap => gap > 5)} of {gaps.Count}"));
    }
}
