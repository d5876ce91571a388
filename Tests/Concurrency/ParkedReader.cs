namespace PamuFastPath.Tests.Concurrency;

/// <summary>A thread that enters a section and does what it is told until it may leave.</summary>
internal sealed class ParkedReader : IDisposable
{
    private readonly Thread _thread;
    private readonly SemaphoreSlim _asked = new(0);
    private readonly SemaphoreSlim _answered = new(0);
    private Func<PamuReader, ulong, ulong>? _inner;
    private ulong _iova;
    private ulong _answer;
    private bool _leave;

    internal ParkedReader(PamuEngine engine, PamuContainer container)
    {
        _thread = new Thread(() =>
        {
            using PamuReader reader = engine.CreateReader("parked");
            using ReaderSection section = reader.Enter(container);
            _answered.Release();
            while (true)
            {
                _asked.Wait();
                if (_leave)
                {
                    return;
                }

                _answer = _inner != null ? _inner(reader, _iova) : section.Translate(_iova, 1, DmaAccess.Read).Target;
                _answered.Release();
            }
        })
        { IsBackground = true };
        Container = container;
        _thread.Start();
        _answered.Wait();
    }

    private PamuContainer Container { get; }

    internal ulong Ask(ulong iova)
    {
        _iova = iova;
        _asked.Release();
        _answered.Wait();
        return _answer;
    }

    internal void EnterAndLeaveInner()
    {
        _inner = (reader, iova) => reader.Translate(Container, iova, 1, DmaAccess.Read).Target;
        Ask(0);
        _inner = null;
    }

    internal void Leave()
    {
        _leave = true;
        _asked.Release();
        _thread.Join();
    }

    public void Dispose()
    {
        if (!_leave)
        {
            Leave();
        }
    }
}
