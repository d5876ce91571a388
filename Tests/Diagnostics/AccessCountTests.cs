using PamuFastPath.Diagnostics;
using PamuFastPath.Tests.Control;
using PamuFastPath.Tests.Kernels;
using static PamuFastPath.Tests.Control.Machine;
using AllocatedBytes = PamuFastPath.Bench.Measure.AllocatedBytes;

namespace PamuFastPath.Tests.Diagnostics;

/// <summary>Counters are exact, whichever way accesses take and whatever becomes of readers and containers.</summary>
public class AccessCountTests
{
    private static readonly PamuPlatform Counted = new() { Counting = AccessCounting.On };

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(3, true)]
    [InlineData(4, true)]
    public void Singles_and_batches_of_every_kernel_count_what_they_answer(int seed, bool windows)
    {
        var random = new Random(seed);
        for (int i = 0; i < 60; i++)
        {
            using var table = new RandomTable(random);
            CheckBatch(table, random, windows);
        }
    }

    private static void CheckBatch(RandomTable table, Random random, bool windows)
    {
        int count = random.Next(1, 300);
        DmaAccess access = (DmaAccess)random.Next(2);
        ulong[] iovas = [.. Enumerable.Range(0, count).Select(_ => table.SomeIova(random))];
        uint[] lengths = [.. Enumerable.Range(0, count).Select(_ => (uint)Math.Min(table.SomeLength(random), uint.MaxValue))];
        ulong uniform = table.SomeLength(random);
        using PamuReader reader = table.Engine.CreateReader();
        ExpectedCounts Expect(Func<int, ulong> lengthOf)
        {
            var expected = new ExpectedCounts();
            table.Engine.Counting = AccessCounting.Off;
            for (int i = 0; i < count; i++)
            {
                Translation answer = reader.Translate(table.Container, iovas[i], lengthOf(i), access);
                expected.Add(answer, lengthOf(i), access, WindowsOf(table.Container, iovas[i], lengthOf(i), answer));
            }

            return expected;
        }

        void Check(Func<int, ulong> lengthOf, bool forgetsKinds, string where, Action run)
        {
            ExpectedCounts expected = Expect(lengthOf);
            AccessCounts before = table.Container.GetStatistics().Accesses;
            Assert.Equal(0UL, before.Translations + before.Crosses); // each batch has a container of its own
            table.Engine.CountsWindows = windows;
            table.Engine.Counting = AccessCounting.On;
            run();
            table.Engine.Counting = AccessCounting.Off;
            (forgetsKinds ? expected.ForgetKinds() : expected).AssertEqual(table.Container.GetStatistics().Accesses, windows, where);
        }

        // One way for each table: counts are absolute.
        BatchKernel[] kernels = [.. Enum.GetValues<BatchKernel>().Where(k => CanRun(reader, table.Container, k))];
        BatchKernel kernel = kernels[random.Next(kernels.Length)];
        bool inPlace = random.Next(2) == 0;
        bool perElement = random.Next(2) == 0;
        if (random.Next(4) == 0)
        {
            Check(i => lengths[i], forgetsKinds: false, "singles", () =>
            {
                for (int i = 0; i < count; i++)
                {
                    reader.Translate(table.Container, iovas[i], lengths[i], access);
                }
            });
            return;
        }

        Check(
            i => perElement ? lengths[i] : uniform,
            forgetsKinds: inPlace && !windows,
            $"{kernel}, in place {inPlace}, lengths {perElement}, uniform {uniform}, {table}",
            () =>
            {
                ulong[] from = [.. iovas];
                ulong[] to = inPlace ? from : new ulong[count];
                ulong[] masks = new ulong[3 * 5];
                using ReaderSection section = reader.Enter(table.Container);
                _ = perElement
                    ? section.TranslateBatch(from, lengths, access, to, masks.AsSpan(0, 5), masks.AsSpan(5, 5), masks.AsSpan(10, 5), kernel)
                    : section.TranslateBatch(from, uniform, access, to, masks.AsSpan(0, 5), masks.AsSpan(5, 5), masks.AsSpan(10, 5), kernel);
            });
    }

    private static bool CanRun(PamuReader reader, PamuContainer container, BatchKernel kernel)
    {
        using ReaderSection section = reader.Enter(container);
        return section.CanRun(kernel);
    }

    private static IEnumerable<int> WindowsOf(PamuContainer container, ulong iova, ulong length, Translation answer)
    {
        if (!answer.IsHit)
        {
            return [];
        }

        int first = (int)((iova - container.Geometry.Start) / container.WindowSize);
        int last = (int)((iova + (length - 1) - container.Geometry.Start) / container.WindowSize);
        return Enumerable.Range(first, last - first + 1);
    }

    [Fact]
    public void A_range_counts_once_when_it_is_answered_completely()
    {
        using var machine = new Machine(new PamuPlatform { Counting = AccessCounting.On, CountsWindows = true });
        PamuContainer container = machine.Ready();
        container.MapDma(0x5000_0000, At(0), Window, DmaPermissions.Read);
        container.MapDma(0x7000_0000, At(1), Window, DmaPermissions.Read);
        container.MapMsiBank(1, At(2), DmaPermissions.Read);
        machine.Engine.CreateGroup(0, [1], [1]).Attach(container);
        Span<DmaSegment> room = stackalloc DmaSegment[4];
        using (ReaderSection section = machine.Reader.Enter(container))
        {
            Assert.Equal(2, section.TranslateRange(At(1) - 16, 32, DmaAccess.Read, default).SegmentCount); // asks only
            Assert.Equal(2, section.TranslateRange(At(1) - 16, 32, DmaAccess.Read, room).SegmentCount);
            Assert.Equal(1, section.TranslateRange(At(0), 8, DmaAccess.Read, room).SegmentCount);
            Assert.Equal(1, section.TranslateRange(At(2), 8, DmaAccess.Read, room).SegmentCount);
            Assert.Equal(FaultKind.DirectionDenied, section.TranslateRange(At(1) - 16, 32, DmaAccess.Write, room).Fault);
            Assert.Equal(FaultKind.BeyondMapping, section.TranslateRange(At(1), 3 * Window, DmaAccess.Read, room).Fault); // the MSI page ends
        }

        AccessCounts counts = container.GetStatistics().Accesses;
        Assert.Equal((2UL, 40UL, 0UL, 0UL, 1UL), (counts.MemoryHits, counts.BytesRead, counts.BytesWritten, counts.Crosses, counts.MsiHits[1]));
        Assert.Equal(2UL, counts.FaultCount);
        Assert.Equal([2UL, 1UL, 1UL, 0UL], counts.WindowHits[..4].ToArray());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_batch_that_throws_is_not_counted(bool windows)
    {
        using var machine = new Machine(new PamuPlatform { Counting = AccessCounting.On, CountsWindows = windows });
        PamuContainer container = machine.Ready();
        container.MapDma(0x5000_0000, At(0), Window, DmaPermissions.Read);
        ulong[] iovas = [.. Enumerable.Repeat(At(0), 100)];
        ulong[] mask = new ulong[2];
        int thrown = 0;
        foreach ((int lengths, int targets, BatchKernel? kernel) in new[] { (99, 100, (BatchKernel?)null), (100, 99, null), (100, 100, (BatchKernel)99) })
        {
            using ReaderSection section = machine.Reader.Enter(container);
            try
            {
                section.TranslateBatch(iovas, new uint[lengths], DmaAccess.Read, new ulong[targets], mask, new ulong[2], new ulong[2], kernel);
            }
            catch (Exception e) when (e is ArgumentException or PlatformNotSupportedException)
            {
                thrown++;
            }
        }

        Assert.Equal(3, thrown);
        Assert.Equal(0UL, machine.Engine.GetStatistics().Accesses.Translations);
    }

    [Fact]
    public void Each_container_has_its_own_counts_and_nested_sections_keep_them_apart()
    {
        using var machine = new Machine(Counted);
        PamuContainer a = machine.Ready();
        PamuContainer b = machine.Ready();
        a.MapDma(0x5000_0000, At(0), Window, DmaPermissions.ReadWrite);
        b.MapDma(0x6000_0000, At(0), Window, DmaPermissions.ReadWrite);
        machine.Engine.CreateGroup(0, [7], []).Attach(b);
        PamuReader reader = machine.Reader;
        using (ReaderSection outer = reader.Enter(a))
        {
            outer.Translate(At(0), 1, DmaAccess.Read);
            using (ReaderSection inner = reader.Enter(b))
            {
                inner.Translate(At(0), 10, DmaAccess.Read);
                reader.Translate(a, At(0), 100, DmaAccess.Write);
                reader.Translate(7u, At(0), 1000, DmaAccess.Write);
            }

            outer.Translate(At(0), 10_000, DmaAccess.Read);
        }

        reader.Translate(8u, At(0), 1, DmaAccess.Read); // nobody holds it
        reader.Translate(uint.MaxValue, At(0), 1, DmaAccess.Read);

        EngineStatistics all = machine.Engine.GetStatistics();
        new ExpectedCounts().AddHit(1, DmaAccess.Read).AddHit(100, DmaAccess.Write).AddHit(10_000, DmaAccess.Read).AssertEqual(all.Containers[0].Accesses);
        new ExpectedCounts().AddHit(10, DmaAccess.Read).AddHit(1000, DmaAccess.Write).AssertEqual(all.Containers[1].Accesses);
        new ExpectedCounts().AddFault(FaultKind.UnknownLiodn).AddFault(FaultKind.UnknownLiodn).AssertEqual(all.OfNoContainer);
        Assert.Equal(7UL, all.Accesses.Translations);
    }

    [Fact]
    public void What_a_closed_container_counted_goes_to_no_container_and_its_number_starts_anew()
    {
        using var machine = new Machine(Counted);
        PamuContainer first = machine.Ready();
        first.MapDma(0x5000_0000, At(0), Window, DmaPermissions.ReadWrite);
        machine.Reader.Translate(first, At(0), 64, DmaAccess.Read);
        first.Dispose();
        machine.Reader.Translate(first, At(0), 64, DmaAccess.Read); // finds a table that refuses
        PamuContainer second = machine.Ready();
        Assert.Equal(first.Fd, second.Fd);
        machine.Reader.Translate(second, At(0), 64, DmaAccess.Read);

        EngineStatistics all = machine.Engine.GetStatistics();
        new ExpectedCounts().AddFault(FaultKind.NoMapping).AssertEqual(Assert.Single(all.Containers).Accesses);
        new ExpectedCounts().AddHit(64, DmaAccess.Read).AddFault(FaultKind.OutOfAperture).AssertEqual(all.OfNoContainer);
        new ExpectedCounts().AddHit(64, DmaAccess.Read).AssertEqual(first.GetStatistics().Accesses);
        Assert.Equal(3UL, all.Accesses.Translations);
    }

    [Fact]
    public void Containers_beyond_the_accounts_are_counted_for_no_container()
    {
        using var machine = new Machine(Counted);
        PamuContainer[] containers = [.. Enumerable.Range(0, 300).Select(_ => machine.Engine.CreateContainer())];
        foreach (PamuContainer container in containers)
        {
            machine.Reader.Translate(container, 0, 1, DmaAccess.Read);
        }

        EngineStatistics all = machine.Engine.GetStatistics();
        Assert.Equal(300UL, all.Accesses.Faults[(int)FaultKind.NoMapping]);
        Assert.All(all.Containers.Take(255), c => Assert.Equal(1UL, c.Accesses.Translations));
        Assert.Equal(45UL, all.OfNoContainer.Translations);
        Array.ForEach(containers, container => container.Dispose());
        Assert.Equal(300UL, machine.Engine.GetStatistics().OfNoContainer.Translations);
    }

    [Fact]
    public void Counting_starts_and_stops_with_the_next_section_and_keeps_what_it_has()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0x5000_0000, At(0), Window, DmaPermissions.ReadWrite);
        using ReaderSection section = machine.Reader.Enter(container);
        ulong Count()
        {
            using ReaderSection inner = machine.Reader.Enter(container);
            inner.Translate(At(0), 1, DmaAccess.Read);
            return container.GetStatistics().Accesses.Translations;
        }

        Assert.Equal(AccessCounting.WhenObserved, machine.Engine.Counting);
        machine.Engine.Counting = AccessCounting.Off;
        Assert.Equal(0UL, Count());
        machine.Engine.Counting = AccessCounting.On;
        Assert.True(machine.Engine.GetStatistics().IsCounting);
        Assert.Equal(1UL, Count());
        section.Translate(At(0), 1, DmaAccess.Read); // entered while nobody counted
        Assert.Equal(2UL, Count());
        machine.Engine.Counting = AccessCounting.Off;
        Assert.Equal(2UL, Count());
        machine.Engine.CountsWindows = true;
        machine.Engine.Counting = AccessCounting.On;
        Assert.Equal(3UL, Count());
        Assert.Equal(1UL, container.GetStatistics().Accesses.WindowHits[0]);
    }

    [Fact]
    public void Readers_that_are_lost_or_removed_by_force_leave_their_counts()
    {
        using var machine = new Machine(Counted);
        PamuContainer container = machine.Ready();
        Lose(machine.Engine, container);
        for (int i = 0; i < 50 && machine.Engine.GetStatistics().Readers > 1; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.Equal(1, machine.Engine.GetStatistics().Readers);
        PamuReader dead = machine.Engine.CreateReader("dead");
        dead.Translate(container, 0, 1, DmaAccess.Read);
        dead.RemoveByForce();
        Assert.Equal(2UL, machine.Engine.GetStatistics().Accesses.Translations);
        machine.Reader.Translate(container, 0, 1, DmaAccess.Read);
        machine.Reader.Dispose();
        machine.Engine.Dispose();
        Assert.Equal(3UL, machine.Engine.GetStatistics().Accesses.Translations);
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static void Lose(PamuEngine engine, PamuContainer container) => engine.CreateReader("lost").Translate(container, 0, 1, DmaAccess.Read);

    [Fact]
    public void Only_hits_count_bytes_and_huge_lengths_wrap()
    {
        using var engine = new PamuEngine(Counted);
        PamuContainer container = engine.CreateContainer();
        container.SetGeometry(0, (1UL << 63) - 1);
        container.SetWindows(1);
        container.MapDma(0, 0, 1UL << 63, DmaPermissions.Write);
        using PamuReader reader = engine.CreateReader();
        foreach (ulong length in (ulong[])[0, ulong.MaxValue, (1UL << 63) + 1])
        {
            Assert.False(reader.Translate(container, 0, length, DmaAccess.Write).IsHit);
        }

        Assert.False(reader.Translate(container, 0, 1UL << 62, DmaAccess.Read).IsHit);
        AccessCounts counts = container.GetStatistics().Accesses;
        Assert.Equal((0UL, 0UL, 2UL), (counts.BytesRead, counts.BytesWritten, counts.Crosses));
        for (int i = 0; i < 3; i++)
        {
            Assert.True(reader.Translate(container, 0, 1UL << 63, DmaAccess.Write).IsDma);
        }

        counts = container.GetStatistics().Accesses;
        Assert.Equal((3UL, unchecked(3 * (1UL << 63))), (counts.MemoryHits, counts.BytesWritten));
    }

    [Fact]
    public void Counting_allocates_nothing()
    {
        using var machine = new Machine(new PamuPlatform { Counting = AccessCounting.On });
        PamuContainer container = machine.Ready();
        container.MapDma(0x5000_0000, At(0), Window, DmaPermissions.ReadWrite);
        container.MapMsiBank(0, At(1));
        machine.Engine.CreateGroup(0, [7], [0]).Attach(container);
        ulong[] iovas = new ulong[1000];
        ulong[] masks = new ulong[48];
        void Run()
        {
            for (int i = 0; i < iovas.Length; i++)
            {
                iovas[i] = At(0) + (ulong)i * 1234;
                machine.Reader.Translate(container, iovas[i], 64, DmaAccess.Write);
                machine.Reader.Translate(7u, iovas[i], 64, DmaAccess.Read);
                using ReaderSection section = machine.Reader.Enter(container);
                section.TranslateBatch(iovas, 4, DmaAccess.Write, iovas, masks.AsSpan(0, 16), masks.AsSpan(16, 16), masks.AsSpan(32, 16));
            }
        }

        foreach (bool windows in (bool[])[true, false])
        {
            machine.Engine.CountsWindows = windows;
            Assert.Equal(0, AllocatedBytes.Of(Run));
        }
    }
}
