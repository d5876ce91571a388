using PamuFastPath.Tests.Model;
using PamuFastPath.Tests.Properties;

namespace PamuFastPath.Tests.Snapshot;

/// <summary>A random machine: containers that random control calls have made, on an engine and the plain model, and random faults in the log.</summary>
internal sealed class RandomMachine : IDisposable
{
    /// <summary>How often each call is made; the model's random sequences have about the same.</summary>
    private static readonly Op[] Ops =
    [
        .. Enumerable.Repeat(Op.MapDma, 24), .. Enumerable.Repeat(Op.UnmapDma, 6), .. Enumerable.Repeat(Op.MapMsiBank, 7),
        .. Enumerable.Repeat(Op.UnmapMsiBank, 2), .. Enumerable.Repeat(Op.Attach, 6), .. Enumerable.Repeat(Op.Detach, 2),
        .. Enumerable.Repeat(Op.SetStash, 2), Op.SetGeometry, Op.SetWindows, Op.SetIommu,
    ];

    private readonly Lockstep _lockstep;

    internal RandomMachine(int seed)
    {
        var random = new Random(seed);
        Machine = random.Next(Machines.All.Length);
        Count = random.Next(1, 4);
        _lockstep = new Lockstep(Machines.All[Machine], Count);
        for (int i = 0; i < Count; i++)
        {
            int opening = random.Next(20); // so that some have not come far
            for (Op op = Op.SetIommu; op <= Op.SetWindows && (int)op <= opening; op++)
            {
                Call call = RandomCall(random, op) with { Container = i, Shape = random.Next(60), Length = random.Next(100) };
                _lockstep.Run(call, looksAround: false);
                _lockstep.Run(call with { Length = call.Length / 10 }, looksAround: false);
            }

            for (int calls = random.Next(60); calls > 0; calls--)
            {
                Call call = RandomCall(random, Ops[random.Next(Ops.Length)]);
                _lockstep.Run(call.Op == Op.Attach ? call with { Container = i } : call, looksAround: false);
            }

            for (int fill = random.Next(3) == 0 ? random.Next(100) : 0; fill > 0; fill--)
            {
                _lockstep.Run(RandomCall(random, Op.MapDma) with { Container = i, Shape = 0, Length = 0 }, looksAround: false);
            }
        }

        for (int faults = random.Next(4) == 0 ? random.Next(200) : random.Next(3); faults > 0; faults--)
        {
            Engine.Faults.Record(RandomFault(random));
        }
    }

    /// <summary>Which of <see cref="Machines.All"/> it is.</summary>
    internal int Machine { get; }

    /// <summary>How many containers it has.</summary>
    internal int Count { get; }

    internal PamuEngine Engine => _lockstep.Engine;

    internal PamuContainer Container(int index) => _lockstep.Container(index);

    internal ModelContainer Model(int index) => _lockstep.Model(index);

    public void Dispose() => _lockstep.Dispose();

    /// <summary>Two calls of three are tame: a plausible shape, and a window that is empty.</summary>
    private static Call RandomCall(Random random, Op op)
    {
        var call = new Call(
            op, random.Next(2) == 1, random.Next(6), random.Next(256), random.Next(100), random.Next(100), (ulong)random.NextInt64() ^ (ulong)random.NextInt64() << 1);
        return random.Next(3) == 0 ? call : call with { Shape = random.Next(op == Op.UnmapDma ? 60 : 75), Wild = call.Wild & ~0xFFul };
    }

    private static FaultRecord RandomFault(Random random)
    {
        ReadOnlySpan<uint> liodns = [0x42, 0x51, 0x52, 0x10, 0x7, 0x77, 0x99, 0xFFFF, uint.MaxValue];
        return new FaultRecord(
            (FaultKind)random.Next(1, 7),
            liodns[random.Next(liodns.Length)],
            (ulong)random.NextInt64(),
            (ulong)random.NextInt64(1 << 20),
            (DmaAccess)random.Next(2),
            (ulong)random.NextInt64());
    }
}
