using System.Globalization;
using PamuFastPath.Tests.Properties;
using Xunit.Abstractions;

namespace PamuFastPath.Tests.Snapshot;

/// <summary>PAMU_SNAPSHOT_MUTATIONS makes the run longer, PAMU_SNAPSHOT_SEED another one.</summary>
public sealed class MutatedSnapshotTests(ITestOutputHelper output)
{
    private const int MutationsDefault = 100_000;
    private const int MachinesInCorpus = 400;

    [Fact]
    public void A_hundred_thousand_mutated_snapshots_are_refused_or_restored_to_a_valid_container()
    {
        int wanted = Setting("PAMU_SNAPSHOT_MUTATIONS", MutationsDefault);
        int seed = Setting("PAMU_SNAPSHOT_SEED", 1);
        List<byte[]>[] corpora = Corpora(seed);
        RestoreBench[] benches = [.. Machines.All.Select(machine => new RestoreBench(machine.ToPlatform()))];
        var outcomes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var random = new Random(seed);
        Mutation[] mutations = [.. corpora.Select(corpus => new Mutation(random, corpus))];
        for (int i = 0; i < wanted; i++)
        {
            // Mostly splices within a platform, which have a chance to be restored; the rest tries every snapshot on another.
            int machine = random.Next(corpora.Length);
            byte[] original = corpora[machine][random.Next(corpora[machine].Count)];
            byte[] mutated = mutations[random.Next(10) == 0 ? random.Next(mutations.Length) : machine].Apply(original, out Damage damage);
            string outcome;
            try
            {
                outcome = benches[machine].Restore(mutated)?.Errno.ToString() ?? (mutated.SequenceEqual(original) ? "restored, as it was" : "restored");
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}, mutation {i}, {damage}: {Convert.ToHexString(mutated)}", e);
            }

            string key = $"{damage}: {outcome}";
            outcomes[key] = outcomes.GetValueOrDefault(key) + 1;
        }

        foreach ((string key, int count) in outcomes)
        {
            output.WriteLine($"{key} {count:#,0}");
        }

        output.WriteLine($"{benches.Sum(bench => bench.RebuiltCount):#,0} restored ones made again by control calls");
        foreach (RestoreBench bench in benches)
        {
            bench.Dispose();
        }

        string[] errnos = [.. outcomes.Keys.Select(key => key[(key.IndexOf(' ', StringComparison.Ordinal) + 1)..]).Distinct().Order(StringComparer.Ordinal)];
        Assert.Equal(["EINVAL", "EPROTO", "EXDEV", "restored", "restored, as it was"], errnos);
        Assert.DoesNotContain("Bytes: restored", outcomes.Keys); // the checksum
        Assert.True(outcomes["Fields: restored"] > wanted / 50 && outcomes["Fields: EINVAL"] > wanted / 50, "both answers are common");
        Assert.True(outcomes["SealedBytes: restored"] > wanted / 200 && outcomes["SealedBytes: EINVAL"] > wanted / 50, "both answers are common");
    }

    /// <summary>Snapshots of random containers, by platform.</summary>
    private static List<byte[]>[] Corpora(int seed)
    {
        List<byte[]>[] corpora = [.. Machines.All.Select(_ => new List<byte[]>())];
        for (int i = 0; i < MachinesInCorpus; i++)
        {
            using var machine = new RandomMachine(seed + i);
            for (int container = 0; container < machine.Count; container++)
            {
                corpora[machine.Machine].Add(machine.Container(container).Save());
            }
        }

        return corpora;
    }

    private static int Setting(string name, int other) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? int.Parse(value, CultureInfo.InvariantCulture) : other;
}
