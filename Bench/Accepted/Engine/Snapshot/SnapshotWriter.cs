using System.Buffers.Binary;

namespace PamuFastPath;

/// <summary>Writes a snapshot: the header, and chunks one after the other.</summary>
internal sealed class SnapshotWriter
{
    private byte[] _bytes = new byte[1024];
    private int _length = SnapshotLayout.HeaderBytes;

    /// <summary>A container of <paramref name="platform"/> at one moment, with the faults of its groups' devices.</summary>
    internal static byte[] Write(PamuPlatform platform, ContainerState state, List<FaultRecord> faults)
    {
        var writer = new SnapshotWriter();
        writer.Chunk(PlatformChunk.Kind, to => PlatformChunk.Write(to, platform));
        writer.Chunk(ContainerChunk.Kind, to => ContainerChunk.Write(to, state));
        writer.Chunk(WindowChunk.Kind, to => WindowChunk.Write(to, state));
        writer.Chunk(GroupChunk.Kind, to => GroupChunk.Write(to, state.Groups));
        writer.Chunk(FaultChunk.Kind, to => FaultChunk.Write(to, faults));
        return writer.Finish();
    }

    internal void U16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Grow(sizeof(ushort)), value);

    internal void U32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Grow(sizeof(uint)), value);

    internal void U64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Grow(sizeof(ulong)), value);

    internal void I32(int value) => BinaryPrimitives.WriteInt32LittleEndian(Grow(sizeof(int)), value);

    /// <summary>Zeros up to where the next chunk may begin.</summary>
    internal void Align() => Grow(-_length & (SnapshotLayout.ChunkAlignment - 1)).Clear();

    private void Chunk(ChunkKind kind, Action<SnapshotWriter> write)
    {
        int start = _length;
        U32(kind.Id);
        U16(kind.Version);
        U16(kind.IsRequired ? SnapshotLayout.Required : (ushort)0);
        U64(0);
        int payload = _length;
        write(this);
        Align();
        if (_length == payload && !kind.IsRequired)
        {
            _length = start;
            return;
        }

        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(payload - sizeof(ulong)), (ulong)(_length - payload));
    }

    private byte[] Finish()
    {
        byte[] snapshot = _bytes[.._length];
        SnapshotLayout.Magic.CopyTo(snapshot);
        BinaryPrimitives.WriteUInt16LittleEndian(snapshot.AsSpan(SnapshotLayout.VersionOffset), SnapshotLayout.Version);
        BinaryPrimitives.WriteUInt64LittleEndian(snapshot.AsSpan(SnapshotLayout.LengthOffset), (ulong)_length);
        BinaryPrimitives.WriteUInt32LittleEndian(snapshot.AsSpan(SnapshotLayout.ChecksumOffset), SnapshotLayout.ChecksumOf(snapshot));
        return snapshot;
    }

    private Span<byte> Grow(int bytes)
    {
        if (_length + bytes > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + bytes));
        }

        _length += bytes;
        return _bytes.AsSpan(_length - bytes, bytes);
    }
}
