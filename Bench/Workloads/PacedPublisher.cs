using System.Diagnostics;

namespace PamuFastPath.Bench.Workloads;

/// <summary>What a publication of <see cref="PacedPublisher"/> does.</summary>
public enum PublicationKind
{
    /// <summary>Maps one window more: nobody is waited for.</summary>
    Adds,

    /// <summary>Unmaps one window: a process-wide barrier, and a wait for the readers.</summary>
    Removes,
}

/// <summary>
/// A thread that publishes tables at a rate, on the upper windows of a table of 256 whose lower 16 are read meanwhile. It spins between
/// publications, and also at rate 0: what readers lose is then due to the publications, not to a second busy core.
/// </summary>
internal sealed class PacedPublisher
{
    /// <summary>The windows that readers use and that never change.</summary>
    internal const int StableWindows = 16;

    private readonly BenchTable _table;
    private readonly PublicationKind _kind;
    private readonly double _perSecond;
    private readonly Thread _thread;
    private volatile bool _isRunning;
    private volatile bool _stop;
    private volatile int _done;

    /// <summary>Prepares the upper windows and starts. A run that outlasts them stops publishing.</summary>
    internal PacedPublisher(BenchTable table, PublicationKind kind, double perSecond)
    {
        _table = table;
        _kind = kind;
        _perSecond = perSecond;
        using (PamuTransaction transaction = table.Container.BeginTransaction())
        {
            transaction.UnmapDma(StableWindows * table.WindowBytes, (ulong)Room(table) * table.WindowBytes);
            for (int i = StableWindows; kind == PublicationKind.Removes && i < table.Windows; i++)
            {
                table.Map(transaction, i);
            }

            transaction.Commit();
        }

        _thread = new Thread(Publish) { Name = "publisher", IsBackground = true };
        _thread.Start();
        SpinWait.SpinUntil(() => _isRunning);
    }

    /// <summary>The most publications of one run.</summary>
    internal static int Room(BenchTable table) => table.Windows - StableWindows;

    /// <summary>Stops.</summary>
    /// <returns>How many publications there were.</returns>
    internal int Stop()
    {
        _stop = true;
        _thread.Join();
        return _done;
    }

    private void Publish()
    {
        _isRunning = true;
        long began = Stopwatch.GetTimestamp();
        while (!_stop)
        {
            bool isDue = Stopwatch.GetElapsedTime(began).TotalSeconds * _perSecond > _done;
            if (!isDue || _done == Room(_table))
            {
                Thread.SpinWait(1);
                continue;
            }

            int window = StableWindows + _done;
            if (_kind == PublicationKind.Adds)
            {
                _table.Map(window);
            }
            else
            {
                _table.Unmap(window);
            }

            _done++;
        }
    }
}
