using System.Text;

namespace PamuFastPath.Tests.Snapshot;

/// <summary>The header, the checksum and the chunks: what is refused, as what, and what an older reader may skip.</summary>
public sealed class FrameTests
{
    private static readonly byte[] Good = SnapshotMachine.Saved();

    [Fact]
    public void The_checksum_is_crc_32c() => Assert.Equal(0xE306_9283, SnapshotBytes.Crc32C("123456789"u8));

    [Fact]
    public void The_format_is_what_its_page_says() => Assert.Equal(Good, SnapshotBytes.Build(SnapshotBytes.Chunks(Good)));

    [Fact]
    public void A_snapshot_that_is_cut_off_anywhere_is_EINVAL()
    {
        using var machine = new SnapshotMachine();
        for (int length = 0; length < Good.Length; length++)
        {
            Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => machine.Container.Restore(Good.AsSpan(0, length))));
            Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => machine.Container.Restore(new MemoryStream(Good, 0, length))));
        }

        machine.Container.Restore(Good);
    }

    [Fact]
    public void A_snapshot_with_any_bit_flipped_is_refused()
    {
        using var machine = new SnapshotMachine();
        for (int bit = 0; bit < Good.Length * 8; bit++)
        {
            byte[] altered = [.. Good];
            altered[bit / 8] ^= (byte)(1 << bit % 8);
            bool looksNewer = bit / 8 is 8 or 9; // the version: whatever follows it is not looked at
            Assert.Equal(looksNewer && bit != 64 ? Errno.EPROTO : Errno.EINVAL, ErrnoOf.Call(() => machine.Container.Restore(altered)));
        }

        machine.Container.Restore(Good);
    }

    public static TheoryData<string, Errno, string> Refused => new()
    {
        { "nothing", Errno.EINVAL, "begin with PAMUSNAP" },
        { "another file", Errno.EINVAL, "begin with PAMUSNAP" },
        { "half a header", Errno.EINVAL, "truncated" },
        { "a byte less", Errno.EINVAL, "truncated" },
        { "a byte more", Errno.EINVAL, "more follow" },
        { "twice", Errno.EINVAL, "more follow" },
        { "a length of 2^63", Errno.EINVAL, "cannot be 9223372036854775808 bytes long" },
        { "a length of nothing", Errno.EINVAL, "cannot be 0 bytes long" },
        { "a byte altered", Errno.EINVAL, "checksum" },
        { "version 0", Errno.EINVAL, "versions begin at 1" },
        { "version 2", Errno.EPROTO, "version 2" },
        { "version 2, and nothing else is as it was", Errno.EPROTO, "version 2" },
        { "reserved bytes", Errno.EINVAL, "reserved" },
        { "no chunks", Errno.EINVAL, "chunk: PLAT is missing" },
        { "no windows", Errno.EINVAL, "chunk: WNDW is missing" },
        { "windows twice", Errno.EINVAL, "chunk: WNDW is there once" },
        { "another order", Errno.EINVAL, "chunk: CONT is there once" },
        { "a chunk that is not required, and must be", Errno.EINVAL, "chunk: GRPS is there once" },
        { "a chunk that is required, and is not", Errno.EINVAL, "chunk: FLTS is there once" },
        { "no faults, and a chunk for them", Errno.EINVAL, "chunk: FLTS is there once" },
        { "chunk version 0", Errno.EINVAL, "chunk: CONT is there once" },
        { "a newer required chunk", Errno.EPROTO, "chunk: CONT, version 2" },
        { "an unknown required chunk", Errno.EPROTO, "chunk: NEW1, version 1" },
        { "an unknown required chunk without letters", Errno.EPROTO, "chunk: 0x01010101, version 1" },
        { "a chunk with flags", Errno.EPROTO, "chunk: WNDW has flags" },
        { "a chunk that ends beyond the file", Errno.EINVAL, "ends in the snapshot" },
        { "a chunk of 2^64 bytes", Errno.EINVAL, "ends in the snapshot" },
        { "a chunk of 7 bytes", Errno.EINVAL, "ends in the snapshot" },
        { "half a chunk header", Errno.EINVAL, "chunk: the header at" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void A_frame_that_is_wrong_is_refused_and_changes_nothing(string what, Errno errno, string message)
    {
        using var machine = new SnapshotMachine();
        byte[] bad = Bad(what);

        PamuException refused = Assert.Throws<PamuException>(() => machine.Container.Restore(bad));

        Assert.Equal(errno, refused.Errno);
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
        machine.AssertUntouched(Good);
    }

    [Theory]
    [InlineData("an unknown chunk", "NEW1", 1)]
    [InlineData("a newer chunk of faults", "FLTS", 2)]
    public void What_is_not_known_and_not_required_is_skipped(string what, string id, ushort version)
    {
        List<ChunkBytes> chunks = [.. SnapshotBytes.Chunks(Good).Where(chunk => chunk.Id != "FLTS")];
        byte[] without = SnapshotBytes.Build(chunks);
        for (int place = 0; place <= chunks.Count; place++)
        {
            byte[] with = SnapshotBytes.Build([.. chunks[..place], new(id, version, 0, [1, 2, 3, 4, 5, 6, 7, 8]), .. chunks[place..]]);
            using var machine = new SnapshotMachine();

            machine.Container.Restore(with);

            Assert.True(without.SequenceEqual(machine.Container.Save()), $"{what} at {place}");
        }
    }

    private static byte[] Bad(string what)
    {
        List<ChunkBytes> chunks = SnapshotBytes.Chunks(Good);
        (ChunkBytes platform, ChunkBytes container, ChunkBytes windows, ChunkBytes groups, ChunkBytes faults) =
            (chunks[0], chunks[1], chunks[2], chunks[3], chunks[4]);
        return what switch
        {
            "nothing" => [],
            "another file" => Encoding.ASCII.GetBytes("#!/bin/sh\nexit 0\n# and more of it\n"),
            "half a header" => Good[..12],
            "a byte less" => Good[..^1],
            "a byte more" => [.. Good, 0],
            "twice" => [.. Good, .. Good],
            "a length of 2^63" => Put(Good, SnapshotBytes.Length, 1UL << 63),
            "a length of nothing" => Put(Good, SnapshotBytes.Length, 0UL),
            "a byte altered" => [.. Good[..100], (byte)(Good[100] + 1), .. Good[101..]],
            "version 0" => SnapshotBytes.Build(chunks, version: 0),
            "version 2" => SnapshotBytes.Build(chunks, version: 2),
            "version 2, and nothing else is as it was" => [.. Good[..8], 2, 0, .. new byte[30]],
            "reserved bytes" => Put(Good, 10, (ushort)1),
            "no chunks" => SnapshotBytes.Build([]),
            "no windows" => SnapshotBytes.Build([platform, container, groups, faults]),
            "windows twice" => SnapshotBytes.Build([platform, container, windows, windows, groups, faults]),
            "another order" => SnapshotBytes.Build([platform, windows, container, groups, faults]),
            "a chunk that is not required, and must be" => SnapshotBytes.Build([platform, container, windows, groups with { Flags = 0 }, faults]),
            "a chunk that is required, and is not" => SnapshotBytes.Build([platform, container, windows, groups, faults with { Flags = 1 }]),
            "no faults, and a chunk for them" => SnapshotBytes.Build([platform, container, windows, groups, faults with { Payload = [] }]),
            "chunk version 0" => SnapshotBytes.With(Good, "CONT", chunk => chunk with { Version = 0 }),
            "a newer required chunk" => SnapshotBytes.With(Good, "CONT", chunk => chunk with { Version = 2 }),
            "an unknown required chunk" => SnapshotBytes.Build([.. chunks, new("NEW1", 1, 1, new byte[8])]),
            "an unknown required chunk without letters" => SnapshotBytes.Build([.. chunks, new("\x01\x01\x01\x01", 1, 1, new byte[8])]),
            "a chunk with flags" => SnapshotBytes.With(Good, "WNDW", chunk => chunk with { Flags = 3 }),
            "a chunk that ends beyond the file" => Put(Good, 24 + 8, (ulong)Good.Length),
            "a chunk of 2^64 bytes" => Put(Good, 24 + 8, ulong.MaxValue - 7),
            "a chunk of 7 bytes" => Put(Good, 24 + 8, 7UL),
            "half a chunk header" => Put([.. Good, .. new byte[8]], SnapshotBytes.Length, (ulong)Good.Length + 8),
            _ => throw new ArgumentOutOfRangeException(nameof(what), what, "no such case"),
        };
    }

    private static byte[] Put<T>(byte[] snapshot, int offset, T value)
        where T : unmanaged
    {
        byte[] altered = [.. snapshot];
        System.Runtime.InteropServices.MemoryMarshal.Write(altered.AsSpan(offset), value);
        return SnapshotBytes.Sealed(altered);
    }
}
