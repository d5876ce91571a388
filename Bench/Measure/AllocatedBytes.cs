namespace PamuFastPath.Bench.Measure;

/// <summary>What a piece of code allocates on the calling thread.</summary>
internal static class AllocatedBytes
{
    private const int Runs = 5;

    /// <summary>
    /// Bytes, the least of some runs. What the code allocates by itself is there in every one of them; what the JIT and the runtime need once, whenever a better
    /// version of the code is ready, only in one.
    /// </summary>
    internal static long Of(Action run)
    {
        long least = long.MaxValue;
        for (int i = 0; i < Runs && least != 0; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            run();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }

    /// <summary>The same of so many calls together.</summary>
    internal static long Of(int calls, Action call) => Of(() =>
    {
        for (int i = 0; i < calls; i++)
        {
            call();
        }
    });
}
