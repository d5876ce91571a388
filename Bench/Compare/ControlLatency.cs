using System.Diagnostics;
using PamuFastPath.Bench.Measure;
using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Compare;

/// <summary>
/// How long control calls take while a reader on another core is busy in short sections: from the call of MAP until the reader's first
/// hit, and from the call of UNMAP until it returns.
/// </summary>
internal sealed class ControlLatency : IDisposable
{
    private const int Calls = 4000;
    private const int WarmUpCalls = 500;
    private const double UnmapP99Max = 50_000;
    private const int Window = 8;

    private static readonly (string Name, double Quantile)[] Quantiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1)];

    private readonly BenchTable _table = new();
    private readonly Thread _thread;
    private long _seenAt;
    private volatile int _round;
    private volatile int _seenRound;
    private volatile bool _stop;

    private ControlLatency()
    {
        _table.Unmap(Window);
        _thread = new Thread(Read) { Name = "busy reader", IsBackground = true };
        _thread.Start();
    }

    internal static IEnumerable<ComparisonRow> Run()
    {
        using var latency = new ControlLatency();
        latency.Measure(WarmUpCalls);
        (Distribution visible, Distribution mapped, Distribution unmapped) = latency.Measure(Calls);
        const string Group = "control calls, a reader busy in short sections";
        return Rows(Group, "MAP visible to the reader", visible, null)
            .Concat(Rows(Group, "MAP returned", mapped, null))
            .Concat(Rows(Group, "UNMAP returned", unmapped, UnmapP99Max));
    }

    public void Dispose()
    {
        _stop = true;
        _thread.Join();
        _table.Dispose();
    }

    private static IEnumerable<ComparisonRow> Rows(string group, string what, Distribution times, double? p99Max) =>
        Quantiles.Select(q =>
        {
            double value = times.Quantile(q.Quantile);
            double? limit = q.Name == "p99" ? p99Max : null;
            string target = limit is double l ? $"< {l:F0} ns" : "";
            return new ComparisonRow(group, $"{what}, {q.Name} of {times.Count}", null, target, value, times.Spread)
            {
                IsMet = limit == null ? null : value < limit,
            };
        });

    private (Distribution Visible, Distribution Mapped, Distribution Unmapped) Measure(int calls)
    {
        double[] visible = new double[calls];
        double[] mapped = new double[calls];
        double[] unmapped = new double[calls];
        for (int i = 0; i < calls; i++)
        {
            _round++;
            long began = Stopwatch.GetTimestamp();
            _table.Map(Window);
            long returned = Stopwatch.GetTimestamp();
            SpinWait.SpinUntil(() => _seenRound == _round);
            visible[i] = Nanoseconds(_seenAt - began);
            mapped[i] = Nanoseconds(returned - began);

            began = Stopwatch.GetTimestamp();
            _table.Unmap(Window);
            unmapped[i] = Nanoseconds(Stopwatch.GetTimestamp() - began);
        }

        return (new Distribution(visible), new Distribution(mapped), new Distribution(unmapped));
    }

    private void Read()
    {
        using PamuReader reader = _table.Engine.CreateReader();
        while (!_stop)
        {
            // The round is read first: it began after the UNMAP before, so that a hit can only be of its own MAP.
            int round = _round;
            bool hit = reader.Translate(_table.Container, Window * _table.WindowBytes, 64, DmaAccess.Read).IsDma;
            if (hit && _seenRound != round)
            {
                _seenAt = Stopwatch.GetTimestamp();
                _seenRound = round; // release: the stamp is there when the round is
            }
        }
    }

    private static double Nanoseconds(long ticks) => ticks * (1e9 / Stopwatch.Frequency);
}
