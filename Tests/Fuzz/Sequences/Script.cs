using System.Buffers.Binary;
using PamuFastPath.Diagnostics;
using PamuFastPath.Tests.ByteDoor;
using PamuFastPath.Tests.Model;
using PamuFastPath.Tests.Properties;

namespace PamuFastPath.Fuzz.Sequences;

/// <summary>What one step does; a byte is taken modulo their number, so that the frequent ones come first and repeated.</summary>
internal enum StepKind
{
    Call,
    Transaction,
    Section,
    RawRequest,
    Batch,
    Dma,
    Snapshot,
    Compare,
}

/// <summary>An input read as a script: a header that chooses the machine, then steps of 16 bytes. Any bytes are a script.</summary>
internal sealed class Script : IDisposable
{
    internal const int HeaderBytes = 4;
    internal const int StepBytes = 16;

    private const int DepthMax = 3;

    /// <summary>Windows whose edges are looked at when everything is compared: with all 256 most of the time would go there.</summary>
    private const int WindowsMax = 16;

    private static readonly StepKind[] Kinds =
    [
        StepKind.Call, StepKind.Call, StepKind.Call, StepKind.Call, StepKind.Call, StepKind.Call, StepKind.Call, StepKind.RawRequest, StepKind.RawRequest,
        StepKind.RawRequest, StepKind.Transaction, StepKind.Section, StepKind.Batch, StepKind.Dma, StepKind.Snapshot, StepKind.Compare,
    ];

    /// <summary>As often as the random calls of the property tests have them.</summary>
    private static readonly Op[] Ops =
    [
        Op.SetIommu, Op.SetGeometry, Op.SetGeometry, Op.SetWindows, Op.SetWindows, Op.SetStash,
        Op.MapDma, Op.MapDma, Op.MapDma, Op.MapDma, Op.MapDma, Op.MapDma,
        Op.UnmapDma, Op.UnmapDma, Op.UnmapDma, Op.MapMsiBank, Op.MapMsiBank, Op.MapMsiBank, Op.UnmapMsiBank, Op.Attach, Op.Attach, Op.Detach, Op.Close,
    ];

    /// <summary>Machines at the ends of what a platform may be; <see cref="Machines.All"/> are those that there were.</summary>
    private static readonly ModelMachine[] Odd =
    [
        new() { MaxWindows = 1, AddressBits = 32, LiodnCount = 0x43, BankPages = [] },
        new() { MaxWindows = 2, AddressBits = 63, PageSize = 1 << 20, BankPages = [0xFFFF_FFFF_FFFF_F000, 0] },
        new() { MaxWindows = 64, AddressBits = 63, LiodnCount = 1 << 16, Supply = static (vaddr, _) => ~vaddr & ~0xFFFul },
    ];

    private readonly byte[] _input;
    private readonly Lockstep _lockstep;
    private readonly RawRequests _raw;
    private readonly DmaSteps _dma;
    private readonly BystanderReader? _bystander;

    internal Script(byte[] input, GuardedMemory memory)
    {
        _input = input;
        int odd = Header(3) % 8;
        ModelMachine machine = odd > 0 && odd <= Odd.Length ? Odd[odd - 1] : Machines.All[Header(0) % Machines.All.Length];
        _lockstep = new Lockstep(machine, containers: 1 + Header(1) % 3);
        _raw = new RawRequests(_lockstep, memory);
        _dma = new DmaSteps(_lockstep);
        _bystander = HasReaderThread(input) ? new BystanderReader(_lockstep.Engine) : null;
    }

    internal static bool HasReaderThread(byte[] input) => input.Length > 2 && (input[2] & 0x0F) == 1;

    internal static IEnumerable<byte[]> Seeds()
    {
        var random = new Random(1);
        for (int machine = 0; machine < Machines.All.Length + Odd.Length; machine++)
        {
            foreach (byte kind in Enumerable.Range(0, Kinds.Length))
            {
                List<byte> script = machine < Machines.All.Length ? [(byte)machine, 1, 0, 0] : [0, 1, 0, (byte)(machine - Machines.All.Length + 1)];
                foreach (Op op in (Op[])[Op.SetIommu, Op.SetGeometry, Op.SetWindows, Op.Attach, Op.MapDma, Op.MapMsiBank])
                {
                    script.AddRange(Step(random, kind: 0, (byte)Array.IndexOf(Ops, op), container: 0));
                }

                script.AddRange(Step(random, kind, (byte)random.Next(256), container: 0));
                if (Kinds[kind] == StepKind.Dma)
                {
                    // More of them, counted with their windows: few of all that can be made at random meet a mapping.
                    byte[] counting = Step(random, (byte)Array.IndexOf(Kinds, StepKind.Compare), 0, container: 0);
                    counting[7] = 2;
                    script.AddRange(counting);
                    script.AddRange(Enumerable.Range(0, 24).SelectMany(_ => Step(random, kind, 0, container: 0)));
                }

                yield return [.. script];
            }
        }
    }

    internal void Run()
    {
        Run(HeaderBytes, _input.Length, depth: 0);
        _bystander?.Stop();
        _lockstep.CompareAll(WindowsMax);
    }

    public void Dispose()
    {
        _bystander?.Stop();
        _lockstep.Dispose();
        _dma.Dispose();
    }

    private static byte[] Step(Random random, byte kind, byte op, byte container)
    {
        byte[] step = new byte[StepBytes];
        random.NextBytes(step);
        (step[0], step[1], step[3], step[6]) = (kind, op, container, (byte)random.Next(60));
        return step;
    }

    private byte Header(int at) => at < _input.Length ? _input[at] : (byte)0;

    private void Run(int from, int to, int depth)
    {
        for (int at = from; at + StepBytes <= to;)
        {
            ReadOnlySpan<byte> step = _input.AsSpan(at, StepBytes);
            at += StepBytes;
            Call call = CallOf(step);
            switch (Kinds[step[0] % Kinds.Length])
            {
                case StepKind.Call:
                    _lockstep.Run(call);
                    break;
                case StepKind.RawRequest:
                    _raw.Make(call, step);
                    break;
                case StepKind.Transaction:
                    at = RunTransaction(call, at, to);
                    break;
                case StepKind.Section when depth < DepthMax:
                    int end = Math.Min(to, at + (1 + call.Length % 8) * StepBytes);
                    int start = at;
                    _lockstep.RunInSection(call.Container, () => Run(start, end, depth + 1));
                    at = end;
                    break;
                case StepKind.Batch:
                    _lockstep.CompareBatch(call);
                    break;
                case StepKind.Dma when depth == 0: // a port is used outside of sections
                    _dma.Make(call);
                    break;
                case StepKind.Snapshot:
                    _lockstep.SaveAndRestore(call.Container);
                    break;
                default:
                    SwitchCounting(step[7]);
                    _lockstep.CompareAll(WindowsMax);
                    break;
            }
        }
    }

    /// <summary>
    /// Accesses are counted from here on, with their windows or without, or no longer. With a reader thread beside them it stays off: that one's counters
    /// would be made by this thread and freed by the other, and every thread answers for its own native blocks.
    /// </summary>
    private void SwitchCounting(byte how)
    {
        if (_bystander == null && how % 4 != 0)
        {
            _lockstep.Engine.Counting = how % 4 == 3 ? AccessCounting.Off : AccessCounting.On;
            _lockstep.Engine.CountsWindows = how % 4 == 2;
        }
    }

    /// <summary>The steps that follow are its calls.</summary>
    /// <returns>Where the step after it begins.</returns>
    private int RunTransaction(in Call call, int from, int to)
    {
        var calls = new List<Call>();
        for (int left = 1 + call.Length % 8; left > 0 && from + StepBytes <= to; left--)
        {
            calls.Add(CallOf(_input.AsSpan(from, StepBytes)));
            from += StepBytes;
        }

        _lockstep.RunTransaction(call.Container, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(calls), commits: call.Shape < 75);
        return from;
    }

    private static Call CallOf(ReadOnlySpan<byte> step) => new(
        Ops[step[1] % Ops.Length],
        IsByteDoor: (step[2] & 1) != 0,
        step[3],
        step[4],
        step[5] % 100,
        step[6] % 100,
        BinaryPrimitives.ReadUInt64LittleEndian(step[8..]));
}
