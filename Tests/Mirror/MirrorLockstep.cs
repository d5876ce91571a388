using PamuFastPath.Tests.Model;
using PamuFastPath.Tests.Properties;

namespace PamuFastPath.Tests.Mirror;

/// <summary>
/// An engine whose containers have fake hardware, and the plain model. The engine is called first: a call that failed by injection is not made on the
/// model.
/// </summary>
internal sealed class MirrorLockstep : IDisposable
{
    private const int ContainerCount = 2;
    private static readonly (int[] Liodns, int[] Banks)[] GroupShapes = [([0x42], [0]), ([0x51, 0x52], [0, 1]), ([0x10], []), ([0x7], [2])];

    private readonly ModelEngine _model;
    private readonly PamuEngine _engine;
    private readonly PamuReader _reader;
    private readonly Probes _probes;
    private readonly Random _random;
    private readonly MirrorTally _tally;
    private readonly Pair[] _pairs;
    private readonly List<(ModelGroup Model, PamuGroup Engine)> _groups = [];

    internal MirrorLockstep(ModelMachine machine, Random random, MirrorTally tally)
    {
        (_random, _tally) = (random, tally);
        _model = new ModelEngine(machine);
        _engine = new PamuEngine(machine.ToPlatform());
        _reader = _engine.CreateReader();
        _probes = new Probes(_reader);
        _pairs = [.. Enumerable.Range(0, ContainerCount).Select(_ => NewPair())];
        foreach ((int[] liodns, int[] banks) in GroupShapes)
        {
            int[] own = [.. banks.Where(bank => bank < machine.BankPages.Length)];
            _groups.Add((_model.AddGroup(_groups.Count, liodns, own), _engine.CreateGroup(_groups.Count, liodns, own)));
        }
    }

    private sealed record Pair(ModelContainer Model, PamuContainer Engine, FakeMirror Hardware);

    public void Dispose() => _engine.Dispose();

    /// <summary>Gives the containers a shape and, mostly, a group.</summary>
    internal void Open()
    {
        for (int i = 0; i < ContainerCount; i++)
        {
            foreach (Op op in (Op[])[Op.SetIommu, Op.SetGeometry, Op.SetWindows])
            {
                One(_pairs[i], Random(op) with { Shape = 0 });
            }

            Attach(_pairs[i], _groups[i]);
        }

        void Attach(Pair pair, (ModelGroup Model, PamuGroup Engine) group)
        {
            group.Engine.Attach(pair.Engine);
            Agree(Errno.Ok, _model.Attach(group.Model, pair.Model), "an attach");
        }
    }

    /// <summary>One random call, or a transaction of some.</summary>
    internal void Step()
    {
        Pair pair = _pairs[_random.Next(ContainerCount)];
        switch (_random.Next(100))
        {
            case 0:
                _model.Close(pair.Model);
                pair.Engine.Dispose();
                Agree(string.Empty, string.Join('\n', pair.Hardware.Violations), "the contract, at the end");
                Agree(false, pair.Hardware.Windows.Any(), "hardware after the end");
                _pairs[Array.IndexOf(_pairs, pair)] = NewPair();
                return;
            case < 18:
                Many(pair);
                break;
            default:
                One(pair, Random(AnyOp()));
                break;
        }

        Compare(pair);
    }

    internal void CompareAll()
    {
        foreach (Pair pair in _pairs)
        {
            Compare(pair);
            _probes.All(pair.Engine, pair.Model);
        }

        foreach ((ModelGroup model, PamuGroup engine) in _groups)
        {
            Agree(model.Container?.Fd, engine.Container?.Fd, "the container of a group");
            foreach (int liodn in model.Liodns)
            {
                bool isKnown = _reader.Translate((uint)liodn, 0, 1, DmaAccess.Read).Fault != FaultKind.UnknownLiodn;
                Agree(model.Container != null, isKnown, "whether a LIODN is known");
            }
        }
    }

    private Pair NewPair()
    {
        ModelContainer model = _model.Open();
        PamuContainer engine = _engine.CreateContainer();
        var hardware = new FakeMirror(engine);
        engine.BindHardware(hardware);
        return new Pair(model, engine, hardware);
    }

    private void One(Pair pair, in Call call)
    {
        Arguments a = CallArguments.Of(call, _model.Machine, pair.Model);
        (ModelGroup Model, PamuGroup Engine) group = _groups[call.Window % _groups.Count];
        if (call.Op == Op.Detach && group.Model.Container is ModelContainer holder)
        {
            pair = Array.Find(_pairs, candidate => candidate.Model == holder)!; // whose hardware is asked
        }

        pair.Hardware.FailAt(_random.Next(2) == 0 ? _random.Next(1, 5) : 0);
        ulong generation = pair.Engine.Generation;
        Errno actual = call.IsByteDoor && call.Op is not (Op.Attach or Op.Detach)
            ? ByBytes(pair.Engine, call.Op, a)
            : ByCall(pair.Engine, call.Op, a, group.Engine);
        Agree(true, pair.Engine.Generation >= generation, "generations only grow");
        bool hasFailed = pair.Hardware.HasFailed;
        pair.Hardware.FailAt(0);
        _tally.Calls++;
        if (hasFailed)
        {
            _tally.Injected++;
            Agree(FakeMirror.Injected, actual, $"{call.Op}({a}) with hardware that fails");
        }
        else
        {
            bool needsIommu = call.IsByteDoor && call.Op is not (Op.Attach or Op.Detach or Op.SetIommu) && !pair.Model.IsIommuSet;
            Errno expected = needsIommu ? Errno.ENOTTY : OnModel(pair.Model, call.Op, a, group.Model);
            Agree(expected, actual, $"{call.Op}({a})");
            _tally.Succeeded += actual == Errno.Ok ? 1 : 0;
        }

        if (pair.Model.Count > 0)
        {
            _probes.Window(pair.Engine, pair.Model, call.Window % (int)pair.Model.Count);
        }

        Compare(pair);
    }

    /// <summary>A transaction: its calls are made on the model too; a commit that fails changes nothing and is made again.</summary>
    private void Many(Pair pair)
    {
        string before = Software(pair);
        string held = pair.Hardware.Describe();
        using PamuTransaction transaction = pair.Engine.BeginTransaction();
        int count = _random.Next(1, 9);
        for (int i = 0; i < count; i++)
        {
            Call call = Random(AnyOp());
            Arguments a = CallArguments.Of(call, _model.Machine, pair.Model);
            (ModelGroup Model, PamuGroup Engine) group = _groups[call.Window % _groups.Count];
            bool isElsewhere = call.Op == Op.Detach && group.Model.Container != pair.Model;
            Errno expected = isElsewhere ? Errno.EINVAL : OnModel(pair.Model, call.Op, a, group.Model);
            Agree(expected, ByCall(transaction, call.Op, a, group.Engine), $"{call.Op}({a}) in a transaction");
        }

        _tally.Commits++;
        for (int n = _random.Next(1, 6); n > 0; n--)
        {
            pair.Hardware.FailAt(n);
            Errno errno = ErrnoOf.Call(transaction.Commit);
            bool hasFailed = pair.Hardware.HasFailed;
            pair.Hardware.FailAt(0);
            if (!hasFailed)
            {
                Agree(Errno.Ok, errno, "a commit");
                return;
            }

            _tally.InjectedCommits++;
            Agree(FakeMirror.Injected, errno, "a commit with hardware that fails");
            Agree(before, Software(pair), "software after a commit that failed");
            Agree(held, pair.Hardware.Describe(), "hardware after a commit that failed");
        }

        transaction.Commit();
    }

    private string Software(Pair pair) => SoftwareState.Describe(_reader, [pair.Engine], [.. _groups.Select(group => group.Engine)]);

    private Errno OnModel(ModelContainer model, Op op, Arguments a, ModelGroup group) => op switch
    {
        Op.SetIommu => model.SetIommu((uint)a.First),
        Op.SetGeometry => model.SetGeometry(a.First, a.Second),
        Op.SetWindows => model.SetWindows((uint)a.First),
        Op.SetStash => model.SetStash((uint)a.First, (uint)a.Second),
        Op.MapDma => model.MapDma(a.Third, a.First, a.Second, a.Flags),
        Op.UnmapDma => model.UnmapDma(a.First, a.Second, out _),
        Op.MapMsiBank => model.MapMsiBank((uint)a.First, a.Second, a.Flags),
        Op.UnmapMsiBank => model.UnmapMsiBank(a.Second),
        Op.Attach => _model.Attach(group, model),
        _ => ModelEngine.Detach(group),
    };

    private static Errno ByCall(PamuControl engine, Op op, Arguments a, PamuGroup group) => ErrnoOf.Call(() =>
    {
        switch (op)
        {
            case Op.SetIommu: engine.SetIommu((uint)a.First); break;
            case Op.SetGeometry: engine.SetGeometry(a.First, a.Second); break;
            case Op.SetWindows: engine.SetWindows((uint)a.First); break;
            case Op.SetStash: engine.SetStash((uint)a.First, (uint)a.Second); break;
            case Op.MapDma: engine.MapDma(a.Third, a.First, a.Second, (DmaPermissions)a.Flags); break;
            case Op.UnmapDma: engine.UnmapDma(a.First, a.Second); break;
            case Op.MapMsiBank: engine.MapMsiBank((uint)a.First, a.Second, (DmaPermissions)a.Flags); break;
            case Op.UnmapMsiBank: engine.UnmapMsiBank(a.Second); break;
            case Op.Attach when engine is PamuTransaction transaction: transaction.Attach(group); break;
            case Op.Attach: group.Attach((PamuContainer)engine); break;
            case Op.Detach when engine is PamuTransaction transaction: transaction.Detach(group); break;
            default: group.Detach(); break;
        }
    });

    private static Errno ByBytes(PamuContainer engine, Op op, Arguments a)
    {
        Span<byte> bytes = stackalloc byte[32];
        uint request = Structs.Write(op, a, bytes);
        return (Errno)(-(op == Op.SetIommu ? engine.Ioctl(request, (uint)a.First) : engine.Ioctl(request, bytes)));
    }

    private Op AnyOp() => _random.Next(100) switch
    {
        < 2 => Op.SetIommu,
        < 7 => Op.SetGeometry,
        < 12 => Op.SetWindows,
        < 15 => Op.SetStash,
        < 42 => Op.MapDma,
        < 64 => Op.UnmapDma,
        < 76 => Op.MapMsiBank,
        < 83 => Op.UnmapMsiBank,
        < 92 => Op.Attach,
        _ => Op.Detach,
    };

    private Call Random(Op op) => new(
        op, _random.Next(2) == 0, 0, _random.Next(256), _random.Next(100), _random.Next(100), (ulong)_random.NextInt64(long.MinValue, long.MaxValue));

    private static void Compare(Pair pair)
    {
        Lockstep.CompareQueries(pair.Model, pair.Engine);
        string expected = pair.Model.Groups.Count == 0 ? string.Empty : Lines(pair.Model.List().Where(window => window.IsLive));
        string held = Lines(pair.Hardware.Windows.Select(window =>
            new PamuWindow(window.Index, true, window.Iova, window.Target, window.Size, window.Permissions, window.MsiBank)));
        Agree(expected, held, "what hardware holds");
        Agree(string.Empty, string.Join('\n', pair.Hardware.Violations), "the contract");

        static string Lines(IEnumerable<PamuWindow> windows) => string.Join('\n', windows);
    }

    private static void Agree<T>(T expected, T actual, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
        {
            throw new DisagreementException($"{what}: expected {expected}, is {actual}");
        }
    }
}
