using PamuFastPath.Tests.Control;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Dma;

/// <summary>
/// A device with LIODN 0x42 in a container of 8 windows of 64 KiB: 0-3 map 256 KiB of RAM at 1 MiB in reverse order, 4 MSI bank 1 (read and
/// write), 5 RAM that can only be read, 6 a target without RAM.
/// </summary>
public sealed class DmaPortTests : IDisposable
{
    private const ulong Ram = 0x10_0000;

    private readonly Machine _machine = new();
    private readonly PamuContainer _container;
    private readonly GuestMemory _memory = new();
    private readonly byte[] _ram = new byte[4 * Window];
    private readonly Sink _sink = new();
    private readonly DmaPort _port;

    public DmaPortTests()
    {
        _container = _machine.Ready();
        for (int i = 0; i < 4; i++)
        {
            _container.MapDma(Ram + (ulong)(3 - i) * Window, At(i), Window, DmaPermissions.ReadWrite);
        }

        _container.MapMsiBank(1, At(4), DmaPermissions.ReadWrite);
        _container.MapDma(Ram, At(5), Window, DmaPermissions.Read);
        _container.MapDma(0x9000_0000, At(6), Window, DmaPermissions.ReadWrite);
        _machine.Engine.CreateGroup(1, [0x42], [1]).Attach(_container);
        _memory.Add(Ram, _ram);
        _port = new DmaPort(_machine.Reader, 0x42, _memory, _sink);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4096)]
    [InlineData(65536)]
    [InlineData(65537)]
    [InlineData(200_000)]
    public void A_DMA_of_any_size_arrives_where_its_windows_point_at(int length)
    {
        byte[] data = Pattern(length);
        const int start = 0x123;

        Assert.Equal(new DmaResult(DmaStatus.Done, length, FaultKind.None, 0), _port.Write(At(0) + start, data));

        for (int i = 0; i < length; i++)
        {
            int window = (start + i) / (int)Window;
            Assert.Equal(data[i], _ram[(3 - window) * (int)Window + (start + i) % (int)Window]);
        }

        var read = new byte[length];
        Assert.Equal(new DmaResult(DmaStatus.Done, length, FaultKind.None, 0), _port.Read(At(0) + start, read));
        Assert.Equal(data, read);
        Assert.Equal(0, _machine.Engine.Faults.TotalCount);
    }

    [Fact]
    public void A_large_DMA_that_is_refused_in_its_last_byte_copies_nothing()
    {
        int length = (int)Window * 3 / 2 + 1;
        ulong from = At(7) - (ulong)length + 1; // the last byte is in the empty window 7

        DmaResult result = _port.Read(from, new byte[length]);

        Assert.Equal(new DmaResult(DmaStatus.Fault, 0, FaultKind.NoMapping, At(7)), result);
        Assert.True(_machine.Engine.Faults.TryTake(out FaultRecord fault));
        Assert.Equal(new FaultRecord(FaultKind.NoMapping, 0x42, from, (ulong)length, DmaAccess.Read, At(7)), fault);
        DmaResult write = _port.Write(At(5) - 0x1_8000, Pattern(0x1_8000)); // runs over the MSI window
        Assert.Equal((DmaStatus.Fault, 0), (write.Status, write.BytesDone));
        Assert.All(_ram, value => Assert.Equal(0, value));
    }

    [Theory]
    [InlineData(0x140, 4, true)]
    [InlineData(0xFFC, 4, true)]
    [InlineData(0x142, 4, false)]
    [InlineData(0x141, 4, false)]
    [InlineData(0x140, 2, false)]
    [InlineData(0x140, 1, false)]
    [InlineData(0x140, 8, false)]
    public void A_message_is_one_aligned_32_bit_write(int offset, int length, bool isMessage)
    {
        byte[] data = [0x25, 0, 1, 0, 0, 0, 0, 0];
        ulong iova = At(4) + (ulong)offset;

        DmaResult result = _port.Write(iova, data.AsSpan(0, length));

        if (isMessage)
        {
            Assert.Equal(new DmaResult(DmaStatus.Message, 4, FaultKind.None, 0), result);
            Assert.Equal([new MsiMessage(0x42, 1, offset, 0x1_0025)], _sink.Messages);
        }
        else
        {
            Assert.Equal(new DmaResult(DmaStatus.Fault, 0, FaultKind.BadLength, iova), result);
            Assert.Empty(_sink.Messages);
        }
    }

    /// <summary>Window 4 starts where window 3 ends: only a write that is nothing but the word is a message.</summary>
    [Theory]
    [InlineData(8)]
    [InlineData(0x1_0004)]
    [InlineData(0x1_8004)]
    public void A_write_that_ends_with_a_message_word_is_refused_at_that_word_and_copies_nothing(int length)
    {
        DmaResult result = _port.Write(At(4) - (ulong)length + 4, Pattern(length));

        Assert.Equal(new DmaResult(DmaStatus.Fault, 0, FaultKind.BadLength, At(4)), result);
        Assert.Empty(_sink.Messages);
        Assert.All(_ram, value => Assert.Equal(0, value));
    }

    [Fact]
    public void Without_a_sink_a_message_is_dropped_and_no_fault()
    {
        var port = new DmaPort(_machine.Reader, 0x42, _memory);

        Assert.Equal(new DmaResult(DmaStatus.Message, 4, FaultKind.None, 0), port.Write(At(4) + 0x140, new byte[4]));
        Assert.Equal(0, _machine.Engine.Faults.TotalCount);
    }

    [Fact]
    public void Reads_of_an_MSI_page_give_zeros()
    {
        byte[] read = Pattern(8);

        Assert.True(_port.Read(At(4) + 0x140, read).IsOk);

        Assert.Equal(new byte[8], read);
    }

    [Fact]
    public void A_target_without_RAM_is_NoMemory_and_no_fault()
    {
        Assert.Equal(new DmaResult(DmaStatus.NoMemory, 0, FaultKind.None, 0), _port.Read(At(6), new byte[4]));
        Assert.Equal(new DmaResult(DmaStatus.NoMemory, 8, FaultKind.None, 0), _port.Read(At(6) - 8, new byte[16]));
        Assert.Equal(new DmaResult(DmaStatus.NoMemory, 0, FaultKind.None, 0), _port.Write(At(6), new byte[4]));
        _container.MapDma(Ram, At(7), Window, DmaPermissions.Write);
        Assert.Equal(new DmaResult(DmaStatus.NoMemory, 0, FaultKind.None, 0), _port.Write(At(7) - 8, new byte[16]));
        Assert.Equal(0, _machine.Engine.Faults.TotalCount);
    }

    [Fact]
    public void Each_refusal_is_recorded_with_all_that_is_known_of_it()
    {
        var stranger = new DmaPort(_machine.Reader, 0x99, _memory, _sink);
        (DmaResult Result, FaultRecord Record)[] examples =
        [
            (_port.Read(0, new byte[4]), new(FaultKind.OutOfAperture, 0x42, 0, 4, DmaAccess.Read, 0)),
            (_port.Write(At(7) + 5, new byte[3]), new(FaultKind.NoMapping, 0x42, At(7) + 5, 3, DmaAccess.Write, At(7) + 5)),
            (_port.Write(At(5), new byte[1]), new(FaultKind.DirectionDenied, 0x42, At(5), 1, DmaAccess.Write, At(5))),
            (_port.Read(At(4) + 0xFFE, new byte[4]), new(FaultKind.BeyondMapping, 0x42, At(4) + 0xFFE, 4, DmaAccess.Read, At(4) + 0x1000)),
            (_port.Read(At(0), []), new(FaultKind.BadLength, 0x42, At(0), 0, DmaAccess.Read, At(0))),
            (stranger.Read(At(0), new byte[4]), new(FaultKind.UnknownLiodn, 0x99, At(0), 4, DmaAccess.Read, At(0))),
        ];

        foreach ((DmaResult result, FaultRecord expected) in examples)
        {
            Assert.Equal(new DmaResult(DmaStatus.Fault, 0, expected.Kind, expected.FaultIova), result);
            Assert.True(_machine.Engine.Faults.TryTake(out FaultRecord record));
            Assert.Equal(expected, record);
        }

        Assert.False(_machine.Engine.Faults.TryTake(out _));
    }

    [Fact]
    public void A_full_fault_log_keeps_the_first_faults_and_counts_the_rest()
    {
        for (int i = 0; i < FaultLog.DefaultCapacity + 10; i++)
        {
            _port.Read((ulong)i, new byte[1]);
        }

        Assert.Equal((10, FaultLog.DefaultCapacity + 10), (_machine.Engine.Faults.DroppedCount, _machine.Engine.Faults.TotalCount));
        for (int i = 0; i < FaultLog.DefaultCapacity; i++)
        {
            Assert.True(_machine.Engine.Faults.TryTake(out FaultRecord fault));
            Assert.Equal((ulong)i, fault.Iova);
        }

        Assert.False(_machine.Engine.Faults.TryTake(out _));
    }

    [Fact]
    public void A_sink_may_make_control_calls_that_take_rights_away()
    {
        _sink.Then = () => _container.UnmapMsiBank(At(4));

        Assert.Equal(DmaStatus.Message, _port.Write(At(4) + 0x140, new byte[4]).Status);

        Assert.Equal(FaultKind.NoMapping, _port.Write(At(4) + 0x140, new byte[4]).Fault);
        Assert.Single(_sink.Messages);
        Assert.False(_machine.Reader.IsInSection);
    }

    public void Dispose()
    {
        _machine.Dispose();
        _memory.Dispose();
    }

    private static byte[] Pattern(int length) => [.. Enumerable.Range(1, length).Select(i => (byte)(i * 31))];

    private sealed class Sink : IMsiSink
    {
        internal List<MsiMessage> Messages { get; } = [];

        internal Action Then { get; set; } = () => { };

        public void Deliver(in MsiMessage message)
        {
            Messages.Add(message);
            Then();
        }
    }
}
