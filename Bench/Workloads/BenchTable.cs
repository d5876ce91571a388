namespace PamuFastPath.Bench.Workloads;

/// <summary>
/// An engine with one container: equal windows from IOVA 0, all mapped whole for both directions, and the calling thread's reader. If asked
/// for, the last window holds an MSI bank instead.
/// </summary>
internal sealed class BenchTable : IDisposable
{
    /// <summary>The default point of all axes.</summary>
    internal const int DefaultWindows = 16;

    internal const ulong DefaultWindowBytes = 0x100_0000;

    /// <summary>The first target: above 32 bits, so that nothing profits from small addresses.</summary>
    internal const ulong TargetBase = 0x10_0000_0000;

    /// <summary>Makes the table.</summary>
    /// <param name="windows">Window count, a power of two.</param>
    /// <param name="hasMsi">Whether the last window holds an MSI bank.</param>
    /// <param name="liodns">LIODNs 0 to this minus one lead to the container.</param>
    /// <param name="windowBytes">Bytes of one window.</param>
    /// <param name="mapped">How many windows are mapped; default: all.</param>
    internal BenchTable(
        int windows = DefaultWindows, bool hasMsi = false, int liodns = 1, ulong windowBytes = DefaultWindowBytes, int? mapped = null)
    {
        Windows = windows;
        WindowBytes = windowBytes;
        MsiWindow = hasMsi ? windows - 1 : -1;
        Engine = new PamuEngine(new PamuPlatform { LiodnCount = Math.Max(liodns, PamuPlatform.DefaultLiodnCount) });
        Container = Engine.CreateContainer();
        Container.SetGeometry(0, (ulong)windows * windowBytes - 1);
        Container.SetWindows((uint)windows);
        for (int i = 0; i < (mapped ?? windows); i++)
        {
            if (i == MsiWindow)
            {
                Container.MapMsiBank(0, (ulong)i * windowBytes);
            }
            else
            {
                Map(i);
            }
        }

        Engine.CreateGroup(0, Enumerable.Range(0, liodns), [0]).Attach(Container);
        Reader = Engine.CreateReader();
    }

    internal PamuEngine Engine { get; }

    internal PamuContainer Container { get; }

    internal PamuReader Reader { get; }

    internal int Windows { get; }

    internal ulong WindowBytes { get; }

    /// <summary>The window that holds the MSI bank, or -1.</summary>
    internal int MsiWindow { get; }

    /// <summary>Maps a window. Neighbours swap places, so that no two windows have contiguous targets and ranges cannot merge.</summary>
    internal void Map(int window) =>
        Map(Container, window);

    /// <summary>The same as one of several calls.</summary>
    internal void Map(PamuControl control, int window) =>
        control.MapDma(TargetBase + ((ulong)window ^ 1) * WindowBytes, (ulong)window * WindowBytes, WindowBytes, DmaPermissions.ReadWrite);

    internal void Unmap(int window) => Container.UnmapDma((ulong)window * WindowBytes, WindowBytes);

    public void Dispose() => Engine.Dispose();
}
