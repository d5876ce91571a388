// Unsafe: keeps tables and memory that it could free, and frees them in the end.

using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace PamuFastPath.Soak;

/// <summary>
/// What the soak has to see: each time one table, one handle and one thread more, which are exact, and so much memory beside the engine's blocks, native and
/// managed, that each limit is passed after three times or less.
/// </summary>
internal sealed unsafe class PlantedLeak : IDisposable
{
    private const int NativeBytes = 8 << 20; // malloc may grow by 4 MiB, the process by 16
    private const int ManagedBytes = 256 << 10; // the heap may grow by 512 KiB
    private const int ArrayBytes = 4 << 10;

    internal const string What = "a table, a handle, a thread, 8 MiB of malloc and 256 KiB of arrays each time";

    private readonly List<nint> _tables = [];
    private readonly List<SafeFileHandle> _handles = [];
    private readonly List<Thread> _threads = [];
    private readonly List<nint> _native = [];
    private readonly List<byte[]> _managed = [];
    private readonly ManualResetEvent _over = new(false);

    internal void Grow()
    {
        _tables.Add((nint)TableBuilder.BuildRefusing(FaultKind.OutOfAperture));
        _handles.Add(File.OpenHandle("/dev/null"));
        var thread = new Thread(() => _over.WaitOne());
        thread.Start();
        _threads.Add(thread);
        for (int bytes = 0; bytes < NativeBytes; bytes += TableLayout.ImageBytes)
        {
            void* block = NativeMemory.Alloc(TableLayout.ImageBytes); // of a table's size, but nobody counts it
            NativeMemory.Fill(block, TableLayout.ImageBytes, 1); // untouched, it would be address space only
            _native.Add((nint)block);
        }

        for (int bytes = 0; bytes < ManagedBytes; bytes += ArrayBytes)
        {
            _managed.Add(new byte[ArrayBytes]);
        }
    }

    public void Dispose()
    {
        _tables.ForEach(table => TableBuilder.Free((TableHeader*)table));
        _handles.ForEach(handle => handle.Dispose());
        _over.Set();
        _threads.ForEach(thread => thread.Join());
        _native.ForEach(block => NativeMemory.Free((void*)block));
        _managed.Clear();
        _over.Dispose();
    }
}
