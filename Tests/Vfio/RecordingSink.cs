namespace PamuFastPath.Tests.Vfio;

/// <summary>Keeps what it is delivered, in order, and does what a test wants done on a delivery.</summary>
internal sealed class RecordingSink(Action<MsiMessage>? onDeliver = null) : IMsiSink
{
    // Far more than any of this takes: only a failure waits so long.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly List<MsiMessage> _messages = [];

    internal MsiMessage[] Messages
    {
        get
        {
            lock (_messages)
            {
                return [.. _messages];
            }
        }
    }

    public void Deliver(in MsiMessage message)
    {
        lock (_messages)
        {
            _messages.Add(message);
            Monitor.PulseAll(_messages);
        }

        onDeliver?.Invoke(message);
    }

    /// <summary>Waits until it has been delivered so many.</summary>
    internal void WaitFor(int count)
    {
        lock (_messages)
        {
            while (_messages.Count < count)
            {
                Assert.True(Monitor.Wait(_messages, Patience), $"{_messages.Count} of {count} messages came");
            }
        }
    }
}
