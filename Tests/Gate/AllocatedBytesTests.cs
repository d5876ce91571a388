using PamuFastPath.Bench.Measure;

namespace PamuFastPath.Tests.Gate;

/// <summary>What the gate and the tests of allocation count.</summary>
public class AllocatedBytesTests
{
    [Fact]
    public void What_is_allocated_in_every_run_is_counted() =>
        Assert.InRange(AllocatedBytes.Of(10, static () => GC.KeepAlive(new byte[100])), 10 * 100, 10 * 100 + 10 * 64);

    [Fact]
    public void What_is_allocated_once_is_not()
    {
        int runs = 0;
        Assert.Equal(0, AllocatedBytes.Of(() => GC.KeepAlive(runs++ < 2 ? new byte[100] : null)));
        Assert.Equal(3, runs);
    }
}
