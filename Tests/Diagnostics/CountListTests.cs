using System.Globalization;
using PamuFastPath.Diagnostics;

namespace PamuFastPath.Tests.Diagnostics;

/// <summary>The text that counts travel in: an event has room for some 15,000 characters, whatever a platform has banks.</summary>
public sealed class CountListTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(256)]
    public void What_is_written_is_read_back_and_zeros_take_no_room(int length)
    {
        ulong[] counts = [.. Enumerable.Range(0, length).Select(i => i % 3 == 0 ? 0 : ulong.MaxValue - (ulong)i)];

        string text = CountList.Of(counts);

        Assert.Equal(counts, CountList.Read(text, length));
        Assert.Equal(counts.Count(count => count != 0), text.Count(character => character == ':'));
        Assert.Equal("", CountList.Of(new ulong[length]));
    }

    [Fact]
    public void What_has_no_room_is_summed_up_and_nothing_is_lost()
    {
        ulong[] counts = [.. Enumerable.Range(0, 5_000).Select(i => 1_000_000_000_000ul + (ulong)i)];

        string text = CountList.Of(counts);

        Assert.InRange(text.Length, 14_000, CountList.LengthMax);
        ulong[] read = CountList.Read(text, counts.Length);
        int entries = read.Count(count => count != 0);
        Assert.Equal(counts[..entries], read[..entries]);
        string[] rest = text[text.LastIndexOf(' ')..].Trim().Split(':');
        Assert.Equal("rest", rest[0]);
        Assert.Equal(counts[entries..].Aggregate(0ul, (sum, count) => sum + count), ulong.Parse(rest[1], CultureInfo.InvariantCulture));
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("0:1 :2 x:3 -1:4 1:-5 2:18446744073709551616 9:6 1:7:8")]
    public void What_is_no_count_or_beyond_the_end_is_passed_over(string text) =>
        Assert.Equal(text.StartsWith('0') ? [1ul, 0, 0] : new ulong[3], CountList.Read(text, 3));
}
