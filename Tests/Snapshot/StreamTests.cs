namespace PamuFastPath.Tests.Snapshot;

public sealed class StreamTests
{
    private static readonly byte[] Good = SnapshotMachine.Saved();

    [Fact]
    public void Of_a_stream_exactly_one_snapshot_is_written_and_read()
    {
        using SnapshotMachine saved = new SnapshotMachine().Fill();
        using PamuEngine empty = new(SnapshotMachine.Platform());
        var stream = new MemoryStream();
        stream.WriteByte(0xAA);
        saved.Container.Save(stream);
        empty.CreateContainer().Save(stream);
        stream.WriteByte(0xBB);

        stream.Position = 1;
        using var first = new SnapshotMachine();
        first.Container.Restore(stream);
        using var second = new SnapshotMachine();
        second.Container.Restore(stream);

        Assert.Equal(0xBB, stream.ReadByte());
        Assert.Equal(Good, first.Container.Save());
        Assert.Equal(1ul, second.Container.Generation);
    }

    [Fact]
    public void A_stream_may_deliver_byte_by_byte()
    {
        using var machine = new SnapshotMachine();
        machine.Container.Restore(new Dripping(Good));
        Assert.Equal(Good, machine.Container.Save());
    }

    [Theory]
    [InlineData(0x7FFF_FF00ul)]
    [InlineData(0x1000_0000ul)]
    public void A_length_that_does_not_come_takes_no_memory(ulong claimed)
    {
        byte[] altered = [.. Good];
        BitConverter.TryWriteBytes(altered.AsSpan(SnapshotBytes.Length), claimed);
        using var machine = new SnapshotMachine();
        machine.Container.Restore(Good);
        using var other = new SnapshotMachine();

        long before = GC.GetAllocatedBytesForCurrentThread();
        PamuException refused = Assert.Throws<PamuException>(() => other.Container.Restore(new MemoryStream(altered)));
        long taken = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(Errno.EINVAL, refused.Errno);
        Assert.Contains("truncated", refused.Message, StringComparison.Ordinal);
        Assert.InRange(taken, 0, 1 << 20);
    }

    [Fact]
    public void What_a_stream_throws_comes_through_and_changes_nothing()
    {
        using var machine = new SnapshotMachine();
        Assert.Throws<IOException>(() => machine.Container.Restore(new Dripping(Good) { FailsAt = 100 }));
        Assert.Throws<NotSupportedException>(() => machine.Container.Save(new MemoryStream(Good, writable: false)));
        machine.Container.Restore(Good);
    }

    /// <summary>Delivers a byte at a time, and perhaps fails at some point.</summary>
    private sealed class Dripping(byte[] bytes) : MemoryStream(bytes)
    {
        internal int FailsAt { get; init; } = int.MaxValue;

        public override int Read(Span<byte> buffer) =>
            Position >= FailsAt ? throw new IOException("the line is dead") : base.Read(buffer[..Math.Min(1, buffer.Length)]);
    }
}
