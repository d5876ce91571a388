namespace PamuFastPath.Tests.Dma;

public sealed class GuestMemoryTests
{
    [Fact]
    public void A_copy_runs_over_regions_that_touch_whatever_order_they_were_added_in()
    {
        using var memory = new GuestMemory();
        byte[] upper = new byte[8];
        byte[] lower = new byte[8];
        memory.Add(0x1008, upper);
        memory.Add(0x1000, lower);

        Assert.True(memory.TryWrite(0x1006, new byte[] { 1, 2, 3, 4 }));

        Assert.Equal(new byte[] { 0, 0, 0, 0, 0, 0, 1, 2 }, lower);
        Assert.Equal(new byte[] { 3, 4, 0, 0, 0, 0, 0, 0 }, upper);
        var read = new byte[4];
        Assert.True(memory.TryRead(0x1006, read));
        Assert.Equal(new byte[] { 1, 2, 3, 4 }, read);
    }

    [Theory]
    [InlineData(0x0FFF, 1)]
    [InlineData(0x0FFF, 2)]
    [InlineData(0x1008, 1)]
    [InlineData(0x1004, 5)]
    [InlineData(0x2008, 9)]
    [InlineData(ulong.MaxValue, 1)]
    [InlineData(ulong.MaxValue, 2)]
    public void A_copy_with_a_byte_outside_of_RAM_copies_nothing(ulong target, int length)
    {
        using var memory = new GuestMemory();
        byte[] first = new byte[8];
        byte[] second = new byte[16];
        memory.Add(0x1000, first);
        memory.Add(0x2000, second);
        byte[] ones = [.. Enumerable.Repeat((byte)1, length)];
        byte[] read = [.. ones];

        Assert.False(memory.TryWrite(target, ones));
        Assert.False(memory.TryRead(target, read));

        Assert.All(first.Concat(second), value => Assert.Equal(0, value));
        Assert.Equal(ones, read);
    }

    [Fact]
    public void A_copy_does_not_wrap_round_the_end_of_the_target_space()
    {
        using var memory = new GuestMemory();
        memory.Add(ulong.MaxValue - 7, new byte[8]);
        memory.Add(0, new byte[8]);

        Assert.True(memory.TryWrite(ulong.MaxValue - 7, new byte[8]));
        Assert.False(memory.TryWrite(ulong.MaxValue - 7, new byte[9]));
    }

    [Theory]
    [InlineData(0x1000, 8)]
    [InlineData(0x0FF9, 8)]
    [InlineData(0x1007, 1)]
    [InlineData(0x0F00, 0x1000)]
    [InlineData(0x5000, 0)]
    [InlineData(ulong.MaxValue, 2)]
    public void A_region_that_overlaps_wraps_or_is_empty_is_refused(ulong target, int length)
    {
        using var memory = new GuestMemory();
        memory.Add(0x1000, new byte[8]);

        Assert.Throws<ArgumentException>(() => memory.Add(target, new byte[length]));
    }
}
