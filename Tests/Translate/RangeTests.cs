using PamuFastPath.Tests.Control;

namespace PamuFastPath.Tests.Translate;

public class RangeTests
{
    [Fact]
    public void Targets_that_meet_across_the_end_of_the_address_space_are_two_segments()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(ulong.MaxValue - Machine.Window + 1, Machine.At(0), Machine.Window, DmaPermissions.Read);
        container.MapDma(0, Machine.At(1), Machine.Window, DmaPermissions.Read);
        var segments = new DmaSegment[2];

        using ReaderSection section = machine.Reader.Enter(container);
        RangeTranslation range = section.TranslateRange(Machine.At(0), 2 * Machine.Window, DmaAccess.Read, segments);

        Assert.Equal(new RangeTranslation(2, true, FaultKind.None, 0), range);
        Assert.Equal(new DmaSegment(Machine.At(0), ulong.MaxValue - Machine.Window + 1, Machine.Window, -1), segments[0]);
        Assert.Equal(new DmaSegment(Machine.At(1), 0, Machine.Window, -1), segments[1]);
    }

    [Fact]
    public void Contiguous_targets_merge_and_an_MSI_page_is_always_a_segment_of_its_own()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Fresh();
        container.SetGeometry(0, 0x3FFF);
        container.SetWindows(4);
        ulong bank = machine.Engine.Platform.MsiBanks[0].Page;
        container.MapDma(bank - 0x2000, 0, 0x2000, DmaPermissions.ReadWrite);
        container.MapMsiBank(0, 0x2000, DmaPermissions.ReadWrite);
        container.MapDma(bank + 0x1000, 0x3000, 0x1000, DmaPermissions.ReadWrite);
        machine.Engine.CreateGroup(1, [0x42], [0]).Attach(container);
        var segments = new DmaSegment[3];

        using ReaderSection section = machine.Reader.Enter(container);
        RangeTranslation range = section.TranslateRange(0x800, 0x3000, DmaAccess.Write, segments);

        Assert.True(range.IsComplete);
        Assert.Equal(
            [new(0x800, bank - 0x1800, 0x1800, -1), new(0x2000, bank, 0x1000, 0), new(0x3000, bank + 0x1000, 0x800, -1)], segments);
    }

    [Fact]
    public void A_range_is_all_or_nothing_and_says_how_many_segments_it_needs()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0x900_0000, Machine.At(0), Machine.Window, DmaPermissions.Read);
        container.MapDma(0x100_0000, Machine.At(1), Machine.Window, DmaPermissions.Read);
        var untouched = new DmaSegment(1, 2, 3, 4);
        var segments = new DmaSegment[] { untouched };

        using ReaderSection section = machine.Reader.Enter(container);

        Assert.Equal(
            new RangeTranslation(2, false, FaultKind.None, 0),
            section.TranslateRange(Machine.At(0), 2 * Machine.Window, DmaAccess.Read, segments));
        Assert.Equal(
            new RangeTranslation(0, false, FaultKind.NoMapping, Machine.At(2)),
            section.TranslateRange(Machine.At(0), 2 * Machine.Window + 1, DmaAccess.Read, segments));
        Assert.Equal(untouched, segments[0]);
    }
}
