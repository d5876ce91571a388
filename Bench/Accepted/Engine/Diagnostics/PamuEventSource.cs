using System.Diagnostics;
using System.Diagnostics.Tracing;

namespace PamuFastPath.Diagnostics;

/// <summary>
/// Events for EventPipe, dotnet-trace and the like, under the provider name <c>PamuFastPath</c>. Costs one flag test per control call
/// when nobody listens, and nothing per translation. Ids and payloads are stable: payloads only ever grow at their end, with the event's version.
/// </summary>
/// <remarks>
/// Arguments of an enabling session: <c>SnapshotIntervalSec</c>, seconds between snapshots (0.05 to 3600, default 1), and <c>EventCounterIntervalSec</c>.
/// Every enabling command writes a snapshot at once, to all sessions.
/// </remarks>
[EventSource(Name = ProviderName)]
public sealed partial class PamuEventSource : EventSource
{
    /// <summary>The provider's name.</summary>
    public const string ProviderName = "PamuFastPath-Accepted";

    /// <summary>The one instance.</summary>
    public static readonly PamuEventSource Log = Make();

    private PamuEventSource()
    {
    }

    /// <summary>A session that waits for the source already enables it inside the constructor.</summary>
    private static PamuEventSource Make()
    {
        EventFeed.Prepare();
        return new PamuEventSource();
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

        /// <summary>Messages that DMA ports delivered.</summary>
        public const EventKeywords Msi = (EventKeywords)0x8;

        /// <summary>
        /// Nothing but snapshots of all counts. They have no keyword of their own, and every session of level Informational gets them: a session that names
        /// no keyword, as dotnet-trace makes it for a provider's bare name, gets events without one only. While somebody listens, engines that count when
        /// observed count accesses.
        /// </summary>
        public const EventKeywords Counters = (EventKeywords)0x10;
    }

    /// <summary>A control call ended.</summary>
    /// <param name="container">The container's number; -1 for a group in none.</param>
    /// <param name="request">Request number.</param>
    /// <param name="name">The request's name.</param>
    /// <param name="result">0 or a positive result, or a negative errno.</param>
    /// <param name="nanoseconds">How long it took, the grace period included.</param>
    /// <param name="engine">The engine's number in this process.</param>
    /// <param name="arguments">The arguments by name, as decoded; empty if there are none or they could not be read.</param>
    [Event(1, Version = 1, Level = EventLevel.Informational, Keywords = Keywords.Control)]
    public void Ioctl(int container, uint request, string name, long result, long nanoseconds, int engine, string arguments) =>
        WriteEvent(1, container, request, name, result, nanoseconds, engine, arguments);

    /// <summary>A new table is current.</summary>
    /// <param name="container">The container's number.</param>
    /// <param name="generation">The table's generation.</param>
    /// <param name="removedRights">Whether a grace period was waited for.</param>
    /// <param name="nanoseconds">From the swap to the end of the grace period, if there was one.</param>
    /// <param name="engine">The engine's number in this process.</param>
    /// <param name="windows">Windows of the aperture.</param>
    /// <param name="windowsLive">Windows a device can reach.</param>
    /// <param name="buildNanoseconds">How long building the tables of the call took.</param>
    /// <param name="graceNanoseconds">How long the readers were waited for; 0 if they were not.</param>
    [Event(2, Version = 1, Level = EventLevel.Informational, Keywords = Keywords.Publication)]
    public void Publication(
        int container,
        ulong generation,
        bool removedRights,
        long nanoseconds,
        int engine,
        int windows,
        int windowsLive,
        long buildNanoseconds,
        long graceNanoseconds) =>
        WriteEvent(2, container, generation, removedRights, nanoseconds, engine, windows, windowsLive, buildNanoseconds, graceNanoseconds);

    /// <summary>A device's access was refused, one of the first <c>256</c> of an engine in a second.</summary>
    /// <param name="kind">Why.</param>
    /// <param name="liodn">The device's LIODN.</param>
    /// <param name="iova">First IOVA of the access.</param>
    /// <param name="length">Its bytes.</param>
    /// <param name="isWrite">Its direction.</param>
    /// <param name="faultIova">The first refused IOVA.</param>
    /// <param name="engine">The engine's number in this process; 0 for a fault log of its own.</param>
    /// <param name="suppressed">Faults of the engine that were not written as events so far.</param>
    [Event(3, Version = 1, Level = EventLevel.Warning, Keywords = Keywords.Faults)]
    public void Fault(FaultKind kind, uint liodn, ulong iova, ulong length, bool isWrite, ulong faultIova, int engine, long suppressed) =>
        WriteEvent(3, kind, liodn, iova, length, isWrite, faultIova, engine, suppressed);

    /// <summary>A grace period has lasted long; its call is still waiting.</summary>
    /// <param name="reader">The reader that is in a section.</param>
    /// <param name="milliseconds">How long so far.</param>
    /// <param name="threadIsAlive">False: the reader's thread died in its section; see <see cref="PamuReader.RemoveByForce"/>.</param>
    /// <param name="engine">The engine's number in this process.</param>
    [Event(4, Version = 1, Level = EventLevel.Warning, Keywords = Keywords.Publication)]
    public void GraceWaitLong(string reader, long milliseconds, bool threadIsAlive, int engine) =>
        WriteEvent(4, reader, milliseconds, threadIsAlive, engine);

    /// <summary>A DMA port delivered a message.</summary>
    /// <param name="engine">The engine's number in this process.</param>
    /// <param name="liodn">The device's LIODN.</param>
    /// <param name="bank">The MSI bank.</param>
    /// <param name="offset">Offset in the bank's page.</param>
    /// <param name="data">The word.</param>
    [Event(5, Level = EventLevel.Informational, Keywords = Keywords.Msi)]
    public void Message(int engine, uint liodn, int bank, int offset, uint data) => WriteEvent(5, engine, liodn, bank, offset, data);

    [NonEvent]
    internal static long Now() => Log.IsEnabled() ? Stopwatch.GetTimestamp() : 0;

    /// <summary>Nanoseconds since a time of <see cref="Now"/>. A listener that arrived in between finds no start time: unknown, reads 0.</summary>
    [NonEvent]
    internal static long Since(long began) => began == 0 ? 0 : Stopwatch.GetElapsedTime(began).Ticks * TimeSpan.NanosecondsPerTick;

    [NonEvent]
    internal void IoctlDone(int engine, int container, uint request, long result, long began, in DecodedArguments arguments)
    {
        if (IsEnabled() && IsEnabled(EventLevel.Informational, Keywords.Control))
        {
            Ioctl(container, request, PamuRequests.NameOf(request), result, Since(began), engine, arguments.ToString());
        }
    }

    [NonEvent]
    internal void PublicationDone(
        int engine, int container, ulong generation, bool removedRights, long began, int windows, int windowsLive, long built, long grace)
    {
        if (IsEnabled() && IsEnabled(EventLevel.Informational, Keywords.Publication))
        {
            Publication(container, generation, removedRights, Since(began), engine, windows, windowsLive, built, grace);
        }
    }

    [NonEvent]
    internal void FaultDone(int engine, in FaultRecord fault, FaultEventLimit limit)
    {
        if (IsEnabled() && IsEnabled(EventLevel.Warning, Keywords.Faults) && limit.Admit())
        {
            Fault(fault.Kind, fault.Liodn, fault.Iova, fault.Length, fault.Access == DmaAccess.Write, fault.FaultIova, engine, limit.Suppressed);
        }
    }

    [NonEvent]
    internal void MessageDone(int engine, in MsiMessage message)
    {
        if (IsEnabled() && IsEnabled(EventLevel.Informational, Keywords.Msi))
        {
            Message(engine, message.Liodn, message.Bank, message.Offset, message.Data);
        }
    }

    /// <inheritdoc/>
    protected override void OnEventCommand(EventCommandEventArgs command) => EventFeed.OnCommand(this, command);
}
