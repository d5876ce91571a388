namespace PamuFastPath.Soak;

/// <summary>
/// Threads that come, read for a while and go; now and then one forgets its reader. They cause no events: of a thread that wrote one and ended, the runtime's
/// EventPipe keeps something for ever (docs/verification.md).
/// </summary>
internal sealed class Visits(Machine machine)
{
    private const int Threads = 3;
    private const int Accesses = 2_000;
    private const int Batch = 64;
    private const int LostEvery = 16; // few: a second of them takes no more slots than the first

    private int _visits;
    private volatile string? _wrong;

    internal void Once()
    {
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(i => new Thread(() => Visit(_visits * Threads + i, isLost: i == 0 && _visits % LostEvery == 0)))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        _visits++;
        if (_wrong != null)
        {
            throw new InvalidOperationException(_wrong);
        }
    }

    private void Visit(int seed, bool isLost)
    {
        var random = new Random(seed);
        PamuReader reader = machine.Engine.CreateReader();
        for (int i = 0; i < Accesses; i++)
        {
            ulong iova = (ulong)random.NextInt64((long)(Machine.Windows * Machine.WindowBytes));
            Look(iova, reader.Translate(Machine.Liodn, iova, 1, DmaAccess.Read));
            using ReaderSection outer = reader.Enter(machine.Container);
            Look(iova, outer.Translate(iova, 1, DmaAccess.Write));
            using ReaderSection inner = reader.Enter(Machine.Liodn);
            Look(iova, inner.Translate(iova, 1, DmaAccess.Write));
        }

        LookAtBatch(reader, random);
        if (!isLost)
        {
            reader.Dispose();
        }
    }

    private void LookAtBatch(PamuReader reader, Random random)
    {
        Span<ulong> iovas = stackalloc ulong[Batch];
        Span<ulong> targets = stackalloc ulong[Batch];
        Span<ulong> faults = stackalloc ulong[1];
        Span<ulong> crosses = stackalloc ulong[1];
        Span<ulong> messages = stackalloc ulong[1];
        foreach (ref ulong iova in iovas)
        {
            iova = (ulong)random.NextInt64((long)(Machine.Windows * Machine.WindowBytes));
        }

        using ReaderSection section = reader.Enter(machine.Container);
        section.TranslateBatch(iovas, 1, DmaAccess.Read, targets, faults, crosses, messages);
        for (int i = 0; i < Batch; i++)
        {
            if ((faults[0] >> i & 1) == 0 && targets[i] != Machine.Offset + iovas[i])
            {
                _wrong = $"in a batch, 0x{iovas[i]:x} went to 0x{targets[i]:x}";
            }
        }
    }

    private void Look(ulong iova, Translation answer)
    {
        if (answer.IsDma ? answer.Target != Machine.Offset + iova : answer.Fault == FaultKind.None)
        {
            _wrong = $"0x{iova:x} went to 0x{answer.Target:x}";
        }
    }
}
