using PamuFastPath.Tests.Kernels;

namespace PamuFastPath.Tests.Native;

/// <summary>
/// Writes published tables with accesses and the engine's answers to them, for C programs that read images without the library (dump.h
/// says the same from the other side). Everything but the images is little-endian; an image is the bytes that were published.
/// </summary>
internal static class TableDump
{
    private static ReadOnlySpan<byte> Magic => "PAMUDUMP"u8;

    /// <summary>Writes <paramref name="tables"/> random tables and two that refuse everything.</summary>
    internal static void Write(string path, int tables, int probes, int seed)
    {
        var random = new Random(seed);
        using var file = new BinaryWriter(File.Create(path));
        file.Write(Magic);
        file.Write(tables + 2);
        for (int i = 0; i < tables; i++)
        {
            using var table = new RandomTable(random);
            using PamuReader reader = table.Engine.CreateReader();
            using ReaderSection section = reader.Enter(table.Container);
            WriteTable(file, section, table, probes, random);
        }

        WriteRefusing(file, probes, random);
    }

    /// <summary>The tables of a LIODN that nobody holds and of a closed container.</summary>
    private static void WriteRefusing(BinaryWriter file, int probes, Random random)
    {
        using var table = new RandomTable(random);
        using PamuReader reader = table.Engine.CreateReader();
        using (ReaderSection unknown = reader.Enter(0x499))
        {
            WriteTable(file, unknown, table, probes, random);
        }

        table.Container.Dispose();
        using ReaderSection closed = reader.Enter(table.Container);
        WriteTable(file, closed, table, probes, random);
    }

    private static void WriteTable(BinaryWriter file, in ReaderSection section, RandomTable table, int probes, Random random)
    {
        file.Write(section.Table.Image.Length);
        file.Write(probes);
        file.Write(section.Table.Image);
        for (int i = 0; i < probes; i++)
        {
            WriteProbe(file, section, table.SomeIova(random), table.SomeLength(random), (DmaAccess)random.Next(2));
        }
    }

    private static void WriteProbe(BinaryWriter file, in ReaderSection section, ulong iova, ulong length, DmaAccess access)
    {
        Translation answer = section.Translate(iova, length, access);
        Span<DmaSegment> segments = stackalloc DmaSegment[TableLayout.WindowCountMax];
        RangeTranslation range = section.TranslateRange(iova, length, access, segments);

        file.Write(iova);
        file.Write(length);
        file.Write((uint)access);
        file.Write((uint)answer.Kind);
        file.Write(answer.Target);
        file.Write(answer.FaultIova);
        file.Write((uint)answer.Fault);
        file.Write(answer.MsiBank);
        file.Write(answer.MsiOffset);
        file.Write((uint)range.Fault);
        file.Write(range.FaultIova);
        file.Write(range.SegmentCount);
        foreach (ref readonly DmaSegment segment in segments[..range.SegmentCount])
        {
            file.Write(segment.Iova);
            file.Write(segment.Target);
            file.Write(segment.Length);
            file.Write(segment.MsiBank);
        }
    }
}
