namespace PamuFastPath.Tests;

public class Smoke
{
    [Fact]
    public void Works()
    {
        using var engine = new PamuEngine();
        using PamuContainer c = engine.CreateContainer();
        c.SetGeometry(0, 0x1fffffff);
        c.SetWindows(8);
        c.MapDma(0x7f00_0000_0000, 0, 0x4000000, DmaPermissions.ReadWrite);
        c.MapDma(0x7f00_0400_0000, 0x4000000, 0x100000, DmaPermissions.Read);
        c.MapMsiBank(1, 0x10000000);
        PamuGroup g = engine.CreateGroup(1, [0x42], [1]);
        using PamuReader r = engine.CreateReader();
        Assert.Equal(FaultKind.NoMapping, r.Translate(c, 0x10000140, 4, DmaAccess.Write).Fault);
        g.Attach(c);
        Assert.Equal(1, r.Translate(0x42u, 0x10000140, 4, DmaAccess.Write).MsiBank);
        Assert.Equal(0x7f00_0000_1234ul, r.Translate(c, 0x1234, 4, DmaAccess.Write).Target);
        Assert.Equal(FaultKind.DirectionDenied, r.Translate(c, 0x4001234, 4, DmaAccess.Write).Fault);
        Assert.Equal(FaultKind.BeyondMapping, r.Translate(c, 0x40fffff, 4, DmaAccess.Read).Fault);
        Assert.Equal(TranslationKind.Crosses, r.Translate(c, 0x3ffffff, 4, DmaAccess.Read).Kind);
        Assert.Equal(FaultKind.OutOfAperture, r.Translate(c, ulong.MaxValue, 4, DmaAccess.Read).Fault);
        using (ReaderSection s = r.Enter(c))
        {
            var seg = new DmaSegment[4];
            RangeTranslation x = s.TranslateRange(0x3fffff0, 0x20, DmaAccess.Read, seg);
            Assert.True(x.IsComplete);
            Assert.Equal(1, x.SegmentCount);
            Assert.Equal(Errno.EDEADLK, Assert.Throws<PamuException>(() => c.UnmapDma(0, 0x4000000)).Errno);
        }

        Assert.Equal(0x4000000ul, c.UnmapDma(0, 0x4000000));
        g.Detach();
        Assert.Equal(FaultKind.UnknownLiodn, r.Translate(0x42u, 0x10000140, 4, DmaAccess.Write).Fault);
    }
}
