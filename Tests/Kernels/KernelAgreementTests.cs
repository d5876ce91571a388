using System.Globalization;
using Xunit.Abstractions;

namespace PamuFastPath.Tests.Kernels;

/// <summary>
/// Every kernel that can run here gives bit-equal targets, masks and counts to the single translation, over random tables and
/// accesses that favour edges, wraps, zero and huge lengths. <c>PAMU_KERNEL_ACCESSES</c> sets how many (default 10,000,000 over all kernels).
/// </summary>
public class KernelAgreementTests(ITestOutputHelper output)
{
    private static readonly BatchKernel[] Kernels = Enum.GetValues<BatchKernel>();

    private static long Accesses => long.Parse(Environment.GetEnvironmentVariable("PAMU_KERNEL_ACCESSES") ?? "10000000", CultureInfo.InvariantCulture);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void All_kernels_agree_with_the_single_translation(int seed)
    {
        var random = new Random(seed);
        var counts = new SortedDictionary<BatchKernel, long>();
        long total = 0;
        while (total < Accesses / 2)
        {
            using var table = new RandomTable(random);
            for (int batch = 0; batch < 8; batch++)
            {
                total += KernelCheck.Batch(table, random, counts);
            }
        }

        foreach ((BatchKernel kernel, long accesses) in counts)
        {
            output.WriteLine($"{kernel}: {accesses:N0} accesses");
        }

        Assert.Contains(BatchKernel.Scalar, counts.Keys);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(17)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(1000)]
    public void A_batch_writes_its_own_elements_and_mask_words_only(int count)
    {
        using var table = new RandomTable(new Random(3));
        using PamuReader reader = table.Engine.CreateReader();
        using ReaderSection section = reader.Enter(table.Container);
        ulong[] iovas = new ulong[count + 1];
        for (int i = 0; i < iovas.Length; i++)
        {
            iovas[i] = table.Start + (ulong)i * 4096;
        }

        int words = (count + 63) / 64;
        foreach (BatchKernel kernel in Kernels)
        {
            if (!section.CanRun(kernel))
            {
                continue;
            }

            ulong[] targets = [.. Enumerable.Repeat(7UL, count + 1)];
            ulong[] fault = [.. Enumerable.Repeat(7UL, words + 1)];
            ulong[] cross = [.. fault];
            ulong[] msi = [.. fault];
            BatchResult result = section.TranslateBatch(iovas.AsSpan(0, count), 1, DmaAccess.Read, targets, fault, cross, msi, kernel);

            Assert.Equal(count, result.DmaCount + result.MsiCount + result.FaultCount + result.CrossCount);
            Assert.Equal(7UL, targets[count]);
            Assert.Equal([7UL, 7UL, 7UL], [fault[words], cross[words], msi[words]]);
        }
    }

    [Fact]
    public void Spans_that_overlap_partly_or_are_too_short_are_refused_and_untouched()
    {
        using var table = new RandomTable(new Random(4));
        using PamuReader reader = table.Engine.CreateReader();
        ulong[] memory = [.. Enumerable.Range(0, 300).Select(i => (ulong)i)];
        ulong[] masks = new ulong[64];

        void Refused(int iovas, int targets, int faultStart, int faultWords)
        {
            using ReaderSection section = reader.Enter(table.Container);
            bool thrown = false;
            try
            {
                section.TranslateBatch(
                    memory.AsSpan(iovas, 100),
                    64,
                    DmaAccess.Read,
                    memory.AsSpan(targets, Math.Min(100, memory.Length - targets)),
                    masks.AsSpan(faultStart, faultWords),
                    masks.AsSpan(16, 2),
                    masks.AsSpan(32, 2));
            }
            catch (ArgumentException)
            {
                thrown = true;
            }

            Assert.True(thrown);
            Assert.Equal(Enumerable.Range(0, 300).Select(i => (ulong)i), memory);
        }

        Refused(iovas: 0, targets: 1, faultStart: 0, faultWords: 2);
        Refused(iovas: 1, targets: 0, faultStart: 0, faultWords: 2);
        Refused(iovas: 0, targets: 99, faultStart: 0, faultWords: 2);
        Refused(iovas: 0, targets: 250, faultStart: 0, faultWords: 2);
        Refused(iovas: 0, targets: 150, faultStart: 0, faultWords: 1);
        Refused(iovas: 0, targets: 150, faultStart: 15, faultWords: 2);
    }

    [Theory]
    [InlineData(0, true)] // the lengths' own memory
    [InlineData(100, true)] // from their last
    [InlineData(101, false)] // right behind them
    public void Lengths_that_overlap_results_are_refused_and_untouched(int targets, bool isRefused)
    {
        using var table = new RandomTable(new Random(5));
        using PamuReader reader = table.Engine.CreateReader();
        ulong[] iovas = new ulong[202];
        ulong[] memory = [.. Enumerable.Range(0, 400).Select(i => (ulong)i)];
        ulong[] masks = new ulong[16];
        Span<uint> lengths = System.Runtime.InteropServices.MemoryMarshal.Cast<ulong, uint>(memory.AsSpan(0, 101));
        bool thrown = false;
        using ReaderSection section = reader.Enter(table.Container);
        try
        {
            section.TranslateBatch(iovas, lengths, DmaAccess.Read, memory.AsSpan(targets), masks.AsSpan(0, 4), masks.AsSpan(4, 4), masks.AsSpan(8, 4));
        }
        catch (ArgumentException)
        {
            thrown = true;
            Assert.Equal(Enumerable.Range(0, 400).Select(i => (ulong)i), memory);
        }

        Assert.Equal(isRefused, thrown);
    }
}
