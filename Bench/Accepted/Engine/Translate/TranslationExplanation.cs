namespace PamuFastPath;

/// <summary>One check on the way from an IOVA to its answer.</summary>
/// <param name="Check">What is asked, the same words every time.</param>
/// <param name="Finding">The answer with its values; addresses and sizes in hex.</param>
/// <param name="Passes">Whether the access gets further. The last step of one that does not go ahead is the only one that fails.</param>
public sealed record ExplanationStep(string Check, string Finding, bool Passes);

/// <summary>Why an access translates, faults or crosses, step by step against a table.</summary>
/// <param name="Iova">First IOVA of the access.</param>
/// <param name="Length">Its bytes.</param>
/// <param name="Access">Its direction.</param>
/// <param name="Steps">The checks in order, up to the one that decides.</param>
/// <param name="Kind">What comes out, the same that <see cref="ReaderSection.Translate"/> answers.</param>
/// <param name="Window">Index of the window, or -1 if it did not come to that.</param>
/// <param name="Target">Where the first byte goes; all ones for a fault or a crossing access.</param>
/// <param name="MsiBank">The MSI bank that is hit, or -1.</param>
/// <param name="MsiOffset">Offset in the bank's page.</param>
/// <param name="Fault">Why it is refused, or <see cref="FaultKind.None"/>.</param>
/// <param name="FaultIova">The first refused IOVA of a fault.</param>
public sealed record TranslationExplanation(
    ulong Iova,
    ulong Length,
    DmaAccess Access,
    IReadOnlyList<ExplanationStep> Steps,
    TranslationKind Kind,
    int Window,
    ulong Target,
    int MsiBank,
    int MsiOffset,
    FaultKind Fault,
    ulong FaultIova)
{
    /// <summary>The verdict in one line.</summary>
    public string Verdict => Kind switch
    {
        TranslationKind.Dma => $"goes to 0x{Target:x}",
        TranslationKind.Msi => $"hits MSI bank {MsiBank} at offset 0x{MsiOffset:x}",
        TranslationKind.Crosses => "runs over its window's end: the range form decides",
        _ => $"is refused: {Fault} at 0x{FaultIova:x}",
    };

    /// <summary>The steps and the verdict, a line each.</summary>
    public override string ToString() => string.Join(
        '\n',
        [.. Steps.Select(static step => $"{(step.Passes ? "ok  " : "FAIL")} {step.Check}: {step.Finding}"), $"The access {Verdict}."]);
}
