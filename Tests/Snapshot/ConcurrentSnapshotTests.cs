using System.Runtime.InteropServices;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Snapshot;

/// <summary>Saving and restoring beside control calls, devices that fault, and a log that is read.</summary>
public sealed class ConcurrentSnapshotTests
{
    private const int SavesWanted = 300;
    private const int GenerationInContainer = 32;

    /// <summary>Two states take turns, everything at once and a table each: a snapshot is one of the two, with a generation of that one's.</summary>
    [Fact]
    public async Task A_snapshot_beside_control_calls_is_of_one_moment()
    {
        using var machine = new SnapshotMachine();
        PamuGroup even = machine.Engine.CreateGroup(0, [0x40], [0]);
        PamuGroup odd = machine.Engine.CreateGroup(1, [0x41], [1]);
        machine.Container.SetGeometry(Start, Start + Count * Window - 1);
        machine.Container.SetWindows(Count);
        var byParity = new byte[2][];
        Flip(machine.Container, 0, even, odd, isFirst: true);
        byParity[(int)(machine.Container.Generation % 2)] = WithoutGeneration(machine.Container.Save(), out _);
        Flip(machine.Container, 1, odd, even);
        byParity[(int)(machine.Container.Generation % 2)] = WithoutGeneration(machine.Container.Save(), out _);
        Assert.False(byParity[0].SequenceEqual(byParity[1]));

        int stillSaving = 2;
        Task[] savers = [.. Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
        {
            try
            {
                var seen = new int[2];
                while (seen.Sum() < SavesWanted || seen.Min() == 0)
                {
                    byte[] state = WithoutGeneration(machine.Container.Save(), out ulong generation);
                    seen[generation % 2]++;
                    Assert.True(state.SequenceEqual(byParity[generation % 2]), $"generation {generation} has the state of its own table");
                }
            }
            finally
            {
                Interlocked.Decrement(ref stillSaving);
            }
        }))];
        for (int turn = 0; Volatile.Read(ref stillSaving) > 0; turn++)
        {
            Flip(machine.Container, turn % 2, turn % 2 == 0 ? even : odd, turn % 2 == 0 ? odd : even);
        }

        await Task.WhenAll(savers);
    }

    /// <summary>The log is written by one thread and read by another: what is saved is whole, and what waited in a row.</summary>
    [Fact]
    public async Task Faults_are_saved_whole_and_in_a_row_while_others_are_recorded_and_taken()
    {
        using var machine = new SnapshotMachine();
        machine.Engine.CreateGroup(0, [0x40], []).Attach(machine.Container);
        bool isDone = false;
        Task writer = Task.Run(() =>
        {
            for (ulong n = 0; !Volatile.Read(ref isDone);)
            {
                n += machine.Engine.Faults.Record(Fault(n)) ? 1ul : 0;
            }
        });
        Task reader = Task.Run(() =>
        {
            for (ulong n = 0; !Volatile.Read(ref isDone);)
            {
                if (machine.Engine.Faults.TryTake(out FaultRecord fault))
                {
                    Assert.Equal(Fault(n++), fault);
                }
            }
        });
        int saved = 0;
        try
        {
            ulong newest = 0;
            for (int i = 0; i < SavesWanted || (saved == 0 && !reader.IsCompleted); i++)
            {
                byte[] faults = SnapshotBytes.Chunks(machine.Container.Save()).Find(chunk => chunk.Id == "FLTS")?.Payload ?? [];
                ulong first = faults.Length == 0 ? newest : MemoryMarshal.Read<ulong>(faults.AsSpan(16));
                for (int at = 0; at < faults.Length; at += 40)
                {
                    Assert.Equal(Fault(first + (ulong)(at / 40)), Read(faults.AsSpan(at)));
                    saved++;
                }

                newest = first;
            }
        }
        finally
        {
            Volatile.Write(ref isDone, true);
            await Task.WhenAll(writer, reader);
        }

        Assert.True(saved > 0);
    }

    /// <summary>All want the same groups.</summary>
    [Fact]
    public void Of_several_threads_that_restore_the_same_snapshot_one_succeeds_and_the_others_leave_nothing()
    {
        byte[] snapshot = SnapshotMachine.Saved();
        using var machine = new SnapshotMachine();
        machine.Container.Dispose();
        for (int round = 0; round < 50; round++)
        {
            PamuContainer[] containers = [.. Enumerable.Range(0, 3).Select(_ => machine.Engine.CreateContainer())];
            var errnos = new Errno[containers.Length];
            Parallel.For(0, containers.Length, i => errnos[i] = ErrnoOf.Call(() => containers[i].Restore(snapshot)));
            Assert.Equal([Errno.Ok, Errno.EBUSY, Errno.EBUSY], errnos.Order());
            PamuGroup[] groups = [.. containers[Array.IndexOf(errnos, Errno.Ok)].Groups];
            Array.ForEach(containers, container => container.Dispose());
            Array.ForEach(groups, machine.Engine.RemoveGroup);
            Assert.Equal(3, machine.TakeFaults().Count);
        }
    }

    [Fact]
    public void A_container_that_is_closed_meanwhile_is_saved_whole_or_EBADF_and_restored_or_EBADF()
    {
        byte[] snapshot = SnapshotMachine.Saved();
        using var machine = new SnapshotMachine();
        for (int round = 0; round < 100; round++)
        {
            PamuContainer container = machine.Engine.CreateContainer();
            byte[]? saved = null;
            byte[] empty = container.Save();
            Errno restored = Errno.Ok;
            Errno read = Errno.Ok;
            Parallel.Invoke(
                container.Dispose,
                () => restored = ErrnoOf.Call(() => container.Restore(snapshot)),
                () => read = ErrnoOf.Call(() => saved = container.Save()));
            Assert.True(restored is Errno.Ok or Errno.EBADF && read is Errno.Ok or Errno.EBADF, $"{restored} {read}");
            Assert.True(saved == null || saved.SequenceEqual(empty) || SnapshotBytes.Chunks(saved).Count >= 4 && saved.Length > empty.Length);
            Assert.Equal(restored == Errno.Ok ? 2 : 0, machine.Engine.Groups.Count);
            Assert.All(machine.Engine.Groups, group => Assert.Null(group.Container));
            Array.ForEach([.. machine.Engine.Groups], machine.Engine.RemoveGroup);
            machine.TakeFaults();
        }
    }

    private static void Flip(PamuContainer container, int state, PamuGroup comes, PamuGroup goes, bool isFirst = false)
    {
        using PamuTransaction transaction = container.BeginTransaction();
        if (!isFirst)
        {
            transaction.Detach(goes);
            transaction.UnmapDma(Start, Count * Window);
        }

        transaction.Attach(comes);
        transaction.SetStash((uint)state + 1, 3);
        for (int i = state; i < Count; i += 2)
        {
            transaction.MapDma((ulong)i * Window, At(i), Window, DmaPermissions.ReadWrite);
        }

        transaction.Commit();
    }

    private static byte[] WithoutGeneration(byte[] snapshot, out ulong generation)
    {
        ulong found = 0;
        byte[] without = SnapshotBytes.With(snapshot, "CONT", chunk =>
        {
            found = MemoryMarshal.Read<ulong>(chunk.Payload.AsSpan(GenerationInContainer));
            chunk.Payload.AsSpan(GenerationInContainer).Clear();
            return chunk;
        });
        generation = found;
        return without;
    }

    /// <summary>A fault whose every field tells its number.</summary>
    private static FaultRecord Fault(ulong n) =>
        new((FaultKind)(n % 6 + 1), 0x40, n, unchecked(n * 0x9E37_79B9_7F4A_7C15), (DmaAccess)(n % 2), ~n);

    private static FaultRecord Read(ReadOnlySpan<byte> bytes) => new(
        (FaultKind)MemoryMarshal.Read<int>(bytes),
        MemoryMarshal.Read<uint>(bytes[8..]),
        MemoryMarshal.Read<ulong>(bytes[16..]),
        MemoryMarshal.Read<ulong>(bytes[24..]),
        (DmaAccess)MemoryMarshal.Read<int>(bytes[4..]),
        MemoryMarshal.Read<ulong>(bytes[32..]));
}
