using System.Runtime.CompilerServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace PamuFastPath.Interop;

/// <summary>The kinds of interrupts of a PCI device, numbered as VFIO does.</summary>
public enum VfioInterruptKind
{
    /// <summary>The level-triggered line. Masked by the kernel when it fires.</summary>
    Intx = 0,

    /// <summary>Messages set up in config space.</summary>
    Msi = 1,

    /// <summary>Messages set up in a table in a BAR.</summary>
    Msix = 2,

    /// <summary>An uncorrectable PCI Express error.</summary>
    Error = 3,

    /// <summary>The host wants the device back.</summary>
    Request = 4,
}

/// <summary>
/// Enabled interrupts of a device, received through eventfds. One thread, blocked while nothing happens, serves all vectors of the kind:
/// it delivers to the sink and wakes callers of <see cref="WaitAsync"/>.
/// </summary>
/// <remarks>
/// <para>No interrupt is merged or lost while this is enabled: an eventfd that counted n interrupts is n messages to the sink, as n writes of a
/// software device would be, and lets n waits through. An interrupt controller sets the same bit n times, which is what n messages before the
/// first acknowledgement mean to it; a sink that counts sees the true number. When several vectors have interrupts waiting they take turns,
/// <see cref="Turn"/> messages each, so that one busy vector cannot keep the others from the sink. What the kernel or the device
/// itself merged (INTx, masked vectors) is one.</para>
/// <para>The sink runs on that thread, under no lock of this library, never twice at a time for one object. It may make any call, Dispose included.
/// What it throws goes to the handler given at enabling, and delivery goes on with the next message; without a handler it is an
/// unhandled exception, which ends the process with its stack trace. It is never swallowed.</para>
/// <para>INTx: the kernel masks the line when it fires. With a sink it is unmasked when Deliver has returned; a device that still asserts it
/// then fires again at once. Without a sink, whoever handled the interrupt calls <see cref="Unmask"/>.</para>
/// <para>Thread-safe.</para>
/// </remarks>
[SupportedOSPlatform("linux")]
public sealed class VfioInterrupts : IDisposable
{
    /// <summary>Messages of one vector that are delivered before the next vector has its turn.</summary>
    public const int Turn = 64;

    private const int WaitsMax = 1 << 30;

    /// <summary>How long the thread waits, in milliseconds, when the kernel had no memory to let it wait.</summary>
    private const int OutOfMemoryPause = 1;

    private readonly VfioDevice _device;
    private readonly SafeFileHandle[] _events; // one per vector, and the last to wake the thread
    private readonly StrongBox<MsiMessage>[] _messages;
    private readonly SemaphoreSlim[] _arrived;
    private readonly IMsiSink? _sink;
    private readonly Action<Exception>? _onFailure;
    private readonly bool _isAutomasked;
    private readonly Thread _thread;
    private int _isStopping;
    private bool _isDisposedByCallback; // only touched by the thread

    /// <summary>Enables the vectors, or throws and leaves nothing behind.</summary>
    internal VfioInterrupts(
        VfioDevice device, VfioInterruptKind kind, int count, bool isAutomasked, MsiMessage[] messages, IMsiSink? sink, Action<Exception>? onFailure)
    {
        _device = device;
        _isAutomasked = isAutomasked;
        _sink = sink;
        _onFailure = onFailure;
        Kind = kind;
        _messages = Array.ConvertAll(messages, message => new StrongBox<MsiMessage>(message));
        _arrived = new SemaphoreSlim[count];
        _events = new SafeFileHandle[count + 1];
        bool isSet = false;
        try
        {
            for (int i = 0; i < _events.Length; i++)
            {
                _events[i] = Syscalls.Event(out int error);
                if (error != 0)
                {
                    throw new PamuException((Errno)(-error), kind.ToString(), $"the kernel gives eventfd {i + 1} of {_events.Length} no more");
                }
            }

            for (int i = 0; i < count; i++)
            {
                _arrived[i] = new SemaphoreSlim(0);
            }

            _thread = new Thread(Run) { IsBackground = true, Name = $"irq {device.Name}" };
            int[] files = new int[count];
            for (int i = 0; i < count; i++)
            {
                files[i] = (int)_events[i].DangerousGetHandle();
            }

            long result = device.SetIrqs(kind, VfioDeviceAbi.SetEvents | VfioDeviceAbi.SetTrigger, count, files);
            if (result != 0)
            {
                throw result < 0
                    ? new PamuException((Errno)(-result), kind.ToString(), $"the kernel does not enable {count} vectors of {device.Name}")
                    : new PamuException(Errno.ENOSPC, kind.ToString(), $"the host has only {result} of {count} vectors for {device.Name}");
            }

            isSet = true;
            _thread.Start();
        }
        catch
        {
            if (isSet)
            {
                Disable();
            }

            CloseEvents();
            throw;
        }
    }

    /// <summary>The kind.</summary>
    public VfioInterruptKind Kind { get; }

    /// <summary>How many vectors are enabled: they are 0 to this minus 1.</summary>
    public int Count => _arrived.Length;

    /// <summary>False from the moment somebody disposes it.</summary>
    internal bool IsEnabled => Volatile.Read(ref _isStopping) == 0;

    /// <summary>Changes what the interrupts of a vector are to the sink, as a guest does that programs its vector anew.</summary>
    /// <param name="vector">The vector.</param>
    /// <param name="message">The message of every delivery that begins after this call returned.</param>
    /// <exception cref="PamuException">EINVAL: no such vector, or enabled without a sink.</exception>
    public void SetMessage(int vector, in MsiMessage message)
    {
        if ((uint)vector >= (uint)_messages.Length)
        {
            throw new PamuException(Errno.EINVAL, nameof(vector), $"{_messages.Length} vectors have messages; there is no {vector}");
        }

        Volatile.Write(ref _messages[vector], new StrongBox<MsiMessage>(message));
    }

    /// <summary>
    /// Waits for one interrupt of a vector. Each interrupt since enabling lets one wait through, also one that comes later. If there is a sink, it
    /// has the message first.
    /// </summary>
    /// <param name="vector">The vector.</param>
    /// <param name="cancellation">Ends the wait; no interrupt is taken then.</param>
    /// <exception cref="PamuException">EINVAL: no such vector.</exception>
    /// <exception cref="ObjectDisposedException">Disposed, before or during the wait.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task WaitAsync(int vector, CancellationToken cancellation = default)
    {
        if ((uint)vector >= (uint)Count)
        {
            throw new PamuException(Errno.EINVAL, nameof(vector), $"{Count} vectors are enabled; there is no {vector}");
        }

        ObjectDisposedException.ThrowIf(!IsEnabled, this);
        await _arrived[vector].WaitAsync(cancellation).ConfigureAwait(false);
        if (!IsEnabled)
        {
            _arrived[vector].Release(); // the next waiter finds out in the same way
            throw new ObjectDisposedException(nameof(VfioInterrupts));
        }
    }

    /// <summary>Lets an INTx line that fired fire again. Only needed without a sink.</summary>
    /// <exception cref="PamuException">The kernel's errno; EINVAL: message interrupts are not masked when they fire.</exception>
    /// <exception cref="ObjectDisposedException">Disposed.</exception>
    public void Unmask()
    {
        ObjectDisposedException.ThrowIf(!IsEnabled, this);
        if (!_isAutomasked)
        {
            throw new PamuException(Errno.EINVAL, Kind.ToString(), "only an interrupt that is masked when it fires is unmasked");
        }

        if (UnmaskLine() is { } refused)
        {
            throw refused;
        }
    }

    /// <summary>
    /// Disables the interrupts and ends their delivery. When it has returned, no callback is running or will run, waits have failed, and eventfds
    /// and thread are gone; called from a callback, that holds once the callback has returned. What arrived but was not delivered is dropped. The
    /// caller must hold no lock that the sink takes.
    /// </summary>
    public void Dispose()
    {
        bool isCallback = Thread.CurrentThread == _thread;
        if (Interlocked.Exchange(ref _isStopping, 1) == 0)
        {
            Disable();
            if (isCallback)
            {
                _isDisposedByCallback = true;
            }
            else
            {
                _ = Syscalls.AddEvents(_events[^1], 1);
            }
        }

        if (!isCallback)
        {
            _thread.Join();
        }
    }

    private void Run()
    {
        var entries = new PollEntry[_events.Length];
        for (int i = 0; i < entries.Length; i++)
        {
            entries[i] = new PollEntry { File = (int)_events[i].DangerousGetHandle(), Asked = PollEntry.Readable };
        }

        ulong[] waiting = new ulong[Count];
        bool isBehind = false;
        while (IsEnabled)
        {
            long ready = Syscalls.Poll(entries, isBehind ? 0 : -1);
            if (ready == -(long)Errno.ENOMEM)
            {
                Thread.Sleep(OutOfMemoryPause); // the interrupts wait in the eventfds
                continue;
            }

            Demand(ready);
            isBehind = false;
            for (int vector = 0; vector < waiting.Length && IsEnabled; vector++)
            {
                if (waiting[vector] == 0 && entries[vector].Answered != 0)
                {
                    // Readable, and this thread is the only reader: it does not block.
                    Demand(Syscalls.TakeEvents(_events[vector], out waiting[vector]));
                }

                if (waiting[vector] != 0)
                {
                    int turn = (int)Math.Min(waiting[vector], Turn);
                    DeliverTurn(vector, turn);
                    waiting[vector] -= (uint)turn;
                    isBehind |= waiting[vector] != 0;
                }
            }
        }

        if (!_isDisposedByCallback)
        {
            // Another thread disposes, and may still be about to wake this one: the eventfd stays open until it has.
            Demand(Syscalls.TakeEvents(_events[^1], out _));
        }

        foreach (SemaphoreSlim arrived in _arrived)
        {
            arrived.Release(); // a waiter that finds this passes it on, and so do those who come later
        }

        CloseEvents();
        _device.Forget(this);
    }

    private void DeliverTurn(int vector, int turn)
    {
        for (int i = 0; i < turn && IsEnabled; i++)
        {
            if (_sink is not null)
            {
                try
                {
                    _sink.Deliver(Volatile.Read(ref _messages[vector]).Value);
                }
                catch (Exception failure) when (_onFailure is not null)
                {
                    _onFailure(failure);
                }

                // Also when the sink failed: a line that stays masked would be silent for ever.
                if (_isAutomasked && UnmaskLine() is { } refused && IsEnabled)
                {
                    (_onFailure ?? throw refused)(refused);
                }
            }

            // A vector nobody waits for stops counting at the limit.
            if (_arrived[vector].CurrentCount < WaitsMax)
            {
                _arrived[vector].Release();
            }
        }
    }

    private void Disable() => _ = _device.SetIrqs(Kind, VfioDeviceAbi.SetNoData | VfioDeviceAbi.SetTrigger, 0, []);

    private PamuException? UnmaskLine()
    {
        long result = _device.SetIrqs(Kind, VfioDeviceAbi.SetNoData | VfioDeviceAbi.SetUnmask, 1, []);
        return result < 0
            ? new PamuException((Errno)(-result), Kind.ToString(), $"the kernel does not unmask the line of {_device.Name}")
            : null;
    }

    private void Demand(long result)
    {
        if (result < 0)
        {
            throw new PamuException((Errno)(-result), _device.Name, "the kernel does not give the interrupts that are waiting");
        }
    }

    private void CloseEvents()
    {
        foreach (SafeFileHandle? file in _events)
        {
            file?.Dispose();
        }
    }
}
