using System.Diagnostics.Tracing;
using PamuFastPath.Diagnostics;

namespace PamuFastPath.Tests.Diagnostics;

/// <summary>Tests that switch the process's one event source on, or need it to be off. They take turns.</summary>
[CollectionDefinition(nameof(Listening), DisableParallelization = true)]
public class Listening
{
    /// <summary>Waits until what listened before is gone: it is noticed at the next tick of the feed.</summary>
    internal static void AwaitSilence() => Assert.True(
        SpinWait.SpinUntil(static () => !PamuEventSource.Log.IsEnabled() && !EngineList.IsObservedBy(Observer.Events), TimeSpan.FromMinutes(1)),
        "somebody listens");
}

/// <summary>Collects the events of one engine: other tests run in this process too.</summary>
internal sealed class EngineListener : EventListener
{
    private readonly List<EventWrittenEventArgs> _events = [];
    private readonly int _engine;
    private string? _complaint;

    internal EngineListener(int engine, EventLevel level, EventKeywords keywords, params (string Name, string Value)[] arguments)
    {
        _engine = engine;
        Listening.AwaitSilence();
        Enable(level, keywords, arguments);
    }

    internal void Enable(EventLevel level, EventKeywords keywords, params (string Name, string Value)[] arguments) =>
        EnableEvents(PamuEventSource.Log, level, keywords, arguments.ToDictionary(a => a.Name, a => (string?)a.Value));

    internal EventWrittenEventArgs[] Of(string name)
    {
        lock (_events)
        {
            return [.. _events.Where(e => e.EventName == name)];
        }
    }

    /// <summary>Waits until events of a name satisfy a condition.</summary>
    internal EventWrittenEventArgs[] Await(string name, Func<EventWrittenEventArgs[], bool> condition)
    {
        Assert.True(SpinWait.SpinUntil(() => condition(Of(name)), TimeSpan.FromMinutes(1)), $"no such {name} in a minute; there are {Of(name).Length}");
        return Of(name);
    }

    /// <summary>A listener that is only disposed of leaves its events switched on.</summary>
    public override void Dispose()
    {
        DisableEvents(PamuEventSource.Log);
        base.Dispose();
        Assert.Null(_complaint);
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        // What the runtime says when an event's arguments are not those of its method, whoever's engine wrote it. An exception here would be swallowed.
        if (eventData.EventSource == PamuEventSource.Log && eventData.EventId == 0)
        {
            _complaint ??= $"{eventData.EventName}: {string.Join(' ', eventData.Payload ?? new([]))}";
        }

        if (eventData.EventSource == PamuEventSource.Log && (int)(Payload(eventData, "engine") ?? 0) == _engine)
        {
            lock (_events)
            {
                _events.Add(eventData);
            }
        }
    }

    internal static object? Payload(EventWrittenEventArgs e, string name) =>
        e.PayloadNames?.IndexOf(name) is int at and >= 0 ? e.Payload![at] : null;

    internal static T Payload<T>(EventWrittenEventArgs e, string name) => (T)Payload(e, name)!;

    internal static ulong[] Counts(EventWrittenEventArgs e, string name, int length) => CountList.Read(Payload<string>(e, name), length);
}
