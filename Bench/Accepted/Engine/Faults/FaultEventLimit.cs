namespace PamuFastPath;

/// <summary>
/// How many faults become events: so many a second, whatever the guest does. The rest is counted, exactly: whoever was not admitted is suppressed.
/// </summary>
/// <remarks>
/// Thread-safe, never waits. Threads that meet at the turn of a second may let a few more through than the limit, one each at most.
/// </remarks>
internal sealed class FaultEventLimit
{
    /// <summary>Fault events of an engine in a second.</summary>
    internal const int EventsPerSecond = 256;

    private long _second = -1;
    private long _admitted;
    private long _suppressed;

    /// <summary>Faults that were not admitted so far.</summary>
    internal long Suppressed => Volatile.Read(ref _suppressed);

    internal bool Admit() => Admit(Environment.TickCount64 / 1000);

    internal bool Admit(long second)
    {
        long seen = Volatile.Read(ref _second);
        if (seen != second && Interlocked.CompareExchange(ref _second, second, seen) == seen)
        {
            Volatile.Write(ref _admitted, 0);
        }

        if (Volatile.Read(ref _admitted) < EventsPerSecond && Interlocked.Increment(ref _admitted) <= EventsPerSecond)
        {
            return true;
        }

        Interlocked.Increment(ref _suppressed);
        return false;
    }
}
