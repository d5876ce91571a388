using PamuFastPath.Tests.Properties;
using Xunit.Abstractions;

namespace PamuFastPath.Tests.Snapshot;

public sealed class RandomContainerTests(ITestOutputHelper output)
{
    private const int Containers = 10_000;

    /// <summary>All containers of one engine go to one other engine, and are then what the plain model says.</summary>
    [Fact]
    public void Ten_thousand_random_containers_are_restored_as_the_model_has_them_and_save_the_same_bytes()
    {
        int done = 0;
        int windows = 0;
        int groups = 0;
        int faults = 0;
        long bytes = 0;
        for (int seed = 1; done < Containers; seed++)
        {
            using var saved = new RandomMachine(seed);
            using PamuEngine engine = new(Machines.All[saved.Machine].ToPlatform());
            using PamuReader reader = engine.CreateReader();
            for (int i = 0; i < saved.Count; i++)
            {
                try
                {
                    PamuContainer restored = engine.CreateContainer();
                    byte[] snapshot = saved.Container(i).Save();
                    restored.Restore(snapshot);
                    AssertSame(saved, i, restored, snapshot, reader);
                    done++;
                    bytes += snapshot.Length;
                    windows += restored.GetWindows().Count;
                    groups += restored.Groups.Count;
                }
                catch (Exception e) when (e is PamuException or DisagreementException)
                {
                    Assert.Fail($"seed {seed}, container {i}: {e}");
                }
            }

            faults += (int)engine.Faults.TotalCount;
        }

        output.WriteLine($"{done:#,0} containers, {windows:#,0} windows, {groups:#,0} groups, {faults:#,0} faults, {bytes:#,0} bytes");
        Assert.True(windows > 3 * done && groups > done / 2 && faults > done / 2, "the containers have something in them");
    }

    private static void AssertSame(RandomMachine machine, int index, PamuContainer restored, byte[] snapshot, PamuReader reader)
    {
        PamuContainer saved = machine.Container(index);
        Assert.True(snapshot.SequenceEqual(restored.Save()), "the same bytes again");
        Lockstep.CompareQueries(machine.Model(index), restored);
        Assert.Equal(saved.Generation, restored.Generation);
        Assert.True(saved.CurrentState.Windows.SequenceEqual(restored.CurrentState.Windows), "windows, with their vaddrs");
        Assert.Equal(saved.CurrentState with { Groups = [], Windows = [] }, restored.CurrentState with { Groups = [], Windows = [] });
        for (int i = 0; i < saved.Groups.Count; i++)
        {
            Assert.True(saved.Groups[i].Liodns.SequenceEqual(restored.Groups[i].Liodns), "LIODNs of a group");
            Assert.True(saved.Groups[i].MsiBanks.SequenceEqual(restored.Groups[i].MsiBanks), "MSI banks of a group");
            foreach (int liodn in restored.Groups[i].Liodns)
            {
                using ReaderSection byLiodn = reader.Enter((uint)liodn);
                using ReaderSection byContainer = reader.Enter(restored);
                Assert.True(byLiodn.Table.Image == byContainer.Table.Image, "a LIODN leads to its container's table");
            }
        }

        using PamuReader old = machine.Engine.CreateReader();
        using ReaderSection before = old.Enter(saved);
        using ReaderSection after = reader.Enter(restored);
        Assert.True(before.Table.Image.SequenceEqual(after.Table.Image), "the table image, every byte of it");
        var probes = new Probes(reader);
        probes.Window(restored, machine.Model(index), index % restored.WindowCount);
    }
}
