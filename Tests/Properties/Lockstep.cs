using PamuFastPath.Tests.Model;

namespace PamuFastPath.Tests.Properties;

/// <summary>
/// An engine and a model that get the same calls, and are compared after each: errno, queries, translation; and that a failed call
/// changed nothing, down to the bytes of the table images, and a successful one nothing in other containers.
/// </summary>
internal sealed class Lockstep : IDisposable
{
    private static readonly (int[] Liodns, int[] Banks)[] GroupShapes =
        [([0x42], [0]), ([0x51, 0x52], [0, 1]), ([0x10], []), ([], [0]), ([0x7], [2]), ([0x77, 0xFFFF], [1])];

    private readonly ModelEngine _model;
    private readonly PamuEngine _engine;
    private readonly PamuReader _reader;
    private readonly Probes _probes;
    private readonly Pair[] _pairs;
    private readonly List<(ModelGroup Model, PamuGroup Engine)> _groups = [];
    private readonly byte[] _argument = new byte[32];
    private int _probed;

    internal Lockstep(ModelMachine machine, int containers)
    {
        _model = new ModelEngine(machine);
        _engine = new PamuEngine(machine.ToPlatform());
        _reader = _engine.CreateReader();
        _probes = new Probes(_reader);
        _pairs = new Pair[containers];
        for (int i = 0; i < containers; i++)
        {
            _pairs[i] = Open();
        }

        foreach ((int[] liodns, int[] banks) in GroupShapes)
        {
            int id = _groups.Count;
            int[] own = [.. banks.Where(bank => bank < machine.BankPages.Length)];
            _groups.Add((_model.AddGroup(id, liodns, own), _engine.CreateGroup(id, liodns, own)));
        }
    }

    internal int GroupCount => _groups.Count;

    internal ModelMachine Machine => _model.Machine;

    internal ModelContainer Model(int container) => _pairs[container].Model;

    /// <summary>One container on both sides, and the image and generation it had when it was last looked at.</summary>
    private sealed class Pair(ModelContainer model, PamuContainer engine)
    {
        internal ModelContainer Model { get; } = model;

        internal PamuContainer Engine { get; } = engine;

        internal byte[] Image { get; } = new byte[TableLayout.ImageBytes];

        internal ulong Generation { get; set; }
    }

    internal PamuEngine Engine => _engine;

    internal PamuContainer Container(int container) => _pairs[container].Engine;

    /// <summary>Makes one call on both sides.</summary>
    /// <param name="call">The call.</param>
    /// <param name="looksAround">Whether more than the answer is compared: everything around the call, and what devices may do.</param>
    /// <returns>Whether it succeeded.</returns>
    internal bool Run(in Call call, bool looksAround = true)
    {
        Pair pair = _pairs[call.Container % _pairs.Length];
        Arguments arguments = CallArguments.Of(call, _model.Machine, pair.Model);
        if (call.Op == Op.Close)
        {
            _model.Close(pair.Model);
            pair.Engine.Dispose();
            Agree(-(long)Errno.EBADF, pair.Engine.Ioctl(PamuRequests.GetApiVersion), "a request after the container was closed");
            _pairs[call.Container % _pairs.Length] = Open();
            return true;
        }

        (long expected, long actual) = call.IsByteDoor ? ByBytes(call, arguments, pair) : ByCall(call, arguments, pair);
        Agree(expected, actual, $"{call.Op}({arguments})");
        if (!looksAround)
        {
            return expected >= 0;
        }

        CompareAfter(pair, expected, mayChangeOthers: call.Op is Op.Attach or Op.Detach);
        if (expected >= 0)
        {
            // A few windows now, round the container by and by; all of them at the end.
            int count = (int)pair.Model.Count;
            _probes.Window(pair.Engine, pair.Model, call.Window % count);
            _probes.Window(pair.Engine, pair.Model, _probed++ % count);
        }

        return expected >= 0;
    }

    /// <summary>Makes one request on both sides, however it gets there.</summary>
    /// <returns>The result, the same on both sides.</returns>
    internal long Request(
        int container, int? group, Func<ModelEngine, ModelContainer, ModelGroup?, long> model, Func<PamuContainer, PamuGroup?, long> engine)
    {
        Pair pair = _pairs[container];
        long expected = model(_model, pair.Model, group is int i ? _groups[i].Model : null);
        long actual = engine(pair.Engine, group is int j ? _groups[j].Engine : null);
        Agree(expected, actual, "the result");
        CompareAfter(pair, expected, mayChangeOthers: group != null);
        return actual;
    }

    /// <summary>Everything, everywhere.</summary>
    internal void CompareAll()
    {
        foreach (Pair pair in _pairs)
        {
            CompareQueries(pair.Model, pair.Engine);
            _probes.All(pair.Engine, pair.Model);
        }

        foreach ((ModelGroup model, PamuGroup engine) in _groups)
        {
            Agree(model.Container?.Fd, engine.Container?.Fd, "the container of a group");
            foreach (int liodn in model.Liodns)
            {
                CompareLiodn((uint)liodn);
            }
        }

        CompareLiodn(0);
        CompareLiodn(uint.MaxValue);
    }

    public void Dispose() => _engine.Dispose();

    private Pair Open()
    {
        var pair = new Pair(_model.Open(), _engine.CreateContainer());
        Agree(pair.Model.Fd, pair.Engine.Fd, "the number of a container");
        CompareImage(pair, mayChange: true);
        return pair;
    }

    private (long Expected, long Actual) ByCall(in Call call, Arguments a, Pair pair)
    {
        (ModelContainer model, PamuContainer engine) = (pair.Model, pair.Engine);
        (ModelGroup modelGroup, PamuGroup engineGroup) = _groups[call.Window % _groups.Count];
        ulong expectedBytes = 0;
        ulong actualBytes = 0;
        Errno expected = call.Op switch
        {
            Op.SetIommu => model.SetIommu((uint)a.First),
            Op.SetGeometry => model.SetGeometry(a.First, a.Second),
            Op.SetWindows => model.SetWindows((uint)a.First),
            Op.SetStash => model.SetStash((uint)a.First, (uint)a.Second),
            Op.MapDma => model.MapDma(a.Third, a.First, a.Second, a.Flags),
            Op.UnmapDma => model.UnmapDma(a.First, a.Second, out expectedBytes),
            Op.MapMsiBank => model.MapMsiBank((uint)a.First, a.Second, a.Flags),
            Op.UnmapMsiBank => model.UnmapMsiBank(a.Second),
            Op.Attach => _model.Attach(modelGroup, model),
            _ => ModelEngine.Detach(modelGroup),
        };
        Op op = call.Op;
        Errno actual = ErrnoOf.Call(() =>
        {
            switch (op)
            {
                case Op.SetIommu: engine.SetIommu((uint)a.First); break;
                case Op.SetGeometry: engine.SetGeometry(a.First, a.Second); break;
                case Op.SetWindows: engine.SetWindows((uint)a.First); break;
                case Op.SetStash: engine.SetStash((uint)a.First, (uint)a.Second); break;
                case Op.MapDma: engine.MapDma(a.Third, a.First, a.Second, (DmaPermissions)a.Flags); break;
                case Op.UnmapDma: actualBytes = engine.UnmapDma(a.First, a.Second); break;
                case Op.MapMsiBank: engine.MapMsiBank((uint)a.First, a.Second, (DmaPermissions)a.Flags); break;
                case Op.UnmapMsiBank: engine.UnmapMsiBank(a.Second); break;
                case Op.Attach: engineGroup.Attach(engine); break;
                default: engineGroup.Detach(); break;
            }
        });
        Agree(expectedBytes, actualBytes, "the bytes unmapped");
        return (-(long)expected, -(long)actual);
    }

    private (long Expected, long Actual) ByBytes(in Call call, Arguments a, Pair pair)
    {
        Span<byte> engineBytes = _argument;
        uint request = Structs.Write(call.Op, a, engineBytes);
        Span<byte> modelBytes = [.. engineBytes];
        (ModelGroup model, PamuGroup engine) = _groups[call.Window % _groups.Count];
        long expected = call.Op is Op.Attach or Op.Detach
            ? ModelDoor.GroupIoctl(_model, model, request, modelBytes)
            : ModelDoor.Ioctl(_model, pair.Model, request, a.First, modelBytes);
        long actual = call.Op is Op.Attach or Op.Detach ? engine.Ioctl(request, engineBytes)
            : call.Op == Op.SetIommu ? pair.Engine.Ioctl(request, a.First)
            : pair.Engine.Ioctl(request, engineBytes);
        Agree(Convert.ToHexString(modelBytes), Convert.ToHexString(engineBytes), "the argument after the call");
        return (expected, actual);
    }

    /// <summary>A failed call changed nothing, a successful one what the model says and nothing in other containers.</summary>
    private void CompareAfter(Pair pair, long result, bool mayChangeOthers)
    {
        foreach (Pair other in _pairs)
        {
            CompareImage(other, mayChange: result >= 0 && (other == pair || mayChangeOthers));
        }

        CompareQueries(pair.Model, pair.Engine);
    }

    /// <summary>What the control queries of a container answer.</summary>
    internal static void CompareQueries(ModelContainer model, PamuContainer engine)
    {
        Agree(((ulong)model.Start, (ulong)(model.End - 1)), engine.Geometry, "Geometry");
        Agree((int)model.Count, engine.WindowCount, "WindowCount");
        Agree((ulong)model.WindowSize, engine.WindowSize, "WindowSize");
        Agree(model.Stash, engine.Stash, "Stash");
        Agree(model.IsEnabled, engine.IsEnabled, "IsEnabled");
        Agree(model.IsIommuSet, engine.IsIommuSet, "IsIommuSet");
        List<PamuWindow> expected = model.List();
        IReadOnlyList<PamuWindow> actual = engine.GetWindows();
        Agree(expected.Count, actual.Count, "the number of configured windows");
        for (int i = 0; i < expected.Count; i++)
        {
            Agree(expected[i], actual[i], "a configured window");
        }

        Agree(true, model.Groups.Select(group => group.Id).SequenceEqual(engine.Groups.Select(group => group.Id)), "Groups");
    }

    /// <summary>An image is never written twice: a change has a new generation, and without one every byte is the same.</summary>
    private void CompareImage(Pair pair, bool mayChange)
    {
        using ReaderSection section = _reader.Enter(pair.Engine);
        TableView table = section.Table;
        bool isNew = table.Generation != pair.Generation;
        Agree(pair.Engine.Generation, table.Generation, "the generation of the current table");
        if (isNew)
        {
            bool isAllowed = mayChange && table.Generation == pair.Generation + 1;
            Agree(true, isAllowed, "a table is published only by a call that succeeded, and one by each");
            table.Image.CopyTo(pair.Image);
            pair.Generation = table.Generation;
        }
        else
        {
            Agree(true, table.Image.SequenceEqual(pair.Image), "the image of a generation stays as it is");
        }
    }

    private void CompareLiodn(uint liodn)
    {
        ModelContainer? holder = _model.Holder(liodn);
        ulong iova = holder != null ? (ulong)holder.Start : 0;
        for (int length = 0; length < 2; length++)
        {
            ModelAnswer expected = ModelTranslation.Translate(holder, iova, (ulong)length, DmaAccess.Write);
            Agree(expected, ModelAnswer.Of(_reader.Translate(liodn, iova, (ulong)length, DmaAccess.Write)), $"LIODN 0x{liodn:x}");
        }
    }

    private static void Agree<T>(T expected, T actual, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
        {
            throw new DisagreementException($"{what}: the model says {expected}, the engine {actual}");
        }
    }
}
