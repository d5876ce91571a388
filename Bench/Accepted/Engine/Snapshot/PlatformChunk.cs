namespace PamuFastPath;

/// <summary>
/// The platform, chunk PLAT: what a container's state means something for. The page source is code and not in it.
/// </summary>
internal static class PlatformChunk
{
    private const int FixedBytes = 32;
    private const int BankBytes = 8;
    private const int StashBytes = 16;

    internal static readonly ChunkKind Kind = new("PLAT"u8, version: 1, isRequired: true);

    internal static void Write(SnapshotWriter to, PamuPlatform platform)
    {
        to.U32((uint)platform.MaxWindows);
        to.U32((uint)platform.PhysicalAddressBits);
        to.U32((uint)platform.PageSize);
        to.U32((uint)platform.LiodnCount);
        to.U32(platform.PamuExtension);
        to.U32((uint)platform.MsiBanks.Count);
        to.U32((uint)platform.StashTargets.Count);
        to.U32(0);
        foreach (MsiBank bank in platform.MsiBanks)
        {
            to.U64(bank.Page);
        }

        foreach (StashTarget target in platform.StashTargets)
        {
            to.U32(target.Cache);
            to.U32(target.Cpu != null ? 1u : 0u);
            to.U32(target.Cpu ?? 0);
            to.I32(target.Id);
        }
    }

    /// <summary>The platform, checked by the platform's own rules.</summary>
    internal static PamuPlatform Read(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < FixedBytes)
        {
            throw SnapshotReader.Bad("platform", $"at least {FixedBytes} bytes");
        }

        var from = new SnapshotCursor(payload);
        uint maxWindows = from.U32();
        uint addressBits = from.U32();
        uint pageSize = from.U32();
        uint liodns = from.U32();
        uint extension = from.U32();
        uint banks = from.U32();
        uint stashes = from.U32();
        from.Zero("platform");
        if ((ulong)from.Left != (ulong)banks * BankBytes + (ulong)stashes * StashBytes)
        {
            throw SnapshotReader.Bad("platform", $"as long as {banks} MSI banks and {stashes} stash targets take");
        }

        return new PamuPlatform
        {
            MaxWindows = (int)maxWindows,
            PhysicalAddressBits = (int)addressBits,
            PageSize = (int)pageSize,
            LiodnCount = (int)liodns,
            PamuExtension = extension,
            MsiBanks = ReadBanks(ref from, (int)banks),
            StashTargets = ReadStashes(ref from, (int)stashes),
        };
    }

    /// <summary>A container's state means the same on both, or it is EXDEV and the message names the first difference.</summary>
    internal static void RequireSame(PamuPlatform saved, PamuPlatform here)
    {
        Same(nameof(PamuPlatform.MaxWindows), saved.MaxWindows, here.MaxWindows);
        Same(nameof(PamuPlatform.PhysicalAddressBits), saved.PhysicalAddressBits, here.PhysicalAddressBits);
        Same(nameof(PamuPlatform.PageSize), saved.PageSize, here.PageSize);
        Same(nameof(PamuPlatform.LiodnCount), saved.LiodnCount, here.LiodnCount);
        Same(nameof(PamuPlatform.PamuExtension), saved.PamuExtension, here.PamuExtension);
        Same("msi_bank_count", saved.MsiBanks.Count, here.MsiBanks.Count);
        for (int i = 0; i < saved.MsiBanks.Count; i++)
        {
            if (saved.MsiBanks[i] != here.MsiBanks[i])
            {
                throw Other($"{nameof(PamuPlatform.MsiBanks)}[{i}]", $"0x{saved.MsiBanks[i].Page:x}", $"0x{here.MsiBanks[i].Page:x}");
            }
        }

        Same("stash_target_count", saved.StashTargets.Count, here.StashTargets.Count);
        for (int i = 0; i < saved.StashTargets.Count; i++)
        {
            if (saved.StashTargets[i] != here.StashTargets[i])
            {
                throw Other($"{nameof(PamuPlatform.StashTargets)}[{i}]", $"{saved.StashTargets[i]}", $"{here.StashTargets[i]}");
            }
        }
    }

    private static MsiBank[] ReadBanks(ref SnapshotCursor from, int count)
    {
        var banks = new MsiBank[count];
        foreach (ref MsiBank bank in banks.AsSpan())
        {
            bank = new MsiBank(from.U64());
        }

        return banks;
    }

    private static StashTarget[] ReadStashes(ref SnapshotCursor from, int count)
    {
        var targets = new StashTarget[count];
        foreach (ref StashTarget target in targets.AsSpan())
        {
            uint cache = from.U32();
            uint hasCpu = from.U32();
            uint cpu = from.U32();
            if (hasCpu > 1 || (hasCpu == 0 && cpu != 0))
            {
                throw SnapshotReader.Bad("stash target", "has a cpu or not");
            }

            target = new StashTarget(cache, hasCpu != 0 ? cpu : null, from.I32());
        }

        return targets;
    }

    private static void Same(string what, long saved, long here)
    {
        if (saved != here)
        {
            throw Other(what, $"{saved}", $"{here}");
        }
    }

    private static PamuException Other(string what, string saved, string here) =>
        new(Errno.EXDEV, what, $"the snapshot's platform has {saved}, this one {here}");
}
