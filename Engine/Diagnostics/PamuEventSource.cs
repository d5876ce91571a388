using System.Diagnostics;
using System.Diagnostics.Tracing;

namespace PamuFastPath.Diagnostics;

/// <summary>
/// Events for EventPipe, dotnet-trace and the like, under the provider name <c>PamuFastPath</c>. Costs one flag test per control call
/// when nobody listens, and nothing per translation. Ids and payloads are stable.
/// </summary>
[EventSource(Name = ProviderName)]
public sealed class PamuEventSource : EventSource
{
    /// <summary>The provider's name.</summary>
    public const string ProviderName = "PamuFastPath";

    /// <summary>The one instance.</summary>
    public static readonly PamuEventSource Log = new();

    private PamuEventSource()
    {
    }

    /// <summary>Groups of events a listener can choose.</summary>
    public static class Keywords
    {
        /// <summary>Control calls.</summary>
        public const EventKeywords Control = (EventKeywords)0x1;

        /// <summary>New tables and grace periods.</summary>
        public const EventKeywords Publication = (EventKeywords)0x2;

        /// <summary>Refused accesses.</summary>
        public const EventKeywords Faults = (EventKeywords)0x4;
    }

    /// <summary>A control call ended.</summary>
    /// <param name="container">The container's number; -1 for a group in none.</param>
    /// <param name="request">Request number.</param>
    /// <param name="name">The request's name.</param>
    /// <param name="result">0 or a positive result, or a negative errno.</param>
    /// <param name="nanoseconds">How long it took, the grace period included.</param>
    [Event(1, Level = EventLevel.Informational, Keywords = Keywords.Control)]
    public void Ioctl(int container, uint request, string name, long result, long nanoseconds) =>
        WriteEvent(1, container, request, name, result, nanoseconds);

    /// <summary>A new table is current.</summary>
    /// <param name="container">The container's number.</param>
    /// <param name="generation">The table's generation.</param>
    /// <param name="removedRights">Whether a grace period was waited for.</param>
    /// <param name="nanoseconds">From the swap to the end of the grace period, if there was one.</param>
    [Event(2, Level = EventLevel.Informational, Keywords = Keywords.Publication)]
    public void Publication(int container, ulong generation, bool removedRights, long nanoseconds) =>
        WriteEvent(2, container, generation, removedRights, nanoseconds);

    /// <summary>A device's access was refused.</summary>
    /// <param name="kind">Why.</param>
    /// <param name="liodn">The device's LIODN.</param>
    /// <param name="iova">First IOVA of the access.</param>
    /// <param name="length">Its bytes.</param>
    /// <param name="isWrite">Its direction.</param>
    [Event(3, Level = EventLevel.Warning, Keywords = Keywords.Faults)]
    public void Fault(FaultKind kind, uint liodn, ulong iova, ulong length, bool isWrite) =>
        WriteEvent(3, (int)kind, liodn, iova, length, isWrite);

    /// <summary>A grace period has lasted long; its call is still waiting.</summary>
    /// <param name="reader">The reader that is in a section.</param>
    /// <param name="milliseconds">How long so far.</param>
    /// <param name="threadIsAlive">False: the reader's thread died in its section; see <see cref="PamuReader.RemoveByForce"/>.</param>
    [Event(4, Level = EventLevel.Warning, Keywords = Keywords.Publication)]
    public void GraceWaitLong(string reader, long milliseconds, bool threadIsAlive) => WriteEvent(4, reader, milliseconds, threadIsAlive);

    [NonEvent]
    internal static long Now() => Log.IsEnabled() ? Stopwatch.GetTimestamp() : 0;

    [NonEvent]
    internal void IoctlDone(int container, uint request, long result, long began)
    {
        if (IsEnabled(EventLevel.Informational, Keywords.Control))
        {
            Ioctl(container, request, PamuRequests.NameOf(request), result, Since(began));
        }
    }

    [NonEvent]
    internal void PublicationDone(int container, ulong generation, bool removedRights, long began)
    {
        if (IsEnabled(EventLevel.Informational, Keywords.Publication))
        {
            Publication(container, generation, removedRights, Since(began));
        }
    }

    /// <summary>Nanoseconds since. A listener that arrived during the call finds no start time: the duration is unknown and reads 0.</summary>
    [NonEvent]
    internal static long Since(long began) => began == 0 ? 0 : Stopwatch.GetElapsedTime(began).Ticks * TimeSpan.NanosecondsPerTick;
}
