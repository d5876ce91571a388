using PamuFastPath.Cli.Conform;
using PamuFastPath.Tests.Model;

namespace PamuFastPath.Tests.Conformance;

public class ConformanceTests
{
    private static ConformanceReport Run(string path) => new ConformanceReplay(maxWindows => new EngineSubject(maxWindows)).Run(path);

    [Fact]
    public void A_replay_leaves_no_native_memory()
    {
        using (new PamuEngine())
        {
            // What engines share is there now.
        }

        long live = NativeBlocks.LiveCountOfThread;
        _ = Run(Recordings.Directed);

        Assert.Equal(live, NativeBlocks.LiveCountOfThread);
    }

    [Fact]
    public void The_engine_answers_every_recorded_operation_as_recorded_or_as_documented()
    {
        ConformanceReport report = Run(Recordings.Operations);
        Assert.Empty(report.Total.Mismatches);
        Assert.Equal(26_070, report.Total.Operations);
        Assert.Equal(0, report.Total.Unexplained);
        Assert.InRange(report.Profiles["clean"].Percent, 99.9, 100);
        Assert.InRange(report.Profiles["mixed"].Percent, 99, 100);
    }

    [Fact]
    public void The_engine_answers_every_directed_scenario_as_recorded_or_as_documented()
    {
        ConformanceReport report = Run(Recordings.Directed);
        Assert.Empty(report.Total.Mismatches);
        Assert.Equal(338, report.Total.Operations);
        Assert.Equal(0, report.Total.Unexplained);
        Assert.InRange(report.Profiles["directed"].Percent, 98, 100);
    }

    [Theory]
    [InlineData("ops.jsonl.gz")]
    [InlineData("directed-ops.jsonl.gz")]
    public void The_plain_model_passes_the_same_recordings(string name)
    {
        string path = Path.Combine(Path.GetDirectoryName(Recordings.Operations)!, name);
        ConformanceReport report = new ConformanceReplay(maxWindows => new ModelSubject(maxWindows)).Run(path);
        Assert.Empty(report.Total.Mismatches);
        Assert.Equal(0, report.Total.Unexplained);
    }

    [Fact]
    public void Most_recorded_operations_rest_on_no_deviation()
    {
        Tally total = Run(Recordings.Operations).Total;
        Assert.InRange(total.Compared, total.Operations * 3 / 4, total.Operations);
        Assert.Equal(total.Operations, total.Compared + total.Deviating + total.Skipped);
    }

    [Fact]
    public void Every_deviation_that_is_counted_is_a_rule_of_the_documentation()
    {
        string page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", "conformance.md"));
        foreach (Deviation deviation in Deviations.All)
        {
            Assert.Contains($"`{deviation.Id}`", page, StringComparison.Ordinal);
        }

        Assert.Equal(Deviations.All.Count, Deviations.All.DistinctBy(deviation => deviation.Id).Count());
    }

    [Fact]
    public void A_plain_file_and_its_gzip_replay_alike()
    {
        Tally plain = Recordings.Replay(Recordings.ReadLines(Recordings.Directed));
        Tally packed = Run(Recordings.Directed).Total;
        Assert.Equal((packed.Compared, packed.Deviating, packed.Skipped), (plain.Compared, plain.Deviating, plain.Skipped));
    }

    [Fact]
    public void Every_profile_replays_alike_when_a_sequence_stands_alone()
    {
        // A sequence starts on a freshly booted machine, so nothing of the one before may leak into it.
        Tally alone = new();
        foreach (int sequence in (int[])[0, 7, 36, 69])
        {
            Tally tally = Recordings.Replay(Recordings.Sequence(Recordings.Operations, sequence));
            Assert.Empty(tally.Mismatches);
            Assert.Equal(0, tally.Unexplained);
            alone.Add(tally);
        }

        List<string> together = [.. ((int[])[0, 7, 36, 69]).SelectMany(sequence => Recordings.Sequence(Recordings.Operations, sequence))];
        Tally tallied = Recordings.Replay(together);
        Assert.Equal((alone.Compared, alone.Deviating, alone.Skipped), (tallied.Compared, tallied.Deviating, tallied.Skipped));
    }
}
