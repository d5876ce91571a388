using PamuFastPath.Tests.Control;
using Xunit.Abstractions;

namespace PamuFastPath.Tests.Kernels;

/// <summary>Tables at the limits that kernels are chosen by: random tables seldom lie there.</summary>
public sealed class KernelLimitTests(ITestOutputHelper output)
{
    private const int Tables = 12;

    [Theory]
    [InlineData(12, 256)]
    [InlineData(33, 256)]
    [InlineData(55, 256)]
    [InlineData(12, 128)]
    [InlineData(12, 64)]
    [InlineData(12, 32)]
    [InlineData(12, 16)]
    [InlineData(59, 16)]
    [InlineData(12, 2)]
    [InlineData(12, 1)]
    [InlineData(60, 8)]
    [InlineData(61, 4)]
    [InlineData(62, 2)]
    [InlineData(63, 1)]
    public void All_kernels_agree_on_tables_of_any_window_size_and_count(int windowShift, uint count)
    {
        var random = new Random(windowShift);
        var counts = new SortedDictionary<BatchKernel, long>();
        for (int i = 0; i < Tables; i++)
        {
            using var table = new RandomTable(random, windowShift, count);
            for (int batch = 0; batch < 3; batch++)
            {
                KernelCheck.Batch(table, random, counts);
            }
        }

        output.WriteLine(string.Join(", ", counts.Select(kernel => $"{kernel.Key}: {kernel.Value:N0}")));
        Assert.Contains(BatchKernel.Scalar, counts.Keys);
    }

    /// <summary>A packed entry has 26 bits for the frame, counted from the lowest target.</summary>
    [Theory]
    [InlineData((1UL << 26) - 1)]
    [InlineData(1UL << 26)]
    public void Targets_as_far_apart_as_packed_frames_reach_and_one_frame_farther(ulong frames)
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0x1000, Machine.At(0), Machine.Window, DmaPermissions.ReadWrite);
        container.MapDma(0x1000 + (frames << 12), Machine.At(5), Machine.Window, DmaPermissions.ReadWrite);
        ulong[] iovas = [.. Enumerable.Range(0, 64).Select(i => Machine.At(i % 2 == 0 ? 0 : 5) + (ulong)i)];
        using ReaderSection section = machine.Reader.Enter(container);
        foreach (BatchKernel kernel in Enum.GetValues<BatchKernel>())
        {
            if (section.CanRun(kernel))
            {
                ulong[] targets = new ulong[64];
                BatchResult result = section.TranslateBatch(iovas, 4, DmaAccess.Read, targets, new ulong[1], new ulong[1], new ulong[1], kernel);

                Assert.Equal(new BatchResult(64, 0, 0, 0), result);
                Assert.Equal([.. Enumerable.Range(0, 64).Select(i => 0x1000 + (i % 2 == 0 ? 0 : frames << 12) + (ulong)i)], targets);
            }
        }
    }

    [Fact]
    public void The_tables_own_kernel_can_run_and_one_that_cannot_is_refused()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        using ReaderSection section = machine.Reader.Enter(container);
        Assert.True(section.CanRun(section.Kernel));
        Assert.False(section.CanRun((BatchKernel)99));

        bool isRefused = false;
        try
        {
            section.TranslateBatch([0ul], 1, DmaAccess.Read, new ulong[1], new ulong[1], new ulong[1], new ulong[1], (BatchKernel)99);
        }
        catch (PlatformNotSupportedException)
        {
            isRefused = true;
        }

        Assert.True(isRefused);
    }

    [Fact]
    public void A_batch_has_as_many_lengths_as_addresses()
    {
        using var machine = new Machine();
        using ReaderSection section = machine.Reader.Enter(machine.Ready());
        ulong[] targets = [7];
        bool isRefused = false;
        try
        {
            section.TranslateBatch([0ul], [1u, 2u], DmaAccess.Read, targets, new ulong[1], new ulong[1], new ulong[1]);
        }
        catch (ArgumentException)
        {
            isRefused = true;
        }

        Assert.True(isRefused);
        Assert.Equal([7ul], targets);
    }
}
