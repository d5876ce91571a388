namespace PamuFastPath.Tests.Faults;

public sealed class FaultLogTests
{
    private static FaultRecord Fault(ulong iova) => new(FaultKind.NoMapping, 1, iova, 4, DmaAccess.Read, iova);

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(1 << 25)]
    public void A_capacity_is_a_power_of_two_from_2_to_2_to_the_24(int capacity) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new FaultLog(capacity));

    [Fact]
    public void Records_come_out_in_order_however_often_the_log_fills_and_empties()
    {
        var log = new FaultLog(4);
        ulong written = 0;
        ulong read = 0;
        for (int round = 0; round < 100; round++)
        {
            for (int i = 0; i < 1 + round % 4; i++)
            {
                Assert.True(log.Record(Fault(written++)));
            }

            while (log.TryTake(out FaultRecord fault))
            {
                Assert.Equal(read++, fault.Iova);
            }

            Assert.Equal(written, read);
        }

        Assert.Equal((0L, (long)written), (log.DroppedCount, log.TotalCount));
    }

    /// <summary>Each record comes out once, whole, and after those its thread recorded before.</summary>
    /// <summary>Where the log is never full, every record takes a place: threads meet at the head all the time.</summary>
    [Fact]
    public void What_threads_record_at_once_is_all_there_and_each_once()
    {
        const int Writers = 4;
        const int Each = 16_000;
        for (int round = 0; round < 20; round++)
        {
            var log = new FaultLog(1 << 16);
            using var start = new Barrier(Writers);
            Thread[] threads =
            [
                .. Enumerable.Range(0, Writers).Select(writer => new Thread(() =>
                {
                    start.SignalAndWait();
                    for (int i = 0; i < Each; i++)
                    {
                        log.Record(new FaultRecord(FaultKind.NoMapping, (uint)writer, (uint)i, 1, DmaAccess.Read, 0));
                    }
                })),
            ];
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());

            var next = new ulong[Writers];
            while (log.TryTake(out FaultRecord fault))
            {
                Assert.Equal(next[fault.Liodn]++, fault.Iova);
            }

            Assert.All(next, count => Assert.Equal((ulong)Each, count));
            Assert.Equal(((long)Writers * Each, 0), (log.TotalCount, log.DroppedCount));
        }
    }

    [Fact]
    public void Any_number_of_threads_record_and_any_number_take()
    {
        const int Writers = 3;
        const int Readers = 2;
        const int Each = 50_000;
        var log = new FaultLog(16);
        long kept = 0;
        int writing = Writers;
        var taken = new List<FaultRecord>[Readers];
        Thread[] threads =
        [
            .. Enumerable.Range(0, Writers).Select(writer => new Thread(() =>
            {
                for (int i = 0; i < Each; i++)
                {
                    ulong iova = ((ulong)writer << 32) | (uint)i;
                    if (log.Record(new FaultRecord(FaultKind.NoMapping, (uint)writer, iova, iova + 1, DmaAccess.Read, iova + 2)))
                    {
                        Interlocked.Increment(ref kept);
                    }
                }

                Interlocked.Decrement(ref writing);
            })),
            .. Enumerable.Range(0, Readers).Select(reader => new Thread(() =>
            {
                var own = new List<FaultRecord>();
                bool isLast;
                do
                {
                    isLast = Volatile.Read(ref writing) == 0;
                    while (log.TryTake(out FaultRecord fault))
                    {
                        own.Add(fault);
                    }
                }
                while (!isLast);
                taken[reader] = own;
            })),
        ];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());

        Assert.Equal(kept, taken.Sum(own => own.Count));
        Assert.Equal((long)Writers * Each, log.TotalCount);
        Assert.Equal(kept, log.TotalCount - log.DroppedCount);
        Assert.Equal(kept, taken.SelectMany(own => own).Select(fault => fault.Iova).Distinct().Count());
        foreach (List<FaultRecord> own in taken)
        {
            ulong[] next = new ulong[Writers];
            foreach (FaultRecord fault in own)
            {
                Assert.Equal((fault.Iova >> 32, fault.Iova + 1, fault.Iova + 2), (fault.Liodn, fault.Length, fault.FaultIova));
                Assert.True((uint)fault.Iova + 1 > next[fault.Liodn]);
                next[fault.Liodn] = (uint)fault.Iova + 1;
            }
        }
    }
}
