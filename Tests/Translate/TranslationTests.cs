using PamuFastPath.Tests.Control;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Translate;

public sealed class TranslationTests
{
    [Fact]
    public void Each_shape_says_what_it_is_and_nothing_of_the_others()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0x40_0000, At(0), Window, DmaPermissions.Read);
        container.MapMsiBank(1, At(1));
        machine.Engine.CreateGroup(1, [0x42], [1]).Attach(container);
        ulong page = machine.Engine.Platform.MsiBanks[1].Page;

        Translation dma = machine.Reader.Translate(container, At(0) + 5, 4, DmaAccess.Read);
        Translation msi = machine.Reader.Translate(container, At(1) + 0x140, 4, DmaAccess.Write);
        Translation crosses = machine.Reader.Translate(container, At(1) - 2, 4, DmaAccess.Read);
        Translation fault = machine.Reader.Translate(container, At(1) + 0xFFE, 4, DmaAccess.Write);

        Assert.Equal((TranslationKind.Dma, true, true, false, 0x40_0005ul, -1, 0, FaultKind.None, 0ul), Everything(dma));
        Assert.Equal((TranslationKind.Msi, true, false, true, page + 0x140, 1, 0x140, FaultKind.None, 0ul), Everything(msi));
        Assert.Equal((TranslationKind.Crosses, false, false, false, ulong.MaxValue, -1, 0, FaultKind.None, 0ul), Everything(crosses));
        Assert.Equal((TranslationKind.Fault, false, false, false, ulong.MaxValue, -1, 0, FaultKind.BeyondMapping, At(1) + 0x1000), Everything(fault));
        Assert.Equal(
            ["0x400005", "msi bank 1 + 0x140", "crosses", "BeyondMapping at 0x111000"],
            ((Translation[])[dma, msi, crosses, fault]).Select(answer => answer.ToString()));
    }

    [Fact]
    public void Answers_are_equal_if_all_of_them_is()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0x40_0000, At(0), Window, DmaPermissions.Read);
        Translation answer = machine.Reader.Translate(container, At(0), 4, DmaAccess.Read);
        Translation same = machine.Reader.Translate(container, At(0), 8, DmaAccess.Read);
        Translation elsewhere = machine.Reader.Translate(container, At(0) + 1, 4, DmaAccess.Read);
        Translation refused = machine.Reader.Translate(container, At(0), 4, DmaAccess.Write);

        Assert.True(answer == same && answer.Equals((object)same) && answer.GetHashCode() == same.GetHashCode());
        Assert.True(answer != elsewhere && answer != refused && refused != default);
        Assert.False(answer.Equals("0x400000"));
    }

    private static (TranslationKind Kind, bool IsHit, bool IsDma, bool IsMsi, ulong Target, int Bank, int Offset, FaultKind Fault, ulong FaultIova) Everything(
        Translation answer) => (
            answer.Kind, answer.IsHit, answer.IsDma, answer.IsMsi, answer.Target, answer.MsiBank, answer.MsiOffset, answer.Fault, answer.FaultIova);
}
