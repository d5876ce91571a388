namespace PamuFastPath.Tests.Model;

/// <summary>The answer to one access, spelled out.</summary>
internal readonly record struct ModelAnswer(TranslationKind Kind, ulong Target, int Bank, FaultKind Fault, ulong FaultIova)
{
    internal static ModelAnswer Crosses => new(TranslationKind.Crosses, ulong.MaxValue, -1, FaultKind.None, 0);

    internal static ModelAnswer Refused(FaultKind kind, UInt128 iova) =>
        new(TranslationKind.Fault, ulong.MaxValue, -1, kind, (ulong)(iova % ModelContainer.AddressSpace));

    internal static ModelAnswer Of(in Translation translation) => new(
        translation.Kind, translation.Target, translation.MsiBank, translation.Fault, translation.FaultIova);
}

/// <summary>The answer to a range: segments, or a fault.</summary>
internal readonly record struct ModelRange(FaultKind Fault, ulong FaultIova, List<DmaSegment> Segments);

/// <summary>What devices may do now, one check after another in the order of the hardware's lookup.</summary>
internal static class ModelTranslation
{
    internal static ModelAnswer Translate(ModelContainer? container, ulong iova, ulong length, DmaAccess access)
    {
        if (container == null)
        {
            return ModelAnswer.Refused(FaultKind.UnknownLiodn, iova);
        }

        return length == 0
            ? ModelAnswer.Refused(FaultKind.BadLength, iova)
            : TranslateBytes(container, iova, length, access);
    }

    internal static ModelRange TranslateRange(ModelContainer? container, ulong iova, ulong length, DmaAccess access)
    {
        var segments = new List<DmaSegment>();
        if (container == null)
        {
            return new ModelRange(FaultKind.UnknownLiodn, iova, segments);
        }

        if (length == 0)
        {
            return new ModelRange(FaultKind.BadLength, iova, segments);
        }

        UInt128 end = (UInt128)iova + length;
        for (UInt128 at = iova; at < end;)
        {
            UInt128 windowEnd = at - (at - container.Start) % container.WindowSize + container.WindowSize;
            UInt128 pieceEnd = UInt128.Min(windowEnd, end);
            ModelAnswer answer = TranslateBytes(container, at, pieceEnd - at, access);
            if (answer.Kind == TranslationKind.Fault)
            {
                return new ModelRange(answer.Fault, answer.FaultIova, []);
            }

            Append(segments, new DmaSegment((ulong)at, answer.Target, (ulong)(pieceEnd - at), answer.Bank));
            at = pieceEnd;
        }

        return new ModelRange(FaultKind.None, 0, segments);
    }

    /// <summary>The control query: what is configured, permission and bank use aside.</summary>
    internal static ulong? IovaToPhys(ModelContainer container, ulong iova)
    {
        if (iova < container.Start || iova >= container.End)
        {
            return null;
        }

        UInt128 offset = (iova - container.Start) % container.WindowSize;
        ModelWindow? window = WindowAt(container, iova);
        return window != null && offset < window.Size ? window.Target + (ulong)offset : null;
    }

    private static ModelAnswer TranslateBytes(ModelContainer container, UInt128 iova, UInt128 length, DmaAccess access)
    {
        if (iova < container.Start || iova >= container.End)
        {
            return ModelAnswer.Refused(FaultKind.OutOfAperture, iova);
        }

        UInt128 offset = (iova - container.Start) % container.WindowSize;
        if (offset + length > container.WindowSize)
        {
            return ModelAnswer.Crosses;
        }

        ModelWindow? window = WindowAt(container, iova);
        if (window == null || !container.IsLive(window))
        {
            return ModelAnswer.Refused(FaultKind.NoMapping, iova);
        }

        if (offset >= window.Size)
        {
            return ModelAnswer.Refused(FaultKind.BeyondMapping, iova);
        }

        DmaPermissions needed = access == DmaAccess.Read ? DmaPermissions.Read : DmaPermissions.Write;
        if (!window.Permissions.HasFlag(needed))
        {
            return ModelAnswer.Refused(FaultKind.DirectionDenied, iova);
        }

        if (offset + length > window.Size)
        {
            return ModelAnswer.Refused(FaultKind.BeyondMapping, iova - offset + window.Size);
        }

        TranslationKind kind = window.IsDma ? TranslationKind.Dma : TranslationKind.Msi;
        return new ModelAnswer(kind, (ulong)(window.Target + offset), window.Bank, FaultKind.None, 0);
    }

    private static ModelWindow? WindowAt(ModelContainer container, UInt128 iova)
    {
        UInt128 index = (iova - container.Start) / container.WindowSize;
        return index < (uint)container.Windows.Length ? container.Windows[(int)index] : null;
    }

    /// <summary>Neighbours whose targets are contiguous are one segment; an MSI page is always one of its own.</summary>
    private static void Append(List<DmaSegment> segments, DmaSegment next)
    {
        if (segments.Count > 0 && segments[^1] is { IsMsi: false } last && !next.IsMsi && (UInt128)last.Target + last.Length == next.Target)
        {
            segments[^1] = last with { Length = last.Length + next.Length };
            return;
        }

        segments.Add(next);
    }
}
