using System.Collections.Immutable;

namespace PamuFastPath.Tests.Concurrency;

/// <summary>
/// Readers translate without pause while a writer maps, unmaps and re-geometries. The writer notes, before each call, what the
/// table it is about to publish must answer; a reader looks up the note of the table it got, and also checks that this table was not older
/// than the newest one that was complete before its section.
/// </summary>
internal sealed class PublicationStress : IDisposable
{
    private const int Windows = 16;
    private const int NotesKept = 1 << 16;

    private readonly PamuEngine _engine = new();
    private readonly PamuContainer _container;
    private readonly Note?[] _notes = new Note?[NotesKept];
    private long _complete; // generation of the newest table whose call has returned
    private long _sections;
    private long _publications;
    private volatile bool _stop;
    private volatile string? _violation;

    internal PublicationStress(bool withoutGrace)
    {
        _engine.Publisher.SkipGraceForTest = withoutGrace;
        _container = _engine.CreateContainer();
        Expect(_container.Generation, new Note(0, (1UL << 36) - 1, Empty(256)));
        _complete = (long)_container.Generation;
    }

    /// <summary>What the table of one generation answers: the target of each window, 0 for an empty one.</summary>
    private sealed record Note(ulong Start, ulong Last, ImmutableArray<ulong> Targets)
    {
        internal ulong WindowSize => (Last - Start + 1) / (ulong)Targets.Length;
    }

    /// <returns>What went wrong, or null; and how much was done.</returns>
    internal (string? Violation, long Sections, long Publications) Run(TimeSpan duration, int readers)
    {
        Thread[] threads = [.. Enumerable.Range(0, readers).Select(i => new Thread(() => Guarded(() => Read(i))) { Name = $"reader {i}" })];
        Array.ForEach(threads, thread => thread.Start());
        Guarded(() => Write(duration));
        _stop = true;
        Array.ForEach(threads, thread => thread.Join());
        return (_violation, _sections, _publications);
    }

    public void Dispose() => _engine.Dispose();

    private void Guarded(Action body)
    {
        try
        {
            body();
        }
        catch (Exception failure)
        {
            _violation ??= failure.ToString();
            _stop = true;
        }
    }

    private void Write(TimeSpan duration)
    {
        var random = new Random(1);
        long end = Environment.TickCount64 + (long)duration.TotalMilliseconds;
        while (!_stop && Environment.TickCount64 < end)
        {
            Regeometry(random);
            for (int i = 0; i < 400 && !_stop; i++)
            {
                Step(random);
            }

            UnmapAll();
        }
    }

    private Note Current => _notes[_container.Generation % NotesKept]!;

    private void Regeometry(Random random)
    {
        // Nothing is live: an aperture alone publishes a new table when it differs from the old one.
        ulong size = 0x1_0000UL << random.Next(8);
        ulong start = size * (ulong)random.Next(64);
        int count = _container.Generation == 1 ? 256 : Windows;
        Publish(new Note(start, start + size - 1, Empty(count)), () => _container.SetGeometry(start, start + size - 1));
        Publish(new Note(start, start + size - 1, Empty(Windows)), () => _container.SetWindows(Windows));
    }

    private void Step(Random random)
    {
        Note now = Current;
        int window = random.Next(Windows);
        ulong iova = now.Start + (ulong)window * now.WindowSize;
        if (now.Targets[window] == 0)
        {
            // Each mapping has a target of its own, so an answer from an old table cannot pass for a new one.
            ulong target = (_container.Generation + 1) << 24;
            Publish(now with { Targets = now.Targets.SetItem(window, target) },
                () => _container.MapDma(target, iova, now.WindowSize, DmaPermissions.ReadWrite));
        }
        else
        {
            Publish(now with { Targets = now.Targets.SetItem(window, 0) }, () => _container.UnmapDma(iova, now.WindowSize));
        }
    }

    private void UnmapAll()
    {
        Note now = Current;
        if (now.Targets.Any(target => target != 0))
        {
            Publish(now with { Targets = Empty(now.Targets.Length) }, () => _container.UnmapDma(now.Start, now.Last - now.Start + 1));
        }
    }

    private void Publish(Note note, Action call)
    {
        ulong before = _container.Generation;
        Expect(before + 1, note);
        call();
        ulong after = _container.Generation;
        if (after == before)
        {
            return; // the call changed nothing a device could see
        }

        Volatile.Write(ref _complete, (long)after);
        _publications++;
    }

    private void Expect(ulong generation, Note note) => Volatile.Write(ref _notes[generation % NotesKept], note);

    private void Read(int seed)
    {
        var random = new Random(seed);
        long sections = 0;
        while (!_stop)
        {
            using PamuReader reader = _engine.CreateReader($"reader {seed}"); // readers come and go
            for (int i = 0; i < 5_000 && !_stop; i++)
            {
                CheckSection(reader, random, random.Next(4) == 0);
                sections++;
            }
        }

        Interlocked.Add(ref _sections, sections);
    }

    private void CheckSection(PamuReader reader, Random random, bool nests)
    {
        long complete = Volatile.Read(ref _complete);
        using ReaderSection section = reader.Enter(_container);
        ulong generation = section.Table.Generation;
        if ((long)generation < complete)
        {
            Fail($"table {generation} was entered after table {complete} had been published");
        }

        Note note = Volatile.Read(ref _notes[generation % NotesKept])!;
        for (int i = 0; i < 8; i++)
        {
            ulong iova = note.Start - 0x1000 + (ulong)random.NextInt64((long)(note.Last - note.Start) + 0x2000);
            Check(section, note, iova, generation);
        }

        if (nests)
        {
            // The inner section may have a newer table; the outer one's must survive the inner one's end.
            using (ReaderSection inner = reader.Enter(_container))
            {
                _ = inner.Translate(note.Start, 4, DmaAccess.Read);
            }

            Check(section, note, note.Start, generation);
        }

        if (section.Table.Generation != generation)
        {
            Fail($"table {generation} became table {section.Table.Generation} inside a section");
        }
    }

    private void Check(in ReaderSection section, Note note, ulong iova, ulong generation)
    {
        bool inside = iova >= note.Start && iova <= note.Last;
        ulong window = inside ? (iova - note.Start) / note.WindowSize : 0;
        ulong target = inside ? note.Targets[(int)window] : 0;
        ulong expected = target == 0 ? ulong.MaxValue : target + (iova - note.Start) % note.WindowSize;
        ulong got = section.Translate(iova, 1, DmaAccess.Write).Target;
        if (got != expected)
        {
            Fail($"table {generation}: 0x{iova:x} -> 0x{got:x}, expected 0x{expected:x}");
        }
    }

    private void Fail(string what)
    {
        _violation ??= what;
        _stop = true;
    }

    private static ImmutableArray<ulong> Empty(int count) => ImmutableArray.Create(new ulong[count]);
}
