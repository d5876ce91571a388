using PamuFastPath.Tests.Model;

namespace PamuFastPath.Tests.Properties;

/// <summary>Compares what devices may do: at the edges of windows, mappings and the aperture, one byte to each side.</summary>
internal sealed class Probes(PamuReader reader)
{
    private static readonly DmaSegment Untouched = new(1, 2, 3, 4);

    private readonly DmaSegment[] _segments = new DmaSegment[257];

    /// <summary>The edges of one window.</summary>
    internal void Window(PamuContainer engine, ModelContainer model, int index)
    {
        using ReaderSection section = reader.Enter(engine);
        StartAndMappingEnd(section, engine, model, index);
        Edge(section, engine, model, model.StartOf(index + 1));
    }

    /// <summary>Every edge of a container.</summary>
    internal void All(PamuContainer engine, ModelContainer model)
    {
        using ReaderSection section = reader.Enter(engine);
        for (int i = 0; i < model.Count; i++)
        {
            StartAndMappingEnd(section, engine, model, i);
        }

        Edge(section, engine, model, model.End);
        Edge(section, engine, model, 0);
    }

    /// <summary>Some of a container's edges, where all of them would take too long: those of windows that are mapped first.</summary>
    internal void Some(PamuContainer engine, ModelContainer model, int windowsMax)
    {
        using ReaderSection section = reader.Enter(engine);
        foreach (int i in Enumerable.Range(0, (int)model.Count).OrderBy(i => i < model.Windows.Length && model.Windows[i] != null ? 0 : 1).Take(windowsMax))
        {
            StartAndMappingEnd(section, engine, model, i);
        }

        Edge(section, engine, model, model.End);
    }

    private void StartAndMappingEnd(in ReaderSection section, PamuContainer engine, ModelContainer model, int index)
    {
        UInt128 start = model.StartOf(index);
        Edge(section, engine, model, start);
        if (index < model.Windows.Length && model.Windows[index] is ModelWindow window && window.Size < model.WindowSize)
        {
            Edge(section, engine, model, start + window.Size);
        }
    }

    private void Edge(in ReaderSection section, PamuContainer engine, ModelContainer model, UInt128 edge)
    {
        for (int side = -1; side <= 1; side++)
        {
            ulong iova = unchecked((ulong)edge + (ulong)side);
            ulong? phys = engine.TryIovaToPhys(iova, out ulong found) ? found : null;
            Agree(ModelTranslation.IovaToPhys(model, iova), phys, "IovaToPhys", iova, 0, default);

            ReadOnlySpan<ulong> lengths = [1, 4, 4096, (ulong)model.WindowSize, (ulong)model.WindowSize + 1, 1UL << 63, ulong.MaxValue, 0];
            foreach (ulong length in lengths)
            {
                Access(section, model, iova, length, DmaAccess.Read);
                Access(section, model, iova, length, DmaAccess.Write);
            }
        }
    }

    private void Access(in ReaderSection section, ModelContainer model, ulong iova, ulong length, DmaAccess access)
    {
        Translation answer = section.Translate(iova, length, access);
        ModelAnswer expected = ModelTranslation.Translate(model, iova, length, access);
        Agree(expected, ModelAnswer.Of(answer), "Translate", iova, length, access);
        int offset = expected.Kind == TranslationKind.Msi ? (int)(expected.Target % 4096) : 0;
        Agree(offset, answer.MsiOffset, "MsiOffset", iova, length, access);
        Range(section, model, iova, length, access);
    }

    private void Range(in ReaderSection section, ModelContainer model, ulong iova, ulong length, DmaAccess access)
    {
        ModelRange expected = ModelTranslation.TranslateRange(model, iova, length, access);
        int count = expected.Segments.Count;
        Span<DmaSegment> segments = _segments.AsSpan(0, count + 1);
        segments.Fill(Untouched);
        RangeTranslation answer = section.TranslateRange(iova, length, access, segments[..count]);
        var whole = new RangeTranslation(count, expected.Fault == FaultKind.None, expected.Fault, expected.FaultIova);
        Agree(whole, answer, "TranslateRange", iova, length, access);
        for (int i = 0; i < count; i++)
        {
            Agree(expected.Segments[i], segments[i], "segment", iova, length, access);
        }

        Agree(Untouched, segments[count], "the entry after the last segment", iova, length, access);
        if (count > 1)
        {
            Span<DmaSegment> tooShort = segments[..(count - 1)];
            tooShort.Fill(Untouched);
            RangeTranslation needs = section.TranslateRange(iova, length, access, tooShort);
            Agree(whole with { IsComplete = false }, needs, "TranslateRange, span too short", iova, length, access);
            Agree(Untouched, tooShort[0], "the first entry of a span that is too short", iova, length, access);
        }
    }

    private static void Agree<T>(T expected, T actual, string what, ulong iova, ulong length, DmaAccess access)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
        {
            throw new DisagreementException(
                $"{what}: {access} of {length:#,0} bytes at 0x{iova:x}: the model says {expected}, the engine {actual}");
        }
    }
}

/// <summary>Engine and model differ.</summary>
internal sealed class DisagreementException(string message) : Exception(message);
