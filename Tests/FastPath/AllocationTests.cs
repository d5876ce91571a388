using PamuFastPath.Bench.Measure;

namespace PamuFastPath.Tests.FastPath;

public class AllocationTests
{
    private const int Accesses = 100_000;

    [Fact]
    public void Translating_allocates_nothing_whatever_the_answer()
    {
        using var engine = new PamuEngine();
        PamuContainer container = engine.CreateContainer();
        container.SetGeometry(0, 0xFFFF_FFFF);
        container.SetWindows(16);
        container.MapDma(0x1_0000_0000, 0, 0x1000_0000, DmaPermissions.ReadWrite);
        container.MapDma(0x9_0000_0000, 0x1000_0000, 0x1000, DmaPermissions.Read);
        container.MapMsiBank(0, 0x2000_0000);
        engine.CreateGroup(0, [0x42], [0]).Attach(container);
        using PamuReader reader = engine.CreateReader();
        var segments = new DmaSegment[16];
        int answers = 0;

        Assert.Equal(0, AllocatedBytes.Of(() => answers = TranslateMany(reader, container, segments)));
        Assert.Equal(3 * Accesses, answers);
    }

    private static int TranslateMany(PamuReader reader, PamuContainer container, Span<DmaSegment> segments)
    {
        int answers = 0;
        for (ulong i = 0; i < Accesses; i++)
        {
            ulong iova = i * 0x9E37_79B9; // strides over mapped, small, MSI and empty windows and past the aperture
            answers += Answer(reader.Translate(container, iova, 64, DmaAccess.Write));
            answers += Answer(reader.Translate(0x42u, iova & 0x3FFF_FFFF, 64, DmaAccess.Read));
            using ReaderSection section = reader.Enter(container);
            answers += section.TranslateRange(iova & 0x1FFF_FFFF, 0x2000, DmaAccess.Read, segments).SegmentCount >= 0 ? 1 : 0;
        }

        return answers;
    }

    private static int Answer(Translation translation) => translation.Target != 0 || translation.Kind == TranslationKind.Fault ? 1 : 0;
}
