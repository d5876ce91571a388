using PamuFastPath.Tests.Model;

namespace PamuFastPath.Tests.Properties;

/// <summary>What a sequence has besides single calls: transactions, sections that are held while calls are made, snapshots.</summary>
internal sealed partial class Lockstep
{
    private int _sections;

    /// <summary>Makes calls in one transaction and commits it, or drops it. Outside nothing is seen of it before.</summary>
    /// <returns>How many of the calls succeeded.</returns>
    internal int RunTransaction(int container, ReadOnlySpan<Call> calls, bool commits)
    {
        Pair pair = _pairs[container % _pairs.Length];
        ModelEngine inside = _model.Copy();
        ModelContainer model = inside.Find(pair.Model.Fd)!;
        int succeeded = 0;
        using PamuTransaction transaction = pair.Engine.BeginTransaction();
        foreach (ref readonly Call call in calls)
        {
            if (call.Op != Op.Close)
            {
                succeeded += RunInTransaction(call, inside, model, pair, transaction) ? 1 : 0;
                CompareAfter(pair, -1, mayChangeOthers: false);
            }
        }

        CompareQueries(model, transaction);
        Agree(Errno.EDEADLK, ErrnoOf.Call(() => pair.Engine.SetStash(0, 3)), "a control call inside a transaction");
        if (!commits)
        {
            transaction.Dispose();
            CompareAfter(pair, -1, mayChangeOthers: false);
            return succeeded;
        }

        Errno expected = _sections > 0 && inside.HasLess(_model) ? Errno.EDEADLK : Errno.Ok;
        Agree(expected, ErrnoOf.Call(transaction.Commit), "the commit");
        if (expected == Errno.Ok)
        {
            Become(inside);
        }

        CompareAfter(pair, -(long)expected, mayChangeOthers: false);
        return succeeded;
    }

    /// <summary>
    /// Does something inside a section on a container. Its table stays as it was whatever happens, and calls that take rights away are EDEADLK.
    /// </summary>
    internal void RunInSection(int container, Action inner)
    {
        PamuContainer held = _pairs[container % _pairs.Length].Engine;
        using ReaderSection section = _reader.Enter(held);
        byte[] image = section.Table.Image.ToArray();
        _sections++;
        try
        {
            inner();
        }
        finally
        {
            _sections--;
        }

        Agree(true, section.Table.Image.SequenceEqual(image), "the table of a section stays as it is");
    }

    /// <summary>Whatever state a container has got into can be saved and restored, and is the same then.</summary>
    internal void SaveAndRestore(int container)
    {
        Pair pair = _pairs[container % _pairs.Length];
        byte[] snapshot = pair.Engine.Save();
        using var engine = new PamuEngine(_engine.Platform);
        PamuContainer restored = engine.CreateContainer();
        restored.Restore(snapshot);
        CompareQueries(pair.Model, restored);
        Agree(pair.Engine.Generation, restored.Generation, "the generation of a restored container");
        using PamuReader reader = engine.CreateReader();
        new Probes(reader).Some(restored, pair.Model, windowsMax: 16);
        Agree(true, snapshot.AsSpan().SequenceEqual(restored.Save()), "a restored container saves the same");
        CompareAfter(pair, -1, mayChangeOthers: false);
    }

    private bool RunInTransaction(in Call call, ModelEngine inside, ModelContainer model, Pair pair, PamuTransaction transaction)
    {
        Arguments a = CallArguments.Of(call, inside.Machine, model);
        (ModelGroup outsideGroup, PamuGroup group) = _groups[call.Window % _groups.Count];
        ModelGroup modelGroup = inside.FindGroup(outsideGroup.Id)!;
        ulong expectedBytes = 0;
        ulong actualBytes = 0;
        Op op = call.Op;
        Errno expected = op switch
        {
            Op.Attach => inside.Attach(modelGroup, model),
            Op.Detach => modelGroup.Container == model ? ModelEngine.Detach(modelGroup) : Errno.EINVAL, // only out of its own container
            _ => Make(op, a, model, out expectedBytes),
        };
        Errno actual = ErrnoOf.Call(() =>
        {
            switch (op)
            {
                case Op.Attach: transaction.Attach(group); break;
                case Op.Detach: transaction.Detach(group); break;
                default: actualBytes = Make(op, a, transaction); break;
            }
        });
        Agree(expected, actual, $"{op}({a}) in a transaction");
        Agree(expectedBytes, actualBytes, "the bytes unmapped");
        return expected == Errno.Ok;
    }

    /// <summary>What the model is to go back to if a call turns out to take rights away; null outside sections, where it may.</summary>
    private ModelEngine? InSection() => _sections > 0 ? _model.Copy() : null;

    /// <summary>Whether a call that the model let pass has to be refused because a section is held; the model has not had it then.</summary>
    private bool IsDeadlock(ModelEngine? before, Errno errno)
    {
        if (before == null || errno != Errno.Ok || !_model.HasLess(before))
        {
            return false;
        }

        Become(before);
        return true;
    }

    private void Become(ModelEngine model)
    {
        _model = model;
        foreach (Pair pair in _pairs)
        {
            pair.Model = model.Find(pair.Engine.Fd)!;
        }

        for (int i = 0; i < _groups.Count; i++)
        {
            _groups[i] = (model.FindGroup(_groups[i].Model.Id)!, _groups[i].Engine);
        }
    }
}
