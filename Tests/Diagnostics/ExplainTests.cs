using PamuFastPath.Tests.Control;
using PamuFastPath.Tests.Kernels;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Diagnostics;

/// <summary>An explanation ends in the answer that translation gives, and says why.</summary>
public class ExplainTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_verdict_is_what_translation_answers(int seed)
    {
        var random = new Random(seed);
        var kinds = new HashSet<(TranslationKind, FaultKind)>();
        for (int i = 0; i < 200; i++)
        {
            using var table = new RandomTable(random);
            using PamuReader reader = table.Engine.CreateReader();
            using ReaderSection section = reader.Enter(table.Container);
            for (int probe = 0; probe < 200; probe++)
            {
                (ulong iova, ulong length, DmaAccess access) = (table.SomeIova(random), table.SomeLength(random), (DmaAccess)random.Next(2));
                Translation answer = section.Translate(iova, length, access);
                TranslationExplanation why = section.Explain(iova, length, access);
                Assert.Equal(
                    (answer.Kind, answer.Target, answer.MsiBank, answer.MsiOffset, answer.Fault, answer.FaultIova),
                    (why.Kind, why.Target, why.MsiBank, why.MsiOffset, why.Fault, why.FaultIova));
                Assert.All(why.Steps.SkipLast(1), static step => Assert.True(step.Passes));
                Assert.Equal(answer.IsHit, why.Steps[^1].Passes);
                kinds.Add((why.Kind, why.Fault));
            }
        }

        Assert.True(kinds.Count >= 8, $"only {string.Join(", ", kinds)}");
    }

    [Fact]
    public void Tables_that_refuse_everything_are_explained_too()
    {
        using var machine = new Machine();
        PamuContainer closed = machine.Ready();
        closed.Dispose();
        using (ReaderSection section = machine.Reader.Enter(closed))
        {
            Assert.Equal(FaultKind.OutOfAperture, section.Explain(0, 1, DmaAccess.Read).Fault);
        }

        using ReaderSection unknown = machine.Reader.Enter(99u);
        TranslationExplanation why = unknown.Explain(0x1234, 0, DmaAccess.Write);
        Assert.Equal((FaultKind.UnknownLiodn, 0x1234UL), (why.Fault, why.FaultIova));
    }

    [Fact]
    public void The_steps_carry_the_values()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0x5000_0000, At(2), 0x2000, DmaPermissions.Read);
        using ReaderSection section = machine.Reader.Enter(container);

        Assert.Equal(
            """
            ok   table: generation 4, 1 of 8 windows live, 2^16 bytes each
            ok   length: 0x10 bytes, at least 1 is needed
            ok   aperture: 0x120ff8 is in 0x100000 to 0x17ffff
            ok   window: 2 of 8, starts at 0x120000, 0x10000 bytes; offset 0xff8
            ok   window's end: 0xf008 bytes are left in the window, 0x10 are asked for
            ok   mapping: 0x2000 bytes from the window's start
            ok   mapping's end, first byte: offset 0xff8, mapped are 0x0 to 0x1fff
            ok   direction: a read; the mapping allows reads
            ok   mapping's end, last byte: 0x1008 bytes are left in the mapping, 0x10 are asked for
            ok   target: 0x120ff8 + 0x4fee0000 = 0x50000ff8 (modulo 2^64), memory
            The access goes to 0x50000ff8.
            """,
            section.Explain(At(2) + 0xFF8, 16, DmaAccess.Read).ToString(),
            ignoreLineEndingDifferences: true);
        Assert.Equal("is refused: DirectionDenied at 0x120000", section.Explain(At(2), 16, DmaAccess.Write).Verdict);
        Assert.Equal("is refused: BeyondMapping at 0x122000", section.Explain(At(2) + 0x1FF8, 16, DmaAccess.Read).Verdict);
        Assert.Equal("runs over its window's end: the range form decides", section.Explain(At(2) + 0x1FF8, 0x1_0000, DmaAccess.Read).Verdict);
    }
}
