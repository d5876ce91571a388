using System.Runtime.CompilerServices;

namespace PamuFastPath.Cli.Run.Traces;

/// <summary>Translates the accesses of a block, each in a reader section of its own, as a device model does.</summary>
internal sealed class BlockTranslator(PamuReader reader)
{
    private const ulong MessageBytes = sizeof(uint);

    private readonly DmaSegment[] _segments = new DmaSegment[TableLayout.WindowCountMax];

    /// <summary>
    /// Nothing but translation happens here, because it is what gets timed. Optimized at once, so that a short trace is timed fairly.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Translate(TraceBlock block)
    {
        block.Crossings.Clear();
        uint[] liodn = block.Liodn;
        ulong[] iova = block.Iova;
        ulong[] length = block.Length;
        DmaAccess[] access = block.Access;
        Translation[] answers = block.Answers;
        for (int i = 0; i < block.Count; i++)
        {
            answers[i] = reader.Translate(liodn[i], iova[i], length[i], access[i]);
            if (answers[i].Kind == TranslationKind.Crosses)
            {
                block.Crossings.Add(Cross(i, liodn[i], iova[i], length[i], access[i]));
            }
        }
    }

    /// <summary>What became of row <paramref name="row"/>, by the DMA port's rules for MSI windows.</summary>
    /// <param name="block">A translated block.</param>
    /// <param name="row">The row.</param>
    /// <param name="crossing">How many crossings lie before the row; counts it if it is one. Ask in row order, from 0.</param>
    public static Answer AnswerOf(TraceBlock block, int row, ref int crossing)
    {
        Translation answer = block.Answers[row];
        bool writes = block.Access[row] == DmaAccess.Write;
        switch (answer.Kind)
        {
            case TranslationKind.Crosses:
                Crossing found = block.Crossings[crossing++];
                return !found.Range.IsHit ? Refused(found.Range.Fault, found.Range.FaultIova)
                    : writes && found.FirstMsiIova is ulong message ? Refused(FaultKind.BadLength, message)
                    : new Answer(Outcome.Translated, found.Target, 0, -1, 0);
            case TranslationKind.Fault:
                return Refused(answer.Fault, answer.FaultIova);
            case TranslationKind.Msi when writes:
                return block.Length[row] == MessageBytes && block.Iova[row] % MessageBytes == 0
                    ? new Answer(Outcome.Message, answer.Target, 0, answer.MsiBank, answer.MsiOffset)
                    : Refused(FaultKind.BadLength, block.Iova[row]);
            default:
                return new Answer(Outcome.Translated, answer.Target, 0, -1, 0);
        }
    }

    private static Answer Refused(FaultKind kind, ulong iova) => new(Outcome.Faulted(kind), ulong.MaxValue, iova, -1, 0);

    private Crossing Cross(int row, uint liodn, ulong iova, ulong length, DmaAccess access)
    {
        using ReaderSection section = reader.Enter(liodn);
        RangeTranslation range = section.TranslateRange(iova, length, access, _segments);
        ulong? message = null;
        ReadOnlySpan<DmaSegment> segments = _segments.AsSpan(0, range.SegmentCount);
        foreach (ref readonly DmaSegment segment in segments)
        {
            message ??= segment.IsMsi ? segment.Iova : null;
        }

        return new Crossing(row, range, segments.IsEmpty ? ulong.MaxValue : segments[0].Target, message);
    }
}

/// <summary>What became of one access.</summary>
/// <param name="Outcome">Translated, message or fault.</param>
/// <param name="Target">Where its first byte goes; all ones for a fault.</param>
/// <param name="FaultIova">The first refused IOVA of a fault.</param>
/// <param name="MsiBank">The bank a message reached, or -1.</param>
/// <param name="MsiOffset">The register's offset in the bank's page.</param>
internal readonly record struct Answer(Outcome Outcome, ulong Target, ulong FaultIova, int MsiBank, int MsiOffset);
