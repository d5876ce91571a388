using System.Buffers.Binary;

namespace PamuFastPath.Tests.Snapshot;

/// <summary>What was done to a snapshot.</summary>
internal enum Damage
{
    /// <summary>Bytes changed, cut, spliced; the checksum is what it was.</summary>
    Bytes,

    /// <summary>The same, and length and checksum made to fit: the damage reaches the chunks.</summary>
    SealedBytes,

    /// <summary>Chunks and fields changed, with a frame that is right: the damage reaches the rules.</summary>
    Fields,
}

/// <summary>Random damage to snapshots.</summary>
internal sealed class Mutation(Random random, IReadOnlyList<byte[]> corpus)
{
    private static readonly ulong[] Interesting =
        [0, 1, 2, 3, 4, 7, 8, 16, 255, 256, 0x500, 0x800, 0xFFF, 0x1000, 0xFFFF, 0x1_0000, int.MaxValue, 1ul << 31, uint.MaxValue, 1ul << 36, 1ul << 63, ulong.MaxValue];

    /// <summary>A damaged copy.</summary>
    internal byte[] Apply(byte[] snapshot, out Damage damage)
    {
        damage = (Damage)random.Next(3);
        byte[] damaged = damage == Damage.Fields ? Fields(snapshot) : Bytes(snapshot);
        if (damage == Damage.SealedBytes && damaged.Length >= SnapshotBytes.HeaderBytes)
        {
            if (random.Next(8) != 0)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(damaged.AsSpan(SnapshotBytes.Length), (ulong)damaged.Length);
            }

            SnapshotBytes.Sealed(damaged);
        }

        return damaged;
    }

    private byte[] Other() => corpus[random.Next(corpus.Count)];

    private byte[] Bytes(byte[] snapshot)
    {
        byte[] bytes = [.. snapshot];
        switch (random.Next(7))
        {
            case 0:
                return bytes[..random.Next(bytes.Length)];
            case 1:
                byte[] tail = Other(); // behind the checksum, or it could be the other one, whole
                return [.. bytes[..Math.Max(Place(bytes), SnapshotBytes.Length)], .. tail[Place(tail)..]];
            case 2:
                int from = Place(bytes);
                int to = from + random.Next(Math.Min(bytes.Length - from, 64) + 1);
                return random.Next(2) == 0 ? [.. bytes[..from], .. bytes[to..]] : [.. bytes[..to], .. bytes[from..]];
            case 3:
                byte[] more = new byte[random.Next(1, 40)];
                random.NextBytes(more);
                return [.. bytes, .. more];
            default:
                int start = random.Next(4) == 0 ? 0 : bytes.Length / 3; // mostly behind the platform, which is the same in all of them
                for (int flips = random.Next(1, 4); flips > 0; flips--)
                {
                    bytes[random.Next(start, bytes.Length)] ^= (byte)(1 << random.Next(8));
                }

                return bytes;
        }
    }

    /// <summary>An offset, every second time one where a field may begin.</summary>
    private int Place(byte[] bytes) => random.Next(2) == 0 ? random.Next(bytes.Length) : random.Next(bytes.Length / 8) * 8;

    private byte[] Fields(byte[] snapshot)
    {
        List<ChunkBytes> chunks = SnapshotBytes.Chunks(snapshot);
        for (int changes = random.Next(3) == 0 ? random.Next(2, 6) : 1; changes > 0; changes--)
        {
            if (random.Next(6) == 0)
            {
                ChangeChunks(chunks);
            }
            else if (chunks.Count > 0)
            {
                int at = Math.Min(random.Next(8) == 0 ? 0 : random.Next(1, 6), chunks.Count - 1); // seldom the platform: it is EXDEV then
                chunks[at] = chunks[at] with { Payload = ChangeField(chunks[at].Id, [.. chunks[at].Payload]) };
            }
        }

        return SnapshotBytes.Build(chunks, version: (ushort)(random.Next(100) == 0 ? random.Next(4) : 1));
    }

    private void ChangeChunks(List<ChunkBytes> chunks)
    {
        List<ChunkBytes> others = SnapshotBytes.Chunks(Other());
        int at = random.Next(chunks.Count + 1);
        switch (random.Next(6))
        {
            case 0 when at < chunks.Count:
                chunks.RemoveAt(at);
                break;
            case 1 when at < chunks.Count:
                chunks.Insert(random.Next(chunks.Count), chunks[at]);
                break;
            case 2:
                chunks.Insert(at, new("NEW" + (char)random.Next(256), (ushort)random.Next(3), (ushort)(random.Next(4) == 0 ? random.Next(4) : 0), new byte[8 * random.Next(4)]));
                break;
            case 3 when at < chunks.Count:
                chunks[at] = chunks[at] with { Version = (ushort)random.Next(4), Flags = (ushort)random.Next(3) };
                break;
            default: // a chunk of another container, in its place
                ChunkBytes other = others[random.Next(others.Count)];
                int same = chunks.FindIndex(chunk => chunk.Id == other.Id);
                if (same >= 0)
                {
                    chunks[same] = other;
                }
                else
                {
                    chunks.Insert(at, other);
                }

                break;
        }
    }

    private byte[] ChangeField(string id, byte[] payload)
    {
        int entry = id switch
        {
            "WNDW" => 32,
            "FLTS" => 40,
            _ => 8,
        };
        if (payload.Length == 0)
        {
            return random.Next(2) == 0 ? payload : new byte[entry];
        }

        int at = random.Next(payload.Length / 4) * 4;
        int first = random.Next(payload.Length / entry) * entry;
        switch (random.Next(10))
        {
            case 0: // an entry less
                return [.. payload[..first], .. payload[(first + entry)..]];
            case 1: // an entry twice
                return [.. payload[..(first + entry)], .. payload[first..]];
            case 2: // an entry like another
                payload.AsSpan(random.Next(payload.Length / entry) * entry, entry).CopyTo(payload.AsSpan(first));
                return payload;
            case 3:
                payload[random.Next(payload.Length)] = (byte)random.Next(256);
                return payload;
            default:
                bool isLong = at % 8 == 0 && random.Next(2) == 0;
                ulong old = isLong ? BinaryPrimitives.ReadUInt64LittleEndian(payload.AsSpan(at)) : BinaryPrimitives.ReadUInt32LittleEndian(payload.AsSpan(at));
                ulong value = Changed(old);
                if (isLong)
                {
                    BinaryPrimitives.WriteUInt64LittleEndian(payload.AsSpan(at), value);
                }
                else
                {
                    BinaryPrimitives.WriteUInt32LittleEndian(payload.AsSpan(at), (uint)value);
                }

                return payload;
        }
    }

    private ulong Changed(ulong old) => unchecked(random.Next(7) switch
    {
        0 => old + 1,
        1 => old - 1,
        2 => old + 0x1000,
        3 => old * 2,
        4 => old / 2,
        5 => old ^ (1ul << random.Next(64)),
        _ => Interesting[random.Next(Interesting.Length)],
    });
}
