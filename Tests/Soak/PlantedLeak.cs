// Unsafe: keeps tables that it could free, and frees them in the end.

using Microsoft.Win32.SafeHandles;

namespace PamuFastPath.Soak;

/// <summary>One table, one handle and one thread more each time. What the soak has to see.</summary>
internal sealed unsafe class PlantedLeak : IDisposable
{
    /// <summary>The measures that have to be found growing.</summary>
    internal static readonly string[] Seen = [Measures.Blocks, Measures.Handles, Measures.Threads];

    private readonly List<nint> _tables = [];
    private readonly List<SafeFileHandle> _handles = [];
    private readonly List<Thread> _threads = [];
    private readonly ManualResetEvent _over = new(false);

    internal void Grow()
    {
        _tables.Add((nint)TableBuilder.BuildRefusing(FaultKind.OutOfAperture));
        _handles.Add(File.OpenHandle("/dev/null"));
        var thread = new Thread(() => _over.WaitOne());
        thread.Start();
        _threads.Add(thread);
    }

    public void Dispose()
    {
        _tables.ForEach(table => TableBuilder.Free((TableHeader*)table));
        _handles.ForEach(handle => handle.Dispose());
        _over.Set();
        _threads.ForEach(thread => thread.Join());
        _over.Dispose();
    }
}
