using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using PamuFastPath.Interop;
using PamuFastPath.Tests.Child;

namespace PamuFastPath.Tests.Vfio;

/// <summary>From an eventfd to the sink and to those who wait. The eventfds are real; who counts them up is the test.</summary>
[SupportedOSPlatform("linux")]
public sealed class VfioInterruptTests : IDisposable
{
    private const Errno EIO = (Errno)5;
    private const Errno ENOSPC = (Errno)28;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly FakeDevice _fake = new();
    private readonly VfioDevice _device;

    public VfioInterruptTests() => _device = _fake.Open();

    public void Dispose()
    {
        _device.Dispose();
        _fake.Dispose();
    }

    [Theory]
    [InlineData(VfioInterruptKind.Msi, 1)]
    [InlineData(VfioInterruptKind.Msi, 4)]
    [InlineData(VfioInterruptKind.Msix, 32)]
    public void A_thousand_of_a_thousand_reach_the_sink_as_their_vectors_message(VfioInterruptKind kind, int vectors)
    {
        var sink = new RecordingSink();
        MsiMessage[] messages = Messages(vectors);
        using VfioInterrupts interrupts = _device.EnableInterrupts(kind, messages, sink);
        for (int i = 0; i < 1000; i++)
        {
            Assert.True(_fake.Fire(kind, i % vectors));
        }

        sink.WaitFor(1000);
        interrupts.Dispose();
        Assert.Equal(1000, sink.Messages.Length);
        for (int vector = 0; vector < vectors; vector++)
        {
            Assert.Equal(Enumerable.Range(0, 1000).Count(i => i % vectors == vector), sink.Messages.Count(message => message == messages[vector]));
        }
    }

    [Fact]
    public async Task A_count_of_n_is_n_messages_and_n_waits()
    {
        var sink = new RecordingSink();
        using VfioInterrupts interrupts = _device.EnableInterrupts(VfioInterruptKind.Msi, Messages(2), sink);
        _fake.Fire(VfioInterruptKind.Msi, 1, 300);
        for (int i = 0; i < 300; i++)
        {
            await interrupts.WaitAsync(1).WaitAsync(Patience);
        }

        Assert.Equal(Enumerable.Repeat(Messages(2)[1], 300), sink.Messages);
        Assert.False(interrupts.WaitAsync(1).IsCompleted);
        Assert.False(interrupts.WaitAsync(0).IsCompleted);
    }

    [Fact]
    public void A_busy_vector_does_not_keep_the_others_from_the_sink()
    {
        using var began = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        var sink = new RecordingSink(_ =>
        {
            began.Set();
            goOn.Wait();
        });
        MsiMessage[] messages = Messages(2);
        using VfioInterrupts interrupts = _device.EnableInterrupts(VfioInterruptKind.Msi, messages, sink);
        _fake.Fire(VfioInterruptKind.Msi, 0, 100_000);
        began.Wait();
        _fake.Fire(VfioInterruptKind.Msi, 1);
        goOn.Set();
        sink.WaitFor(3 * VfioInterrupts.Turn);
        Assert.InRange(Array.IndexOf(sink.Messages, messages[1]), 1, 2 * VfioInterrupts.Turn);
    }

    [Fact]
    public void A_vector_can_be_given_another_message()
    {
        var sink = new RecordingSink();
        using VfioInterrupts interrupts = _device.EnableInterrupts(VfioInterruptKind.Msi, Messages(2), sink);
        _fake.Fire(VfioInterruptKind.Msi, 1);
        sink.WaitFor(1);
        var other = new MsiMessage(7, 2, MsiDecoder.Msiir1, 0x139);
        interrupts.SetMessage(1, other);
        _fake.Fire(VfioInterruptKind.Msi, 1);
        sink.WaitFor(2);
        Assert.Equal([Messages(2)[1], other], sink.Messages);
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => interrupts.SetMessage(2, other)));
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => interrupts.SetMessage(-1, other)));
    }

    [Fact]
    public async Task A_wait_is_for_one_interrupt_of_its_vector_whenever_it_came()
    {
        using VfioInterrupts interrupts = _device.EnableInterrupts(VfioInterruptKind.Msix, 3);
        Task early = interrupts.WaitAsync(2);
        Task other = interrupts.WaitAsync(1);
        Assert.False(early.IsCompleted);
        _fake.Fire(VfioInterruptKind.Msix, 2, 2);
        await early.WaitAsync(Patience);
        await interrupts.WaitAsync(2).WaitAsync(Patience);
        Assert.False(other.IsCompleted);

        using var cancellation = new CancellationTokenSource();
        Task cancelled = interrupts.WaitAsync(2, cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        _fake.Fire(VfioInterruptKind.Msix, 2);
        await interrupts.WaitAsync(2).WaitAsync(Patience); // the cancelled wait took nothing

        await Assert.ThrowsAsync<PamuException>(() => interrupts.WaitAsync(3));
        await Assert.ThrowsAsync<PamuException>(() => interrupts.WaitAsync(-1));
    }

    [Fact]
    public async Task Dispose_fails_the_waits_of_before_and_after()
    {
        VfioInterrupts interrupts = _device.EnableInterrupts(VfioInterruptKind.Msi, 2);
        Task[] waits = [interrupts.WaitAsync(0), interrupts.WaitAsync(0), interrupts.WaitAsync(0), interrupts.WaitAsync(1)];
        interrupts.Dispose();
        foreach (Task wait in waits)
        {
            await Assert.ThrowsAsync<ObjectDisposedException>(() => wait.WaitAsync(Patience));
        }

        await Assert.ThrowsAsync<ObjectDisposedException>(() => interrupts.WaitAsync(1));
        Assert.Throws<ObjectDisposedException>(interrupts.Unmask);
    }

    [Fact]
    public async Task No_callback_runs_after_Dispose_whatever_the_device_does()
    {
        for (int round = 0; round < 100; round++)
        {
            bool isDisposed = false;
            int late = 0;
            var sink = new RecordingSink(_ => late += Volatile.Read(ref isDisposed) ? 1 : 0);
            VfioInterrupts interrupts = _device.EnableInterrupts(VfioInterruptKind.Msix, Messages(4), sink);
            using var end = new CancellationTokenSource();
            Task firing = Task.Run(() =>
            {
                for (int i = 0; !end.IsCancellationRequested; i++)
                {
                    _fake.Fire(VfioInterruptKind.Msix, i % 4, 3);
                }
            });
            sink.WaitFor(1 + round % 50);

            // Two at once: each may rely on it.
            Task<int> second = Task.Run(() =>
            {
                interrupts.Dispose();
                return sink.Messages.Length;
            });
            interrupts.Dispose();
            int delivered = sink.Messages.Length;
            Volatile.Write(ref isDisposed, true);
            Assert.Equal(delivered, await second);
            await end.CancelAsync();
            await firing;
            Assert.Equal((delivered, 0), (sink.Messages.Length, late));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_callback_may_dispose_and_is_the_last(bool disposesDevice)
    {
        VfioInterrupts? interrupts = null;
        using var isEnabled = new ManualResetEventSlim();
        using var isDone = new ManualResetEventSlim();
        var sink = new RecordingSink(_ =>
        {
            isEnabled.Wait();
            (disposesDevice ? (IDisposable)_device : interrupts!).Dispose();
            isDone.Set();
        });
        interrupts = _device.EnableInterrupts(VfioInterruptKind.Msi, Messages(2), sink);
        _fake.Fire(VfioInterruptKind.Msi, 0, 10);
        _fake.Fire(VfioInterruptKind.Msi, 1, 10);
        isEnabled.Set();
        Assert.True(isDone.Wait(Patience));
        interrupts.Dispose(); // from here: waits for the callback's thread
        Assert.Single(sink.Messages);
        Assert.False(_fake.IsEnabled(VfioInterruptKind.Msi));
    }

    [Fact]
    public void A_callback_runs_under_no_lock_of_the_device()
    {
        bool hasEnded = false;
        using var end = new ManualResetEventSlim();
        var other = new Thread(() =>
        {
            _device.EnableBusMaster(true);
            _device.EnableInterrupts(VfioInterruptKind.Request, 1).Dispose();
            end.Set();
        });
        var sink = new RecordingSink(_ =>
        {
            other.Start();
            hasEnded = end.Wait(Patience);
        });
        using VfioInterrupts interrupts = _device.EnableInterrupts(VfioInterruptKind.Msi, Messages(1), sink);
        _fake.Fire(VfioInterruptKind.Msi);
        sink.WaitFor(1);
        interrupts.Dispose();
        Assert.True(hasEnded);
    }

    [Fact]
    public void What_the_sink_throws_goes_to_the_handler_and_delivery_goes_on()
    {
        var failures = new List<string>();
        var sink = new RecordingSink(message => throw new InvalidOperationException($"no {message.Data}"));
        using VfioInterrupts interrupts = _device.EnableInterrupts(
            VfioInterruptKind.Msi, Messages(2), sink, failure => failures.Add(failure.Message));
        _fake.Fire(VfioInterruptKind.Msi, 0, 2);
        sink.WaitFor(2);
        _fake.Fire(VfioInterruptKind.Msi, 1);
        sink.WaitFor(3);
        _device.Dispose();
        Assert.Equal(["no 0", "no 0", "no 1"], failures);
    }

    [Fact]
    public void What_the_sink_throws_without_a_handler_ends_the_process_with_its_trace()
    {
        ChildResult child = ChildProcess.Run(5 * Patience, null, "failing-sink");
        Assert.True(child.ExitCode != 0, child.ToString());
        Assert.Contains("Unhandled exception", child.Error, StringComparison.Ordinal);
        Assert.Contains("the sink cannot", child.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("survived", child.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void INTx_is_unmasked_after_the_delivery_even_if_the_sink_failed(bool sinkFails)
    {
        var masked = new List<bool>();
        var sink = new RecordingSink(_ =>
        {
            masked.Add(_fake.IsIntxMasked);
            if (sinkFails)
            {
                throw new InvalidOperationException();
            }
        });
        using VfioInterrupts interrupts = _device.EnableInterrupts(VfioInterruptKind.Intx, Messages(1), sink, _ => { });
        for (int i = 1; i <= 100; i++)
        {
            Assert.True(SpinWait.SpinUntil(() => _fake.Fire(VfioInterruptKind.Intx), Patience), $"the line is masked after {i - 1} deliveries");
            sink.WaitFor(i);
        }

        interrupts.Dispose();
        Assert.Equal(Enumerable.Repeat(true, 100), masked);
    }

    [Fact]
    public async Task INTx_without_a_sink_stays_masked_until_it_is_unmasked()
    {
        using VfioInterrupts interrupts = _device.EnableInterrupts(VfioInterruptKind.Intx, 1);
        for (int i = 0; i < 3; i++)
        {
            Assert.True(_fake.Fire(VfioInterruptKind.Intx));
            await interrupts.WaitAsync(0).WaitAsync(Patience);
            Assert.False(_fake.Fire(VfioInterruptKind.Intx));
            interrupts.Unmask();
        }

        interrupts.Dispose();
        using VfioInterrupts messages = _device.EnableInterrupts(VfioInterruptKind.Msi, 1);
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(messages.Unmask));
    }

    [Fact]
    public void A_failed_unmask_goes_to_the_handler()
    {
        using var hasFailed = new ManualResetEventSlim();
        Exception? failure = null;
        var sink = new RecordingSink(_ => _fake.Refused[VfioDeviceAbi.SetIrqs] = -5);
        using VfioInterrupts interrupts = _device.EnableInterrupts(VfioInterruptKind.Intx, Messages(1), sink, seen =>
        {
            failure = seen;
            hasFailed.Set();
        });
        _fake.Fire(VfioInterruptKind.Intx);
        Assert.True(hasFailed.Wait(Patience));
        Assert.Equal(EIO, Assert.IsType<PamuException>(failure).Errno);
        _fake.Refused.Clear();
    }

    public static TheoryData<VfioInterruptKind, int, Errno> Enablings() => new()
    {
        { VfioInterruptKind.Msi, 4, Errno.Ok },
        { VfioInterruptKind.Msi, 5, Errno.EINVAL },
        { VfioInterruptKind.Msi, 0, Errno.EINVAL },
        { VfioInterruptKind.Msi, -1, Errno.EINVAL },
        { VfioInterruptKind.Msi, int.MaxValue, Errno.EINVAL },
        { VfioInterruptKind.Error, 1, Errno.EINVAL }, // the kernel knows none of this kind
        { VfioInterruptKind.Request, 1, Errno.EINVAL }, // has no eventfd in this test
        { (VfioInterruptKind)77, 1, Errno.EINVAL },
    };

    [Theory]
    [MemberData(nameof(Enablings))]
    public void Only_vectors_that_the_device_has_are_enabled(VfioInterruptKind kind, int count, Errno expected)
    {
        _fake.Irqs[VfioInterruptKind.Request] = (8, 1);
        Assert.Equal(expected, ErrnoOf.Call(() => _device.EnableInterrupts(kind, count).Dispose()));
        Assert.Equal(expected == Errno.Ok, _fake.Calls.Exists(call => call.Request == VfioDeviceAbi.SetIrqs));
    }

    [Theory]
    [InlineData(VfioInterruptKind.Intx, 1)]
    [InlineData(VfioInterruptKind.Msi, 4)]
    [InlineData(VfioInterruptKind.Msix, 32)]
    [InlineData(VfioInterruptKind.Error, 0)]
    [InlineData(VfioInterruptKind.Request, 1)]
    public void The_device_says_how_many_vectors_it_has(VfioInterruptKind kind, int count) => Assert.Equal(count, _device.VectorCount(kind));

    [Theory]
    [InlineData(VfioInterruptKind.Msi, VfioInterruptKind.Msi, Errno.EBUSY)]
    [InlineData(VfioInterruptKind.Msi, VfioInterruptKind.Intx, Errno.EBUSY)]
    [InlineData(VfioInterruptKind.Intx, VfioInterruptKind.Msix, Errno.EBUSY)]
    [InlineData(VfioInterruptKind.Msix, VfioInterruptKind.Request, Errno.Ok)]
    [InlineData(VfioInterruptKind.Request, VfioInterruptKind.Request, Errno.EBUSY)]
    public void One_of_the_three_is_enabled_at_a_time(VfioInterruptKind first, VfioInterruptKind second, Errno expected)
    {
        using (_device.EnableInterrupts(first, 1))
        {
            Assert.Equal(expected, ErrnoOf.Call(() => _device.EnableInterrupts(second, 1).Dispose()));
            Assert.True(_fake.IsEnabled(first));
        }

        _device.EnableInterrupts(second, 1).Dispose();
    }

    [Theory]
    [InlineData(-5, EIO)]
    [InlineData(2, ENOSPC)] // the kernel could have enabled 2
    public void A_refusal_of_the_kernel_enables_nothing_and_can_be_tried_again(long answer, Errno expected)
    {
        _fake.Refused[VfioDeviceAbi.SetIrqs] = answer;
        Assert.Equal(expected, ErrnoOf.Call(() => _device.EnableInterrupts(VfioInterruptKind.Msi, 4)));
        _fake.Refused.Clear();
        _device.EnableInterrupts(VfioInterruptKind.Msi, 4).Dispose();
    }

    [Fact]
    public void The_kernel_is_handed_one_eventfd_per_vector_and_at_the_end_none()
    {
        _device.EnableInterrupts(VfioInterruptKind.Msix, 3).Dispose();
        uint[][] sets = [.. _fake.Calls.Where(call => call.Request == VfioDeviceAbi.SetIrqs)
            .Select(call => MemoryMarshal.Cast<byte, uint>(call.Argument).ToArray())];
        Assert.Equal(2, sets.Length);
        Assert.Equal([32, 0x24, 2, 0, 3], sets[0][..5]);
        Assert.Equal(3, sets[0][5..].Distinct().Count());
        Assert.Equal([20, 0x21, 2, 0, 0], sets[1]);
    }

    [Fact]
    public void A_thousand_cycles_leave_no_descriptor_thread_or_mapping()
    {
        // In a process of its own: here, other tests open and close files at the same time.
        ChildResult child = ChildProcess.Run(5 * Patience, null, "device-cycles", "1000");
        Assert.True(child.ExitCode == 0, child.ToString());
        Assert.Contains("1000 cycles, 1000 messages", child.Output, StringComparison.Ordinal);
    }

    private static MsiMessage[] Messages(int vectors) =>
        [.. Enumerable.Range(0, vectors).Select(vector => new MsiMessage(0x42, 0, MsiDecoder.Msiir, (uint)vector))];
}
