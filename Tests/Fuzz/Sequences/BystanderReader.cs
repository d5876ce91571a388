namespace PamuFastPath.Fuzz.Sequences;

/// <summary>
/// A thread that translates all the time in all containers. What it finds cannot be compared with the model, which is elsewhere by then; but a section's
/// table must not change, translations of one section must agree, and a table that was freed would be a crash or a wrong magic.
/// </summary>
internal sealed class BystanderReader
{
    private readonly PamuEngine _engine;
    private readonly Thread _thread;
    private volatile bool _isStopping;
    private Exception? _wrong;

    internal BystanderReader(PamuEngine engine)
    {
        _engine = engine;
        _thread = new Thread(Run) { IsBackground = true, Name = "bystander" };
        _thread.Start();
    }

    /// <summary>Ends it, and throws what it found.</summary>
    internal void Stop()
    {
        _isStopping = true;
        _thread.Join();
        if (Interlocked.Exchange(ref _wrong, null) is Exception wrong)
        {
            throw new Targets.FindingException($"a reader beside the calls: {wrong}");
        }
    }

    private void Run()
    {
#pragma warning disable CA1031 // thrown where the thread is joined
        try
        {
            using PamuReader reader = _engine.CreateReader();
            byte[] image = new byte[TableLayout.ImageBytes];
            while (!_isStopping)
            {
                foreach (PamuContainer container in _engine.Containers)
                {
                    using ReaderSection section = reader.Enter(container);
                    Look(section, image);
                }

                using ReaderSection device = reader.Enter(0x42u);
                Look(device, image);
                Thread.Yield();
            }
        }
        catch (Exception wrong)
        {
            _wrong = wrong;
        }
#pragma warning restore CA1031
    }

    private static void Look(in ReaderSection section, byte[] image)
    {
        TableView table = section.Table;
        table.Image.CopyTo(image);
        ulong window = 1UL << table.WindowShift;
        for (int i = 0; i < table.WindowCount; i++)
        {
            ulong iova = table.ApertureBase + (ulong)i * window;
            Translation one = section.Translate(iova, 1, DmaAccess.Read);
            Translation other = section.Translate(iova, 1, DmaAccess.Read);
            if (one != other)
            {
                throw new InvalidOperationException($"0x{iova:x} is {one} and {other} in one section");
            }
        }

        if (!table.Image.SequenceEqual(image))
        {
            throw new InvalidOperationException("the table of a section has changed");
        }
    }
}
