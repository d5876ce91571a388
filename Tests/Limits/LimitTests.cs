using PamuFastPath.Bench.Measure;
using PamuFastPath.Tests.Snapshot;

namespace PamuFastPath.Tests.Limits;

/// <summary>Limits of docs/security.md that are counted in bytes.</summary>
public sealed class LimitTests
{
    private const ulong Longest = 0x7FFF_FFC0;
    private const int RecordBytes = 48;

    private static readonly byte[] Good = SnapshotMachine.Saved();

    /// <summary>How long a snapshot may say it is: as long as an array can be.</summary>
    [Fact]
    public void The_longest_snapshot_is_the_longest_array_in_whole_words() => Assert.Equal(Longest, (ulong)Array.MaxLength & ~7ul);

    [Theory]
    [InlineData(Longest, "truncated")]
    [InlineData(Longest + 8, "it cannot be")]
    [InlineData(1ul << 31, "it cannot be")]
    [InlineData(1ul << 32, "it cannot be")]
    [InlineData((1ul << 32) + 1024, "it cannot be")]
    [InlineData(1ul << 63, "it cannot be")]
    [InlineData(ulong.MaxValue - 7, "it cannot be")]
    public void A_longer_snapshot_is_EINVAL_after_its_header_and_takes_no_memory(ulong claimed, string rule)
    {
        byte[] altered = [.. Good];
        BitConverter.TryWriteBytes(altered.AsSpan(SnapshotBytes.Length), claimed);
        using var machine = new SnapshotMachine();
        var stream = new MemoryStream(altered);
        _ = ErrnoOf.Call(() => machine.Container.Restore(new MemoryStream(altered))); // what is allocated once

        long before = GC.GetAllocatedBytesForCurrentThread();
        PamuException refused = Assert.Throws<PamuException>(() => machine.Container.Restore(stream));
        long taken = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(Errno.EINVAL, refused.Errno);
        Assert.Contains(rule, refused.Message, StringComparison.Ordinal);
        Assert.Equal(claimed == Longest ? altered.Length : 24, stream.Position);
        Assert.InRange(taken, 0, 1 << 20);
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => machine.Container.Restore(altered)));
        machine.AssertUntouched(Good);
    }

    [Fact]
    public void A_record_of_a_fault_log_takes_as_many_bytes_as_the_page_says()
    {
        const int records = 1 << 16;
        var log = new FaultLog(2);

        long taken = AllocatedBytes.Of(() => log = new FaultLog(records));

        Assert.InRange(taken, records * RecordBytes, records * RecordBytes + 1024);
        Assert.True(log.Record(new FaultRecord(FaultKind.NoMapping, 1, 2, 3, DmaAccess.Write, 4)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FaultLog(1 << 25));
    }
}
