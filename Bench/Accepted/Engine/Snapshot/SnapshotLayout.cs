using System.Buffers.Binary;
using System.Numerics;

namespace PamuFastPath;

/// <summary>One kind of chunk that this version knows.</summary>
/// <param name="Id">Four letters, the first in the lowest byte.</param>
/// <param name="Version">The version of its payload that is written.</param>
/// <param name="IsRequired">Whether a snapshot is nothing without it.</param>
internal readonly record struct ChunkKind(uint Id, ushort Version, bool IsRequired)
{
    internal ChunkKind(ReadOnlySpan<byte> letters, ushort version, bool isRequired)
        : this(BinaryPrimitives.ReadUInt32LittleEndian(letters), version, isRequired)
    {
    }
}

/// <summary>
/// The frame of a snapshot, format version 1: a header, then chunks. docs/snapshot.md describes it byte by byte. All integers are
/// little-endian, on every machine.
/// </summary>
internal static class SnapshotLayout
{
    internal const ushort Version = 1;

    internal const int HeaderBytes = 24;
    internal const int VersionOffset = 8;
    internal const int ReservedOffset = 10;
    internal const int ChecksumOffset = 12;
    internal const int LengthOffset = 16;

    internal const int ChunkHeaderBytes = 16;

    /// <summary>Chunks are whole multiples of this, so that everything in them is aligned.</summary>
    internal const int ChunkAlignment = 8;

    /// <summary>A chunk's flag: whoever does not know the chunk, or not this version of it, must refuse the snapshot.</summary>
    internal const ushort Required = 1;

    /// <summary>
    /// The chunks in the order they are written. One that is not required is written only if it says something. A new one is added at the end,
    /// required only if a container restored without it would be another container.
    /// </summary>
    internal static readonly ChunkKind[] Chunks = [PlatformChunk.Kind, ContainerChunk.Kind, WindowChunk.Kind, GroupChunk.Kind, FaultChunk.Kind];

    internal static ReadOnlySpan<byte> Magic => "PAMUSNAP"u8;

    /// <summary>CRC-32C (Castagnoli) of a snapshot, its own four bytes taken as zeros.</summary>
    internal static uint ChecksumOf(ReadOnlySpan<byte> snapshot)
    {
        uint crc = Crc32C(uint.MaxValue, snapshot[..ChecksumOffset]);
        crc = BitOperations.Crc32C(crc, 0u);
        return ~Crc32C(crc, snapshot[LengthOffset..]);
    }

    private static uint Crc32C(uint crc, ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        foreach (byte one in bytes)
        {
            crc = BitOperations.Crc32C(crc, one);
        }

        return crc;
    }
}
