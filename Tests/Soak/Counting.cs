using PamuFastPath.Diagnostics;

namespace PamuFastPath.Soak;

/// <summary>
/// Counting of accesses, switched on and off, in windows and not, under readers that come and go: each reader that is counted has a block of counters.
/// </summary>
internal sealed class Counting(Machine machine)
{
    private readonly Random _random = new(4);
    private ulong _before;

    internal void Once()
    {
        machine.Engine.SetCounting((AccessCounting)_random.Next(3), countsWindows: _random.Next(2) == 0);
        ulong now = machine.Engine.GetStatistics().Accesses.Translations;
        if (now < _before)
        {
            throw new InvalidOperationException($"{_before} accesses were counted, and later {now}: a reader took its counts with it");
        }

        _before = now;
        Thread.Sleep(1); // so that readers get somewhere in between
    }
}
