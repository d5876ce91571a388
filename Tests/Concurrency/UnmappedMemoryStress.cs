using System.Runtime.InteropServices;

namespace PamuFastPath.Tests.Concurrency;

/// <summary>
/// Windows map real memory. After UNMAP_DMA has returned, the memory is made inaccessible: a reader that still used the old
/// translation would crash the process. Only for a child process.
/// </summary>
internal sealed unsafe partial class UnmappedMemoryStress : IDisposable
{
    private const int Windows = 8;
    private const int WindowBytes = 64 * 1024;
    private const int ProtNone = 0;
    private const int ProtReadWrite = 3;
    private const int MapPrivateAnonymous = 0x22;

    private readonly PamuEngine _engine = new();
    private readonly PamuContainer _container;
    private readonly byte* _memory;
    private long _reads;
    private volatile bool _stop;

    internal UnmappedMemoryStress(bool withoutGrace)
    {
        _engine.Publisher.SkipGraceForTest = withoutGrace;
        _memory = (byte*)mmap(0, Windows * WindowBytes, ProtReadWrite, MapPrivateAnonymous, -1, 0);
        if ((nint)_memory == -1)
        {
            throw new InvalidOperationException("mmap failed");
        }

        _container = _engine.CreateContainer();
        _container.SetGeometry(0, Windows * WindowBytes - 1);
        _container.SetWindows(Windows);
    }

    internal (long Reads, long Unmaps) Run(TimeSpan duration, int readers)
    {
        for (int i = 0; i < Windows; i++)
        {
            Map(i);
        }

        Thread[] threads = [.. Enumerable.Range(0, readers).Select(i => new Thread(() => Read(i)))];
        Array.ForEach(threads, thread => thread.Start());
        long unmaps = Write(duration);
        _stop = true;
        Array.ForEach(threads, thread => thread.Join());
        return (_reads, unmaps);
    }

    public void Dispose() => _engine.Dispose();

    private long Write(TimeSpan duration)
    {
        var random = new Random(1);
        long end = Environment.TickCount64 + (long)duration.TotalMilliseconds;
        long unmaps = 0;
        while (Environment.TickCount64 < end)
        {
            int window = random.Next(Windows);
            _container.UnmapDma((ulong)(window * WindowBytes), WindowBytes);
            Protect(window, ProtNone);
            unmaps++;
            Protect(window, ProtReadWrite);
            Map(window);
        }

        return unmaps;
    }

    private void Read(int seed)
    {
        var random = new Random(seed);
        long reads = 0;
        byte sum = 0;
        using PamuReader reader = _engine.CreateReader($"reader {seed}");
        while (!_stop)
        {
            ulong iova = (ulong)random.Next(Windows * WindowBytes - 64);
            using ReaderSection section = reader.Enter(_container);
            Translation hit = section.Translate(iova, 1, DmaAccess.Read);
            if (hit.IsDma)
            {
                // Use the translation for a while, as a copy does.
                for (int i = 0; i < 32; i++)
                {
                    sum += Volatile.Read(ref *(byte*)hit.Target);
                }

                reads++;
            }
        }

        Interlocked.Add(ref _reads, reads + (sum & 0));
    }

    private void Map(int window) => _container.MapDma(
        (ulong)(_memory + window * WindowBytes), (ulong)(window * WindowBytes), WindowBytes, DmaPermissions.ReadWrite);

    private void Protect(int window, int protection)
    {
        if (mprotect((nint)(_memory + window * WindowBytes), WindowBytes, protection) != 0)
        {
            throw new InvalidOperationException("mprotect failed");
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int fd, nint offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mprotect(nint address, nuint length, int protection);
}
