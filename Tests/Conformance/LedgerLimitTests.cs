using PamuFastPath.Cli.Conform;

namespace PamuFastPath.Tests.Conformance;

/// <summary>Where the recorder called a call of the driver a hang, and where it reads pages that are not there.</summary>
public class LedgerLimitTests
{
    /// <summary>
    /// Windows of 512 MiB are mapped, 0 and 2. Then the upper layer alone is given windows of 4 KiB: a window's unmap takes 131,072 steps.
    /// </summary>
    [Theory]
    [InlineData("as many translations as it waits for", 0x0, 100_000, null)]
    [InlineData("one more", 0x0, 100_001, "hang")]
    [InlineData("as many, of two entries", 0x1000_0000, 100_000 + 0x20000, null)]
    [InlineData("one more, of two entries", 0x1000_0000, 100_001 + 0x20000, "hang")]
    public void Translations_are_counted_over_a_whole_call(string amount, ulong iova, int pages, string? fault)
    {
        DriverContainer driver = Open();
        Done(driver, SetGeometry(0x2_0000_0000));
        Done(driver, SetWindows(16));
        Done(driver, Map(0x0, 0x2000_0000, 1));
        Done(driver, Map(0x4000_0000, 0x2000_0000, 2));
        Assert.Equal(-(int)Errno.EFAULT, driver.Apply(SetGeometry(0x10_0000)).OpRet);
        Assert.Equal(-(int)Errno.EFAULT, driver.Apply(SetWindows(256)).OpRet);
        Assert.Equal(0x1000ul, driver.WindowSize);

        DriverAnswer answer = driver.Apply(Unmap(iova, (ulong)pages << 12));

        Assert.True(answer.Fault == fault, $"{amount}: {answer.Fault}");
    }

    /// <summary>Below the aperture the number of a window of this size is cut to a negative one: 300,000 of them up to window 0.</summary>
    [Theory]
    [InlineData(37_856, null)]
    [InlineData(37_857, "hang")]
    public void Disabled_windows_are_counted_with_the_last_one(int windowsBelow, string? fault)
    {
        const ulong Window = 0x2000_1000;
        DriverContainer driver = Open();
        Done(driver, SetGeometry(0x1_0000));
        Done(driver, SetWindows(16));
        (driver.Start, driver.WindowSize) = (1UL << 45, Window);
        ulong iova = driver.Start - (ulong)windowsBelow * Window;
        ulong size = ((ulong)windowsBelow + 1) * Window;
        driver.Mappings.Add(new DriverMapping(iova, 0, (long)(size >> 12), 3));

        Assert.Equal(fault, driver.Apply(Unmap(iova, size)).Fault);
    }

    [Theory]
    [InlineData("of two pages", 0x2000, null)]
    [InlineData("of no whole page", 0x800, "oops")]
    [InlineData("of 2^32 pages, which are none in 32 bits", 1UL << 44, "oops")]
    [InlineData("of 2^20 times 2^32 pages", 1UL << 52, "oops")]
    public void A_window_of_no_pages_reads_one_that_is_not_there(string window, ulong size, string? fault)
    {
        DriverContainer driver = Open();
        Done(driver, SetGeometry(0x1_0000));
        Done(driver, SetWindows(16));
        driver.WindowSize = size;

        DriverAnswer answer = driver.Apply(Map(0, Math.Max(size, 0x1000), 3));

        Assert.True(answer.Fault == fault, $"{window}: {answer}");
    }

    private static DriverContainer Open()
    {
        var machine = new DriverMachine(256);
        machine.Open(0);
        return machine[0];
    }

    private static void Done(DriverContainer driver, RecordedOp op) => Assert.Equal(0, driver.Apply(op).OpRet);

    private static RecordedOp Op(OpKind kind) => new() { Kind = kind, Container = 0, ArgSz = 32 };

    private static RecordedOp SetGeometry(ulong size) => Op(OpKind.SetGeometry) with { Last = size - 1 };

    private static RecordedOp SetWindows(uint count) => Op(OpKind.SetWindows) with { Attribute = 1, Count = count };

    private static RecordedOp Map(ulong iova, ulong size, uint prot) => Op(OpKind.MapDma) with { Flags = prot, Iova = iova, Size = size };

    private static RecordedOp Unmap(ulong iova, ulong size) => Op(OpKind.UnmapDma) with { Iova = iova, Size = size };
}
