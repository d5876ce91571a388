using PamuFastPath.Tests.Model;
using Xunit.Abstractions;

namespace PamuFastPath.Tests.Properties;

/// <summary>Transactions, sections that are held, snapshots and batches between random calls, compared with the plain model.</summary>
public sealed class RandomTransactionTests(ITestOutputHelper output)
{
    private const int Machines = 400;
    private const int StepsPerMachine = 60;

    private static readonly Op[] Ops =
    [
        Op.SetIommu, Op.SetGeometry, Op.SetWindows, Op.SetWindows, Op.SetStash, Op.MapDma, Op.MapDma, Op.MapDma, Op.MapDma, Op.MapDma,
        Op.UnmapDma, Op.UnmapDma, Op.MapMsiBank, Op.MapMsiBank, Op.MapMsiBank, Op.UnmapMsiBank, Op.Attach, Op.Attach, Op.Detach, Op.Close,
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void They_have_the_effects_of_the_plain_model_and_leave_no_native_block(int seed)
    {
        long live = NativeBlocks.LiveCountOfThread;
        var random = new Random(seed);
        int inTransactions = 0;
        for (int i = 0; i < Machines; i++)
        {
            using var lockstep = new Lockstep(Properties.Machines.All[i % Properties.Machines.All.Length], containers: 2);
            foreach (Op op in (Op[])[Op.SetIommu, Op.SetGeometry, Op.SetWindows, Op.Attach])
            {
                lockstep.Run(Next(random) with { Op = op, Container = 0, Shape = random.Next(60) });
            }

            for (int step = 0; step < StepsPerMachine; step++)
            {
                inTransactions += Take(random, lockstep);
            }

            lockstep.CompareAll();
        }

        output.WriteLine($"{inTransactions:#,0} calls succeeded in transactions");
        Assert.True(inTransactions > Machines);
        Assert.Equal(live, NativeBlocks.LiveCountOfThread);
    }

    private static int Take(Random random, Lockstep lockstep)
    {
        Call[] calls = [.. Enumerable.Range(0, random.Next(1, 7)).Select(_ => Next(random))];
        switch (random.Next(12))
        {
            case < 3:
                return lockstep.RunTransaction(calls[0].Container, calls, commits: random.Next(4) > 0);
            case 3:
                lockstep.RunInSection(calls[0].Container, () =>
                {
                    Array.ForEach(calls, call => lockstep.Run(call));
                    lockstep.RunTransaction(calls[0].Container, calls, commits: true);
                });
                break;
            case 4:
                lockstep.CompareBatch(calls[0]);
                break;
            case 5 when random.Next(8) == 0:
                lockstep.SaveAndRestore(calls[0].Container);
                break;
            default:
                Array.ForEach(calls, call => lockstep.Run(call));
                break;
        }

        return 0;
    }

    private static Call Next(Random random) => new(
        Ops[random.Next(Ops.Length)],
        random.Next(2) == 0,
        random.Next(4),
        random.Next(256),
        random.Next(100),
        random.Next(100),
        (ulong)random.NextInt64(long.MinValue, long.MaxValue));
}
