using System.Diagnostics.Tracing;
using System.Reflection;
using PamuFastPath.Diagnostics;

namespace PamuFastPath.Tests.Diagnostics;

/// <summary>What readers of recorded events rely on: ids, versions, levels, keywords and payloads only ever grow.</summary>
[Collection(nameof(Listening))]
public class EventManifestTests
{
    [Fact]
    public void Events_and_their_payloads_are_these()
    {
        string[] events =
        [
            "1 v1 Informational Control: Ioctl(Int32 container, UInt32 request, String name, Int64 result, Int64 nanoseconds, Int32 engine, String arguments)",
            "2 v1 Informational Publication: Publication(Int32 container, UInt64 generation, Boolean removedRights, Int64 nanoseconds, Int32 engine, "
                + "Int32 windows, Int32 windowsLive, Int64 buildNanoseconds, Int64 graceNanoseconds)",
            "3 v1 Warning Faults: Fault(FaultKind kind, UInt32 liodn, UInt64 iova, UInt64 length, Boolean isWrite, UInt64 faultIova, Int32 engine, "
                + "Int64 suppressed)",
            "4 v1 Warning Publication: GraceWaitLong(String reader, Int64 milliseconds, Boolean threadIsAlive, Int32 engine)",
            "5 v0 Informational Msi: Message(Int32 engine, UInt32 liodn, Int32 bank, Int32 offset, UInt32 data)",
        ];
        Assert.Equal(events, typeof(PamuEventSource).GetMethods().Where(IsEvent).Select(Describe).Order());
    }

    [Fact]
    public void Keywords_are_these() => Assert.Equal(
        ["Control=1", "Publication=2", "Faults=4", "Msi=8", "Counters=16"],
        typeof(PamuEventSource.Keywords).GetFields().Select(static field => $"{field.Name}={(long)(EventKeywords)field.GetRawConstantValue()!}"));

    [Fact]
    public void The_manifest_is_valid()
    {
        string? manifest = EventSource.GenerateManifest(typeof(PamuEventSource), "PamuFastPath.dll", EventManifestOptions.Strict);
        Assert.Contains("provider name=\"PamuFastPath\"", manifest, StringComparison.Ordinal);
        Assert.Equal(EventSource.GetGuid(typeof(PamuEventSource)), PamuEventSource.Log.Guid);
        Assert.Null(PamuEventSource.Log.ConstructionException);
    }

    /// <summary>The runtime compares arguments with the method only when an event is written: all are, with every value far from 0.</summary>
    [Fact]
    public void Every_event_arrives_with_the_payload_of_its_method()
    {
        using var listener = new EngineListener(Engine, EventLevel.Verbose, EventKeywords.All, ("SnapshotIntervalSec", "3600"));
        MethodInfo[] events = [.. typeof(PamuEventSource).GetMethods().Where(IsEvent)];
        foreach (MethodInfo method in events)
        {
            object[] arguments = [.. method.GetParameters().Select(static p => p.Name == "engine" ? Engine : Far(p.ParameterType))];
            method.Invoke(PamuEventSource.Log, arguments);

            EventWrittenEventArgs written = Assert.Single(listener.Of(method.Name));
            Assert.Equal(method.GetParameters().Select(static p => p.Name), written.PayloadNames);
            Assert.Equal(arguments.Select(Plain), written.Payload!.Select(static value => Plain(value!)));
        }

        Assert.Equal(5, events.Length);
    }

    /// <summary>Snapshots describe themselves: they have a name, no id and no keyword.</summary>
    [Theory]
    [InlineData(
        PamuEventSource.EngineTotalsEvent,
        "UInt64 sequence, Int32 engine, Int32 isLast, Int32 isCounting, Int32 readers, Int32 containers, UInt64 translations, UInt64 bytesRead, "
            + "UInt64 bytesWritten, UInt64 msiHits, UInt64 faults, UInt64 controlCalls, UInt64 controlRefused, UInt64 publications, UInt64 graceNanoseconds, "
            + "UInt64 graceNanosecondsMax, String gracePeriods, Int32 tablesRetired, Int64 faultsLogged, Int64 faultsDropped, Int64 faultEventsSuppressed")]
    [InlineData(
        PamuEventSource.ContainerTotalsEvent,
        "UInt64 sequence, Int32 engine, Int32 container, UInt64 generation, UInt64 apertureStart, UInt64 apertureLast, Int32 windows, Int32 windowsLive, "
            + "UInt64 memoryHits, UInt64 bytesRead, UInt64 bytesWritten, UInt64 crosses, String faults, String msiHits, String windowSamples, String windowHits")]
    public void Snapshots_have_these_fields(string name, string fields)
    {
        using var engine = new PamuEngine();
        using var listener = new EngineListener(engine.Number, EventLevel.Informational, PamuEventSource.Keywords.Counters);
        EventWrittenEventArgs written = listener.Await(name, static events => events.Length > 0)[0];
        Assert.Equal(fields, string.Join(", ", written.PayloadNames!.Zip(written.Payload!, static (field, value) => $"{value!.GetType().Name} {field}")));
        Assert.Equal((EventKeywords.None, EventLevel.Informational), (written.Keywords, written.Level));
    }

    /// <summary>No engine's number.</summary>
    private const int Engine = -77;

    private static object Far(Type type) => type == typeof(string) ? "far"
        : type == typeof(bool) ? true
        : type == typeof(FaultKind) ? FaultKind.BadLength
        : type.GetField(nameof(int.MaxValue))!.GetValue(null)!;

    private static object Plain(object value) => value is Enum ? Convert.ToInt32(value, null) : value;

    private static bool IsEvent(MethodInfo method) => method.GetCustomAttribute<EventAttribute>() != null;

    private static string Describe(MethodInfo method)
    {
        EventAttribute about = method.GetCustomAttribute<EventAttribute>()!;
        string keyword = typeof(PamuEventSource.Keywords).GetFields().Single(f => (EventKeywords)f.GetRawConstantValue()! == about.Keywords).Name;
        string parameters = string.Join(", ", method.GetParameters().Select(static p => $"{p.ParameterType.Name} {p.Name}"));
        return $"{about.EventId} v{about.Version} {about.Level} {keyword}: {method.Name}({parameters})";
    }
}
