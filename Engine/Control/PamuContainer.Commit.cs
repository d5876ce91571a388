// One control call as one step over software and hardware (design decision 5).
//
//   adds rights      hardware, then publish
//   removes rights   publish, grace period, then hardware; if that refuses, the old table is published again
//   both             publish what old and new have in common, grace period, hardware, publish the new table
//
// With Publisher.RetiredMost tables waiting for a section that does not end, a call that only adds waits, too.
//
// What queries answer (the state, a group's container) changes last, when nothing can be refused any more: nobody sees a call that fails.
//
// Unsafe: holds tables between building and publishing. Invariant: every table a step can need is built before anything changes, so
// that running out of memory is a refusal too; on every way out each table is either published or freed.

using System.Diagnostics;
using PamuFastPath.Diagnostics;

namespace PamuFastPath;

public sealed unsafe partial class PamuContainer
{
    /// <summary>Makes <paramref name="next"/> the state, in software and hardware. The caller holds the turn.</summary>
    internal Refusal Commit(ContainerState next)
    {
        ContainerState old = _state;
        LiveChange change = LiveChange.Between(old, next);
        List<PamuGroup> joined = [.. next.Groups.Except(old.Groups)];
        List<PamuGroup> left = [.. old.Groups.Except(next.Groups)];
        bool removes = change.HasFlag(LiveChange.Removes) || left.Count > 0;

        // A restored state brings the count of its tables along; any other has the current one.
        bool publishes = change != LiveChange.None || next.Generation > _generation;
        bool waits = removes || publishes && Engine.Publisher.IsFull();
        if (waits && RefuseInsideSection(removes) is { IsRefused: true } deadlock)
        {
            return deadlock;
        }

        HardwareImage? image = _hardware == null ? null : HardwareImage.Of(next);
        if (image != null && _hardware!.Check(image) is { IsRefused: true } impossible)
        {
            return impossible;
        }

        // Only hardware needs a table in between, and one to come back with.
        bool isMixed = image != null && removes && change.HasFlag(LiveChange.Adds);

        ulong generation = Math.Max(_generation + 1, next.Generation);
        TableHeader* first = null;
        TableHeader* final = null;
        TableHeader* back = null;
        long building = PamuEventSource.Now();
        try
        {
            try
            {
                if (publishes)
                {
                    first = isMixed ? BuildCommon(old, next, generation) : Build(next, generation);
                    final = isMixed ? Build(next, generation + 1) : null;
                    back = image != null && removes ? Build(old, generation + 1) : null;
                }
            }
            catch (PamuException noMemory)
            {
                return new Refusal(noMemory.Errno, noMemory.Parameter, noMemory.Rule);
            }

            long builtFor = PamuEventSource.Since(building);
            if (image != null && !removes && _hardware!.Apply(image) is { IsRefused: true } cannotAdd)
            {
                return cannotAdd;
            }

            left.ForEach(ClearLiodns);
            Show(ref first, removes, waits, builtFor);
            if (image != null && removes)
            {
                if (_hardware!.Apply(image) is { IsRefused: true } cannotRemove)
                {
                    Show(ref back, removes: false, waits: false, builtFor);
                    left.ForEach(SetLiodns);
                    Become(old);
                    return cannotRemove;
                }

                Show(ref final, removes: false, waits: false, builtFor);
            }

            joined.ForEach(SetLiodns);
            joined.ForEach(group => group.Container = this);
            left.ForEach(group => group.Container = null);
            Become(next);
            return Refusal.None;
        }
        finally
        {
            Free(first);
            Free(final);
            Free(back);
        }
    }

    /// <summary>What queries answer from now on, with the generation of the table that is current.</summary>
    private void Become(ContainerState state) =>
        Volatile.Write(ref _state, state.Generation == _generation ? state : state with { Generation = _generation });

    /// <summary>Publishes a table, if there is one, and waits for the readers if rights go with it or went before, or too many tables wait.</summary>
    private void Show(ref TableHeader* table, bool removes, bool waits, long builtFor)
    {
        long began = Stopwatch.GetTimestamp();
        bool publishes = table != null;
        ulong retiredAt = 0;
        int live = 0;
        int windows = 0;
        if (publishes)
        {
            Debug.Assert(table->Generation > _generation, "generations count the tables published");
            live = table->LiveWindows;
            windows = (int)table->WindowCount;
            Volatile.Write(ref _generation, table->Generation);
            retiredAt = Engine.Publisher.Publish((TableCell*)_cell, table);
            table = null; // the cell's now
        }

        long grace = waits ? WaitForReaders(publishes ? retiredAt : Engine.Publisher.Advance()) : 0;
        if (publishes)
        {
            Engine.Control.AddPublication();
            PamuEventSource.Log.PublicationDone(Engine.Number, Fd, _generation, removes, began, windows, live, builtFor, grace);
            Engine.Published?.Invoke(Fd, _generation, PamuEventSource.Since(began)); // who is told is asked after the wait
        }
    }

    /// <summary>A grace period.</summary>
    /// <returns>How long it took in nanoseconds.</returns>
    private long WaitForReaders(ulong epoch)
    {
        long began = Stopwatch.GetTimestamp();
        Engine.Publisher.WaitForReaders(epoch);
        long nanoseconds = PamuEventSource.Since(began);
        Engine.Control.AddGrace((ulong)nanoseconds);
        PamuMeter.GraceDone(Engine.Number, Fd, nanoseconds);
        return nanoseconds;
    }

    /// <summary>A call that has to wait would wait for the caller's own section for ever.</summary>
    private Refusal RefuseInsideSection(bool removes = true) =>
        !Engine.Readers.CallerIsInSection() ? Refusal.None
        : removes ? Refusal.Deadlock("caller", "a call that takes rights away is made outside the thread's own reader sections")
        : Refusal.Deadlock("caller", $"a section is left before {Publisher.RetiredMost} tables were replaced");

    /// <summary>The group's devices use this container's table from now on.</summary>
    private void SetLiodns(PamuGroup group)
    {
        foreach (int liodn in group.Liodns)
        {
            Engine.Liodns.Set(liodn, (TableCell*)_cell);
        }
    }

    /// <summary>The group's devices are unknown to readers that enter from now on.</summary>
    private void ClearLiodns(PamuGroup group)
    {
        foreach (int liodn in group.Liodns)
        {
            Engine.Liodns.Clear(liodn);
        }
    }

    private TableHeader* Build(ContainerState state, ulong generation)
    {
        Span<LiveWindow> windows = stackalloc LiveWindow[(int)state.WindowCount];
        for (int i = 0; i < windows.Length; i++)
        {
            windows[i] = state.LiveWindow(i);
        }

        return TableBuilder.Build(state.Geometry, windows, generation, _account.Offset);
    }

    /// <summary>What is allowed before and after a step, with the same result.</summary>
    private TableHeader* BuildCommon(ContainerState old, ContainerState next, ulong generation)
    {
        bool sameGeometry = old.Geometry.Equals(next.Geometry);
        Span<LiveWindow> windows = stackalloc LiveWindow[(int)next.WindowCount];
        for (int i = 0; i < windows.Length; i++)
        {
            windows[i] = sameGeometry ? old.LiveWindow(i).Common(next.LiveWindow(i)) : LiveWindow.Empty;
        }

        return TableBuilder.Build(next.Geometry, windows, generation, _account.Offset);
    }

    private static void Free(TableHeader* table)
    {
        if (table != null)
        {
            TableBuilder.Free(table);
        }
    }
}
