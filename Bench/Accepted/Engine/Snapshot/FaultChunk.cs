using System.Collections.Immutable;

namespace PamuFastPath;

/// <summary>The faults of the groups' devices that waited in the engine's log, chunk FLTS, oldest first.</summary>
internal static class FaultChunk
{
    private const int FaultBytes = 40;

    internal static readonly ChunkKind Kind = new("FLTS"u8, version: 1, isRequired: false);

    internal static void Write(SnapshotWriter to, List<FaultRecord> faults)
    {
        foreach (FaultRecord fault in faults)
        {
            to.U32((uint)fault.Kind);
            to.U32((uint)fault.Access);
            to.U32(fault.Liodn);
            to.U32(0);
            to.U64(fault.Iova);
            to.U64(fault.Length);
            to.U64(fault.FaultIova);
        }
    }

    /// <summary>Whether it is a fault as the engine records them. An embedder may have put anything into the log.</summary>
    internal static bool IsFault(in FaultRecord fault) =>
        fault.Kind is > FaultKind.None and <= FaultKind.BadLength && fault.Access is DmaAccess.Read or DmaAccess.Write;

    internal static ImmutableArray<FaultRecord> Read(ReadOnlySpan<byte> payload, HashSet<int> liodns)
    {
        if (payload.Length % FaultBytes != 0)
        {
            throw SnapshotReader.Bad("faults", $"{FaultBytes} bytes each");
        }

        ImmutableArray<FaultRecord>.Builder faults = ImmutableArray.CreateBuilder<FaultRecord>(payload.Length / FaultBytes);
        var from = new SnapshotCursor(payload);
        while (from.Left > 0)
        {
            var kind = (FaultKind)from.I32();
            var access = (DmaAccess)from.I32();
            uint liodn = from.U32();
            from.Zero("fault");
            var fault = new FaultRecord(kind, liodn, from.U64(), from.U64(), access, from.U64());
            if (!IsFault(fault) || !liodns.Contains((int)liodn))
            {
                throw SnapshotReader.Bad($"fault {faults.Count}", "of a known kind and direction, and of a LIODN of the container's groups");
            }

            faults.Add(fault);
        }

        return faults.DrainToImmutable();
    }
}
