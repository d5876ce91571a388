using System.Collections.Immutable;

namespace PamuFastPath;

/// <summary>A group as a snapshot describes it.</summary>
internal readonly record struct GroupDefinition(int Id, ImmutableArray<int> Liodns, ImmutableArray<int> MsiBanks);

/// <summary>The groups in the container, chunk GRPS, in the order they came.</summary>
internal static class GroupChunk
{
    private const int FixedBytes = 16;
    private const int NumberBytes = 4;

    internal static readonly ChunkKind Kind = new("GRPS"u8, version: 1, isRequired: true);

    internal static void Write(SnapshotWriter to, ImmutableList<PamuGroup> groups)
    {
        foreach (PamuGroup group in groups)
        {
            to.I32(group.Id);
            to.U32((uint)group.Liodns.Length);
            to.U32((uint)group.MsiBanks.Length);
            to.U32(0);
            foreach (int liodn in group.Liodns)
            {
                to.U32((uint)liodn);
            }

            foreach (int bank in group.MsiBanks)
            {
                to.U32((uint)bank);
            }

            to.Align();
        }
    }

    /// <summary>The groups, each as CreateGroup and Attach would have taken it.</summary>
    /// <param name="payload">The chunk's payload.</param>
    /// <param name="platform">The platform.</param>
    /// <param name="liodns">Receives the LIODNs of all of them.</param>
    internal static ImmutableArray<GroupDefinition> Read(ReadOnlySpan<byte> payload, PamuPlatform platform, out HashSet<int> liodns)
    {
        liodns = [];
        var ids = new HashSet<int>();
        ImmutableArray<GroupDefinition>.Builder groups = ImmutableArray.CreateBuilder<GroupDefinition>();
        var from = new SnapshotCursor(payload);
        while (from.Left > 0)
        {
            GroupDefinition group = ReadGroup(ref from);
            if (!ids.Add(group.Id))
            {
                throw SnapshotReader.Bad($"group {group.Id}", "there once");
            }

            foreach (int liodn in group.Liodns)
            {
                if ((uint)liodn >= (uint)platform.LiodnCount || !liodns.Add(liodn))
                {
                    throw SnapshotReader.Bad($"group {group.Id}", $"LIODN 0x{liodn:x} is below the platform's count, and one group's only");
                }
            }

            foreach (int bank in group.MsiBanks)
            {
                if ((uint)bank >= (uint)platform.MsiBanks.Count)
                {
                    throw SnapshotReader.Bad($"group {group.Id}", $"there is no MSI bank {bank}");
                }
            }

            groups.Add(group);
        }

        return groups.DrainToImmutable();
    }

    private static GroupDefinition ReadGroup(ref SnapshotCursor from)
    {
        if (from.Left < FixedBytes)
        {
            throw SnapshotReader.Bad("groups", $"at least {FixedBytes} bytes each");
        }

        int id = from.I32();
        uint liodns = from.U32();
        uint banks = from.U32();
        from.Zero($"group {id}");
        if (((ulong)liodns + banks) * NumberBytes > (ulong)from.Left)
        {
            throw SnapshotReader.Bad($"group {id}", $"{liodns} LIODNs and {banks} MSI banks end in the chunk");
        }

        if (liodns == 0)
        {
            throw SnapshotReader.Bad($"group {id}", "a group has a LIODN to be attached by");
        }

        var group = new GroupDefinition(id, ReadNumbers(ref from, (int)liodns), ReadNumbers(ref from, (int)banks));
        if (from.Left % SnapshotLayout.ChunkAlignment != 0)
        {
            from.Zero($"group {id}");
        }

        return group;
    }

    private static ImmutableArray<int> ReadNumbers(ref SnapshotCursor from, int count)
    {
        ImmutableArray<int>.Builder numbers = ImmutableArray.CreateBuilder<int>(count);
        for (int i = 0; i < count; i++)
        {
            numbers.Add(from.I32());
        }

        return numbers.DrainToImmutable();
    }
}
