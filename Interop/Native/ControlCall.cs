using System.Diagnostics;

namespace PamuFastPath.Native;

/// <summary>One control call through this library: counted, and told of when it has ended.</summary>
internal readonly struct ControlCall
{
    private readonly NativeEngine _engine;
    private readonly int _container;
    private readonly uint _request;
    private readonly long _began;

    private ControlCall(NativeEngine engine, int container, uint request)
    {
        _engine = engine;
        _container = container;
        _request = request;
        _began = Stopwatch.GetTimestamp();
    }

    internal static ControlCall Begin(NativeEngine engine, int container, uint request) => new(engine, container, request);

    internal int End(Refusal refusal) => (int)End(LastRefusal.Answer(refusal));

    internal long End(long result)
    {
        Interlocked.Increment(ref _engine.IoctlCount);
        if (result < 0)
        {
            Interlocked.Increment(ref _engine.RefusedCount);
        }

        _engine.OnEvent?.Call(new NativeEvent
        {
            Kind = NativeEvent.Ioctl,
            Container = _container,
            Request = _request,
            Result = result,
            Nanoseconds = (ulong)(Stopwatch.GetElapsedTime(_began).Ticks * TimeSpan.NanosecondsPerTick),
        });
        return result;
    }
}
