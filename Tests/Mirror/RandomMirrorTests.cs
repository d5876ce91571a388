using PamuFastPath.Tests.Model;
using PamuFastPath.Tests.Properties;
using Xunit.Abstractions;

namespace PamuFastPath.Tests.Mirror;

/// <summary>
/// Random control calls, single and in transactions, with random steps of the hardware failing: software is what the plain model says, and hardware
/// holds the live windows. PAMU_MIRROR_SEED replays a run from a seed, PAMU_MIRROR_SEQUENCES makes it longer.
/// </summary>
public sealed class RandomMirrorTests(ITestOutputHelper output)
{
    private const int SequencesDefault = 100;
    private const int CallsEach = 120;

    [Fact]
    public void Software_is_the_models_and_hardware_holds_its_live_windows_whatever_fails()
    {
        int seed = Setting("PAMU_MIRROR_SEED", 20131119);
        int sequences = Setting("PAMU_MIRROR_SEQUENCES", SequencesDefault);
        var tally = new MirrorTally();
        for (int i = 0; i < sequences; i++)
        {
            try
            {
                using var lockstep = new MirrorLockstep(Machines.All[i % Machines.All.Length], new Random(seed + i), tally);
                lockstep.Open();
                for (int call = 0; call < CallsEach; call++)
                {
                    lockstep.Step();
                }

                lockstep.CompareAll();
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                throw new InvalidOperationException($"PAMU_MIRROR_SEED={seed + i} PAMU_MIRROR_SEQUENCES=1 (machine {i % Machines.All.Length})", failure);
            }
        }

        output.WriteLine(tally.ToString());

        // Else the calls are too wild, or the hardware too tame, to show anything.
        Assert.True(tally.Succeeded > tally.Calls / 4 && tally.Injected > tally.Succeeded / 10, tally.ToString());
        Assert.True(tally.InjectedCommits > tally.Commits / 4, tally.ToString());
    }

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), out int value) ? value : otherwise;
}

/// <summary>What random calls came to.</summary>
internal sealed record MirrorTally
{
    internal int Calls { get; set; }

    internal int Succeeded { get; set; }

    internal int Injected { get; set; }

    internal int Commits { get; set; }

    internal int InjectedCommits { get; set; }

    public override string ToString() =>
        $"{Calls:#,0} calls, {Succeeded:#,0} succeeded, {Injected:#,0} failed by injection; "
        + $"{Commits:#,0} transactions, {InjectedCommits:#,0} commits failed by injection";
}
