using System.Text;

namespace PamuFastPath.Tests.Snapshot;

/// <summary>One chunk as it stands in the file.</summary>
internal sealed record ChunkBytes(string Id, ushort Version, ushort Flags, byte[] Payload);

/// <summary>
/// The format as docs/snapshot.md has it, taken apart and put together without the engine's code: so that tests can change a snapshot and give
/// it a checksum that fits.
/// </summary>
internal static class SnapshotBytes
{
    internal const int HeaderBytes = 24;
    internal const int Checksum = 12;
    internal const int Length = 16;

    private static readonly uint[] Crc32CTable = [.. Enumerable.Range(0, 256).Select(CrcOf)];

    /// <summary>The chunks of a snapshot that is whole.</summary>
    internal static List<ChunkBytes> Chunks(ReadOnlySpan<byte> snapshot)
    {
        var chunks = new List<ChunkBytes>();
        for (ReadOnlySpan<byte> rest = snapshot[HeaderBytes..]; rest.Length > 0;)
        {
            int length = (int)BitConverter.ToUInt64(rest[8..]);
            chunks.Add(new ChunkBytes(
                Encoding.Latin1.GetString(rest[..4]), BitConverter.ToUInt16(rest[4..]), BitConverter.ToUInt16(rest[6..]), rest.Slice(16, length).ToArray()));
            rest = rest[(16 + length)..];
        }

        return chunks;
    }

    /// <summary>A snapshot of these chunks.</summary>
    internal static byte[] Build(IEnumerable<ChunkBytes> chunks, ushort version = 1)
    {
        var bytes = new List<byte>(Encoding.ASCII.GetBytes("PAMUSNAP"));
        bytes.AddRange(BitConverter.GetBytes(version));
        bytes.AddRange(new byte[14]);
        foreach (ChunkBytes chunk in chunks)
        {
            bytes.AddRange(Encoding.Latin1.GetBytes(chunk.Id));
            bytes.AddRange(BitConverter.GetBytes(chunk.Version));
            bytes.AddRange(BitConverter.GetBytes(chunk.Flags));
            bytes.AddRange(BitConverter.GetBytes((ulong)chunk.Payload.Length));
            bytes.AddRange(chunk.Payload);
        }

        byte[] snapshot = [.. bytes];
        BitConverter.TryWriteBytes(snapshot.AsSpan(Length), (ulong)snapshot.Length);
        return Sealed(snapshot);
    }

    /// <summary>The same with one chunk changed.</summary>
    internal static byte[] With(byte[] snapshot, string id, Func<ChunkBytes, ChunkBytes> change) =>
        Build(Chunks(snapshot).Select(chunk => chunk.Id == id ? change(chunk) : chunk));

    /// <summary>The same with some bytes of a chunk's payload changed.</summary>
    internal static byte[] WithPayload<T>(byte[] snapshot, string id, int offset, T value)
        where T : unmanaged => With(snapshot, id, chunk =>
        {
            byte[] payload = [.. chunk.Payload];
            System.Runtime.InteropServices.MemoryMarshal.Write(payload.AsSpan(offset), value);
            return chunk with { Payload = payload };
        });

    /// <summary>The same with a checksum that fits.</summary>
    internal static byte[] Sealed(byte[] snapshot)
    {
        snapshot.AsSpan(Checksum, 4).Clear();
        BitConverter.TryWriteBytes(snapshot.AsSpan(Checksum), Crc32C(snapshot));
        return snapshot;
    }

    /// <summary>CRC-32C, bytewise, from its polynomial.</summary>
    internal static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte one in bytes)
        {
            crc = crc >> 8 ^ Crc32CTable[(crc ^ one) & 0xFF];
        }

        return ~crc;
    }

    private static uint CrcOf(int value)
    {
        uint crc = (uint)value;
        for (int i = 0; i < 8; i++)
        {
            crc = crc >> 1 ^ (0x82F6_3B78 & (0 - (crc & 1)));
        }

        return crc;
    }
}
