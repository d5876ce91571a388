using System.Buffers.Binary;
using System.Collections.Immutable;

namespace PamuFastPath;

/// <summary>What a snapshot says, checked: a state that control calls could have left, for a platform, and still without its groups.</summary>
/// <param name="State">The container's state, its groups left out.</param>
/// <param name="Groups">The groups that were in it, in the order they came.</param>
/// <param name="Faults">The faults of their devices that waited, oldest first.</param>
internal sealed record SnapshotContent(ContainerState State, ImmutableArray<GroupDefinition> Groups, ImmutableArray<FaultRecord> Faults);

/// <summary>
/// Reads a snapshot that may be anything: every length is checked before it is used, every field before it is believed, and nothing is
/// allocated beyond what the bytes at hand justify. Changes nothing; what is wrong is a <see cref="PamuException"/>.
/// </summary>
internal static class SnapshotReader
{
    /// <summary>Everything a snapshot says, for <paramref name="platform"/>.</summary>
    internal static SnapshotContent Read(ReadOnlySpan<byte> snapshot, PamuPlatform platform)
    {
        Span<Range> at = stackalloc Range[SnapshotLayout.Chunks.Length];
        Find(snapshot, at);
        PlatformChunk.RequireSame(PlatformChunk.Read(snapshot[at[0]]), platform);
        ContainerState state = ContainerChunk.Read(snapshot[at[1]], platform);
        state = WindowChunk.Read(snapshot[at[2]], platform, state);
        ImmutableArray<GroupDefinition> groups = GroupChunk.Read(snapshot[at[3]], platform, out HashSet<int> liodns);
        ImmutableArray<FaultRecord> faults = FaultChunk.Read(snapshot[at[4]], liodns);
        return new SnapshotContent(state, groups, faults);
    }

    /// <summary>The platform a snapshot was made on, its page source left out.</summary>
    internal static PamuPlatform ReadPlatform(ReadOnlySpan<byte> snapshot)
    {
        Span<Range> at = stackalloc Range[SnapshotLayout.Chunks.Length];
        Find(snapshot, at);
        return PlatformChunk.Read(snapshot[at[0]]);
    }

    /// <summary>Checks the first bytes of a snapshot: what it is, its version, and how long it says it is.</summary>
    /// <returns>Its bytes, the header included.</returns>
    internal static int ReadLength(ReadOnlySpan<byte> header)
    {
        int known = Math.Min(header.Length, SnapshotLayout.Magic.Length);
        if (known == 0 || !header[..known].SequenceEqual(SnapshotLayout.Magic[..known]))
        {
            throw Bad("snapshot", "it is none: those begin with PAMUSNAP");
        }

        if (header.Length < SnapshotLayout.HeaderBytes)
        {
            throw Bad("snapshot", $"truncated: {header.Length} bytes are not even its header");
        }

        // Before anything else: what follows the version is the newer version's business.
        ushort version = BinaryPrimitives.ReadUInt16LittleEndian(header[SnapshotLayout.VersionOffset..]);
        if (version > SnapshotLayout.Version)
        {
            throw Newer("snapshot", $"its format is version {version}, and this library knows versions up to {SnapshotLayout.Version}");
        }

        if (version == 0)
        {
            throw Bad("snapshot", "versions begin at 1");
        }

        if (BinaryPrimitives.ReadUInt16LittleEndian(header[SnapshotLayout.ReservedOffset..]) != 0)
        {
            throw Bad("snapshot", "reserved bytes are 0");
        }

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(header[SnapshotLayout.LengthOffset..]);
        if (length < SnapshotLayout.HeaderBytes || length > (ulong)Array.MaxLength || length % SnapshotLayout.ChunkAlignment != 0)
        {
            throw Bad("snapshot", $"altered: it cannot be {length} bytes long");
        }

        return (int)length;
    }

    internal static PamuException Bad(string parameter, string rule) => new(Errno.EINVAL, parameter, rule);

    internal static PamuException Truncated(int bytes, int length) => Bad("snapshot", $"truncated: {bytes} of its {length} bytes are there");

    private static PamuException Newer(string parameter, string rule) => new(Errno.EPROTO, parameter, rule);

    /// <summary>Checks the frame: header, checksum, chunks.</summary>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="at">Receives where the payload of each known chunk is; empty for one that is not there.</param>
    private static void Find(ReadOnlySpan<byte> snapshot, Span<Range> at)
    {
        int length = ReadLength(snapshot);
        if (snapshot.Length < length)
        {
            throw Truncated(snapshot.Length, length);
        }

        if (snapshot.Length > length)
        {
            throw Bad("snapshot", $"it is {length} bytes long, and {snapshot.Length - length} more follow");
        }

        if (BinaryPrimitives.ReadUInt32LittleEndian(snapshot[SnapshotLayout.ChecksumOffset..]) != SnapshotLayout.ChecksumOf(snapshot))
        {
            throw Bad("snapshot", "altered: the checksum differs");
        }

        at.Clear();
        int last = -1;
        for (int offset = SnapshotLayout.HeaderBytes; offset < length;)
        {
            offset = ReadChunk(snapshot, offset, at, ref last);
        }

        for (int i = 0; i < at.Length; i++)
        {
            if (SnapshotLayout.Chunks[i].IsRequired && at[i].Equals(default))
            {
                throw Bad("chunk", $"{NameOf(SnapshotLayout.Chunks[i].Id)} is missing");
            }
        }
    }

    /// <summary>Looks at one chunk.</summary>
    /// <returns>Where the next one begins.</returns>
    private static int ReadChunk(ReadOnlySpan<byte> snapshot, int offset, Span<Range> at, ref int last)
    {
        if (snapshot.Length - offset < SnapshotLayout.ChunkHeaderBytes)
        {
            throw Bad("chunk", $"the header at {offset} ends in the snapshot");
        }

        var header = new SnapshotCursor(snapshot[offset..]);
        uint id = header.U32();
        ushort version = header.U16();
        ushort flags = header.U16();
        ulong bytes = header.U64();
        int payload = offset + SnapshotLayout.ChunkHeaderBytes;
        if (bytes > (ulong)(snapshot.Length - payload) || bytes % SnapshotLayout.ChunkAlignment != 0)
        {
            throw Bad("chunk", $"{NameOf(id)} ends in the snapshot, and is a multiple of 8 bytes");
        }

        int end = payload + (int)bytes;
        if ((flags & ~SnapshotLayout.Required) != 0)
        {
            throw Newer("chunk", $"{NameOf(id)} has flags 0x{flags:x}, not all of them known to this library");
        }

        int kind = Array.FindIndex(SnapshotLayout.Chunks, one => one.Id == id);
        bool isRequired = flags == SnapshotLayout.Required;
        if (kind < 0 || version > SnapshotLayout.Chunks[kind].Version)
        {
            return !isRequired ? end : throw Newer("chunk", $"{NameOf(id)}, version {version}, is required and not known to this library");
        }

        if (kind <= last || version == 0 || isRequired != SnapshotLayout.Chunks[kind].IsRequired || (bytes == 0 && !isRequired))
        {
            throw Bad("chunk", $"{NameOf(id)} is there once, in its place, with its flags, and not empty unless required");
        }

        last = kind;
        at[kind] = payload..end;
        return end;
    }

    /// <summary>A chunk's name for messages: its letters, or its number in hex.</summary>
    private static string NameOf(uint id)
    {
        Span<char> letters = stackalloc char[sizeof(uint)];
        for (int i = 0; i < letters.Length; i++)
        {
            letters[i] = (char)(id >> (8 * i) & 0xFF);
            if (!char.IsAsciiLetterOrDigit(letters[i]))
            {
                return $"0x{id:x8}";
            }
        }

        return letters.ToString();
    }
}
