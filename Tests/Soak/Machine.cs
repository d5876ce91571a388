namespace PamuFastPath.Soak;

/// <summary>The engine that all jobs share, and the container whose windows come and go under its readers.</summary>
internal sealed class Machine : IDisposable
{
    internal const uint Liodn = 0x42;
    internal const int Windows = 16;
    internal const ulong WindowBytes = 0x1_0000;
    internal const ulong Offset = 0x4000_0000; // every window's target is its IOVA and this

    internal Machine()
    {
        Container = Engine.CreateContainer();
        Shape(Container, Windows);
        Engine.CreateGroup(0, [(int)Liodn], [0]).Attach(Container);
    }

    internal PamuEngine Engine { get; } = new();

    internal PamuContainer Container { get; }

    internal static void Shape(PamuContainer container, int windows)
    {
        container.SetGeometry(0, (ulong)windows * WindowBytes - 1);
        container.SetWindows((uint)windows);
    }

    /// <summary>Maps a window as every window is mapped.</summary>
    internal static void Map(PamuControl container, int window)
    {
        ulong iova = (ulong)window * WindowBytes;
        container.MapDma(Offset + iova, iova, WindowBytes, DmaPermissions.ReadWrite);
    }

    internal static void Unmap(PamuControl container, int window)
    {
        if (container.UnmapDma((ulong)window * WindowBytes, WindowBytes) != WindowBytes)
        {
            throw new InvalidOperationException($"window {window} was not mapped");
        }
    }

    public void Dispose()
    {
        // An engine that is closed while a reader is neither closed nor collected keeps that reader's slot for ever.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Engine.Dispose();
    }
}
