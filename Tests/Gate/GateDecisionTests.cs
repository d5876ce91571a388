using PamuFastPath.Bench.Gate;

namespace PamuFastPath.Tests.Gate;

public class GateDecisionTests
{
    private const int Samples = 200;
    private const int Processes = 5;
    private const double Floor = 0.03;

    /// <summary>Per case: the time, and its factors in each process, for the accepted engine and for today's.</summary>
    public static TheoryData<string, double, double[], double[], Verdict> Cases => new()
    {
        { "the same", 1, [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], Verdict.Same },
        { "10 % slower: below the threshold", 1, [1, 1, 1, 1, 1], [1.1, 1.1, 1.1, 1.1, 1.1], Verdict.Same },
        { "30 % slower", 1, [1, 1, 1, 1, 1], [1.3, 1.3, 1.3, 1.3, 1.3], Verdict.Slower },
        { "30 % slower, hidden by placement in two processes", 1, [1, 1, 1, 1.2, 1.2], [1.3, 1.3, 1.3, 1.3, 1.3], Verdict.Slower },
        { "today's badly placed in two processes", 1, [1, 1, 1, 1, 1], [1.3, 1.3, 1, 1, 1], Verdict.Same },
        { "today's badly placed in all processes but one", 1, [1, 1, 1, 1, 1], [1.3, 1.3, 1.3, 1.3, 1], Verdict.Same },
        { "30 % faster", 1, [1, 1, 1, 1, 1], [0.7, 0.7, 0.7, 0.7, 0.7], Verdict.Faster },
        { "30 % of almost nothing: below the floor", 0.08, [1, 1, 1, 1, 1], [1.3, 1.3, 1.3, 1.3, 1.3], Verdict.Same },
        { "twice almost nothing: above the floor", 0.08, [1, 1, 1, 1, 1], [2, 2, 2, 2, 2], Verdict.Slower },
        { "30 % of a fast batch: above the floor", 0.35, [1, 1, 1, 1, 1], [1.3, 1.3, 1.3, 1.3, 1.3], Verdict.Slower },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_verdict_needs_the_threshold_the_floor_and_most_processes(
        string what, double time, double[] accepted, double[] now, Verdict verdict)
    {
        for (int seed = 0; seed < 20; seed++)
        {
            var random = new Random(seed);
            GateMeasurement measurement = Measurement(
                [.. accepted.Zip(now, (a, b) => new ProcessSamples(Noisy(time * a, random), Noisy(time * b, random), 0))]);
            Assert.True(GateDecision.Decide(measurement) == verdict, $"{what}, seed {seed}: {GateDecision.Decide(measurement)}");
        }
    }

    [Theory]
    [InlineData(1.0, Verdict.Same)]
    [InlineData(1.3, Verdict.Slower)]
    public void Spikes_decide_nothing(double factor, Verdict expected)
    {
        // A third of today's samples met another process and took ten times as long.
        var random = new Random(42);
        GateMeasurement measurement = Measurement([.. Enumerable.Range(0, Processes).Select(_ => new ProcessSamples(
            Noisy(1, random), [.. Noisy(factor, random).Select((value, i) => i % 3 == 0 ? value * 10 : value)], 0))]);

        Assert.Equal(expected, GateDecision.Decide(measurement));
    }

    [Fact]
    public void A_machine_that_slows_down_meanwhile_is_no_regression()
    {
        // Both sides take turns, so both meet the change.
        var random = new Random(42);
        double[] Slowing() => [.. Noisy(1, random).Select((value, i) => i < Samples / 2 ? value : value * 1.8)];
        GateMeasurement measurement = Measurement(
            [.. Enumerable.Range(0, Processes).Select(_ => new ProcessSamples(Slowing(), Slowing(), 0))]);

        Assert.Equal(Verdict.Same, GateDecision.Decide(measurement));
    }

    [Theory]
    [InlineData(true, Verdict.Allocates)]
    [InlineData(false, Verdict.Same)]
    public void One_byte_in_one_process_fails_a_data_path_and_only_that(bool isDataPath, Verdict expected)
    {
        var random = new Random(42);
        ProcessSamples[] processes =
            [.. Enumerable.Range(0, Processes).Select(i => new ProcessSamples(Noisy(1, random), Noisy(1, random), i == 3 ? 1 : 0))];

        Assert.Equal(expected, GateDecision.Decide(Measurement(processes) with { IsDataPath = isDataPath }));
    }

    [Theory]
    [InlineData(0, Samples, Verdict.New, false)]
    [InlineData(Samples, 0, Verdict.Missing, true)]
    public void A_benchmark_may_be_new_and_must_not_go_missing(int accepted, int now, Verdict expected, bool fails)
    {
        var random = new Random(42);
        ProcessSamples[] processes = [new(Noisy(1, random)[..accepted], Noisy(1, random)[..now], 0)];
        Verdict verdict = GateDecision.Decide(Measurement(processes));

        Assert.Equal(expected, verdict);
        Assert.Equal(fails, GateDecision.Fails(verdict));
    }

    [Fact]
    public void Slower_and_allocating_fail_the_gate_and_faster_does_not()
    {
        Verdict[] failing = [.. Enum.GetValues<Verdict>().Where(GateDecision.Fails)];

        Assert.Equal([Verdict.Slower, Verdict.Allocates, Verdict.Missing], failing);
    }

    private static GateMeasurement Measurement(IReadOnlyList<ProcessSamples> processes) =>
        new("synthetic", Floor, IsDataPath: true, processes);

    /// <summary>A few per cent of scatter, and a tail: what interleaved samples of a shared machine look like.</summary>
    private static double[] Noisy(double time, Random random) =>
        [.. Enumerable.Range(0, Samples).Select(_ =>
            time * (1 + 0.03 * random.NextDouble() + (random.Next(20) == 0 ? random.NextDouble() : 0)))];
}
