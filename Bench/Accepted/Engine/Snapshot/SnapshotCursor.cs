using System.Buffers.Binary;

namespace PamuFastPath;

/// <summary>Reads the fields of a payload one after the other. Whoever reads has made sure that they are there.</summary>
internal ref struct SnapshotCursor(ReadOnlySpan<byte> payload)
{
    private ReadOnlySpan<byte> _rest = payload;

    /// <summary>Bytes that are left.</summary>
    internal readonly int Left => _rest.Length;

    internal ushort U16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort)));

    internal uint U32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));

    internal ulong U64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));

    internal int I32() => BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int)));

    /// <summary>A field that means nothing yet, so that it can mean something later.</summary>
    internal void Zero(string where)
    {
        if (U32() != 0)
        {
            throw SnapshotReader.Bad(where, "reserved bytes are 0");
        }
    }

    private ReadOnlySpan<byte> Take(int bytes)
    {
        ReadOnlySpan<byte> taken = _rest[..bytes];
        _rest = _rest[bytes..];
        return taken;
    }
}
