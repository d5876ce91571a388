namespace PamuFastPath.Tests.Snapshot;

/// <summary>Looking into the fault log without taking anything out.</summary>
public sealed class FaultLogPeekTests
{
    private const int Looks = 300_000;

    /// <summary>One thread writes and takes as fast as it can, so that every cell is written again all the time.</summary>
    [Theory]
    [InlineData(2, 1)]
    [InlineData(8, 5)]
    public async Task A_record_is_seen_whole_or_not_at_all_and_none_that_stood_behind_a_missing_one(int capacity, int waiting)
    {
        var log = new FaultLog(capacity);
        bool isDone = false;
        Task mover = Task.Run(() =>
        {
            for (ulong n = 0; !Volatile.Read(ref isDone); n++)
            {
                log.Record(Numbered(n));
                if (n % 64 == 0)
                {
                    Thread.SpinWait(200); // so that some looks find everything in its place, however the threads are scheduled
                }

                if (n >= (ulong)waiting)
                {
                    log.TryTake(out _);
                }
            }
        });
        int seen = 0;
        try
        {
            for (int i = 0; i < Looks; i++)
            {
                (long first, long end) = log.Waiting();
                List<FaultRecord> faults = log.Peek(first, end);
                for (int at = 0; at < faults.Count; at++)
                {
                    Assert.Equal(Numbered(faults[0].Iova + (ulong)at), faults[at]);
                    seen++;
                }
            }
        }
        finally
        {
            Volatile.Write(ref isDone, true);
            await mover;
        }

        Assert.True(seen > 0);
    }

    [Fact]
    public void What_waits_is_seen_in_order_again_and_again_and_only_that()
    {
        var log = new FaultLog(4);
        for (ulong n = 0; n < 10; n++)
        {
            log.Record(Numbered(n));
            if (n is 1 or 5 or 6)
            {
                log.TryTake(out _);
            }
        }

        (long first, long end) = log.Waiting();
        List<FaultRecord> waiting = log.Peek(first, end);
        Assert.Equal(waiting, log.Peek(first, end));
        Assert.Equal(waiting, log.Peek(0, end)); // as if the first look were from long ago
        foreach (FaultRecord fault in waiting)
        {
            Assert.True(log.TryTake(out FaultRecord taken));
            Assert.Equal(fault, taken);
        }

        Assert.False(log.TryTake(out _));
        Assert.Empty(log.Peek(first, end));
    }

    private static FaultRecord Numbered(ulong n) =>
        new((FaultKind)(n % 6 + 1), (uint)n, n, unchecked(n * 0x9E37_79B9_7F4A_7C15), (DmaAccess)(n % 2), ~n);
}
