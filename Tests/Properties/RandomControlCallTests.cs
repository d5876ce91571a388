using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Xunit.Abstractions;

namespace PamuFastPath.Tests.Properties;

/// <summary>
/// PAMU_PROPERTY_CALLS makes the run longer, PAMU_PROPERTY_SEED="a,b" (as a failure prints it) replays one.
/// </summary>
public sealed class RandomControlCallTests(ITestOutputHelper output)
{
    private const int CallsDefault = 1_000_000;
    private const int SequenceMin = 100;
    private const int SequenceMax = 200;
    private const int OpeningCalls = 14;

    /// <summary>One random machine and the calls made on it.</summary>
    private sealed record Sequence(int Machine, int Containers, Call[] Calls)
    {
        public override string ToString() => $"machine {Machine}, {Containers} containers:\n  " + string.Join("\n  ", Calls);
    }

    [Fact]
    public void A_million_random_control_calls_have_the_answers_and_effects_of_the_plain_model()
    {
        long wanted = Setting("PAMU_PROPERTY_CALLS") is string calls ? long.Parse(calls, CultureInfo.InvariantCulture) : CallsDefault;
        long made = 0;
        long succeeded = 0;
        bool Holds(Sequence sequence)
        {
            using var lockstep = new Lockstep(Machines.All[sequence.Machine], sequence.Containers);
            foreach (Call call in sequence.Calls)
            {
                made++;
                succeeded += lockstep.Run(call) ? 1 : 0;
            }

            lockstep.CompareAll();
            return true;
        }

        // The mean sequence is 150 calls: 5 % more of them than it takes, so that the number is reached whatever the seed.
        int sequences = checked((int)(wanted * 21 / 20 / ((SequenceMin + SequenceMax) / 2)) + 10);
        Prop.ForAll(Arb.From(Sequences(), Shrink), Holds).Check(Settings(sequences));

        output.WriteLine($"{made:#,0} calls in {sequences:#,0} sequences, {succeeded:#,0} of them succeeded");
        Assert.True(made >= wanted, $"{made} calls were made, {wanted} wanted");
        Assert.InRange((double)succeeded / made, 0.3, 0.8); // else the calls are too wild, or too tame, to show anything
    }

    private static Config Settings(int sequences)
    {
        string[] seed = (Setting("PAMU_PROPERTY_SEED") ?? "20131119,4242").Split(',');
        return Config.QuickThrowOnFailure.WithMaxTest(sequences).WithReplay(
            ulong.Parse(seed[0], CultureInfo.InvariantCulture), ulong.Parse(seed[1], CultureInfo.InvariantCulture) | 1);
    }

    private static string? Setting(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    private static Gen<Sequence> Sequences() =>
        from machine in Gen.Choose(0, Machines.All.Length - 1)
        from containers in Gen.Choose(1, 3)
        from length in Gen.Choose(SequenceMin, SequenceMax)
        from opening in Gen.ArrayOf(Calls(Gen.Choose((int)Op.SetIommu, (int)Op.SetWindows).Select(op => (Op)op)), OpeningCalls)
        from rest in Gen.ArrayOf(Calls(Ops()), length - OpeningCalls)
        select new Sequence(machine, containers, [.. opening.OrderBy(call => call.Op), .. rest]);

    private static Gen<Op> Ops() => Gen.Frequency(
        (2, Gen.Constant(Op.SetIommu)),
        (10, Gen.Constant(Op.SetGeometry)),
        (10, Gen.Constant(Op.SetWindows)),
        (5, Gen.Constant(Op.SetStash)),
        (90, Gen.Constant(Op.MapDma)),
        (60, Gen.Constant(Op.UnmapDma)),
        (35, Gen.Constant(Op.MapMsiBank)),
        (16, Gen.Constant(Op.UnmapMsiBank)),
        (16, Gen.Constant(Op.Attach)),
        (12, Gen.Constant(Op.Detach)),
        (1, Gen.Constant(Op.Close)));

    private static Gen<Call> Calls(Gen<Op> ops) =>
        from op in ops
        from door in Gen.Choose(0, 1)
        from container in Gen.Choose(0, 5)
        from window in Gen.Choose(0, 255)
        from length in Gen.Choose(0, 99)
        from shape in Gen.Choose(0, 99)
        from high in Gen.Choose(int.MinValue, int.MaxValue)
        from low in Gen.Choose(int.MinValue, int.MaxValue)
        select new Call(op, door == 1, container, window, length, shape, (ulong)(uint)high << 32 | (uint)low);

    /// <summary>Leaves out halves, quarters, ... single calls.</summary>
    private static IEnumerable<Sequence> Shrink(Sequence sequence)
    {
        for (int part = sequence.Calls.Length / 2; part > 0; part /= 2)
        {
            for (int from = 0; from + part <= sequence.Calls.Length; from += part)
            {
                yield return sequence with { Calls = [.. sequence.Calls[..from], .. sequence.Calls[(from + part)..]] };
            }
        }
    }
}
