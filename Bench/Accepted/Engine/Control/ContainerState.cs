using System.Collections.Immutable;
using System.Diagnostics;

namespace PamuFastPath;

/// <summary>What a window is configured to do. Whether devices can use it now is another matter (<see cref="ContainerState.LiveWindow"/>).</summary>
internal enum WindowUse : byte
{
    Empty,
    Dma,
    Msi,
}

/// <summary>One configured window.</summary>
/// <param name="Target">Target of the first byte.</param>
/// <param name="Size">Bytes mapped from the window's start.</param>
/// <param name="Permissions">What devices may do.</param>
/// <param name="Use">What for.</param>
/// <param name="Bank">The MSI bank of an MSI window.</param>
/// <param name="Vaddr">The process address that a DMA window was mapped from: what hardware is told.</param>
internal readonly record struct WindowState(ulong Target, ulong Size, DmaPermissions Permissions, WindowUse Use, int Bank, ulong Vaddr);

/// <summary>
/// Everything a container is, as one immutable value: a control call is a function from this to the next one (design decision 5).
/// </summary>
internal sealed record ContainerState
{
    internal required ulong ApertureStart { get; init; }

    internal required ulong ApertureLast { get; init; }

    /// <summary>Whether SET GEOMETRY succeeded once; before, WINDOWS is refused.</summary>
    internal bool IsGeometrySet { get; init; }

    /// <summary>The window count; the platform's maximum until SET WINDOWS.</summary>
    internal required uint WindowCount { get; init; }

    /// <summary>Whether SET WINDOWS succeeded once; before, nothing can be mapped.</summary>
    internal bool AreWindowsSet { get; init; }

    /// <summary>The configured windows: one entry each once windows are set, none before.</summary>
    internal ImmutableArray<WindowState> Windows { get; init; } = [];

    internal uint StashCpu { get; init; }

    internal uint StashCache { get; init; }

    internal ImmutableList<PamuGroup> Groups { get; init; } = [];

    internal bool IsIommuSet { get; init; }

    internal bool IsDisposed { get; init; }

    /// <summary>The generation of the table this state was published with: the container's count belongs to the same moment as the rest.</summary>
    internal ulong Generation { get; init; } = 1;

    internal TableGeometry Geometry => new(ApertureStart, ApertureLast, WindowCount);

    internal ulong WindowSize => Geometry.WindowSize;

    /// <summary>The driver's "enabled": some DMA mapping exists. Geometry and window count are fixed while it does.</summary>
    internal bool IsEnabled
    {
        get
        {
            foreach (ref readonly WindowState window in Windows.AsSpan())
            {
                if (window.Use == WindowUse.Dma)
                {
                    return true;
                }
            }

            return false;
        }
    }

    internal static ContainerState Initial(PamuPlatform platform) => new()
    {
        ApertureStart = 0,
        ApertureLast = (1UL << platform.PhysicalAddressBits) - 1,
        WindowCount = (uint)platform.MaxWindows,
    };

    internal bool UsesBank(int bank)
    {
        foreach (PamuGroup group in Groups)
        {
            if (group.UsesBank(bank))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>What devices can reach through window <paramref name="index"/> now: an MSI window needs a group that uses its bank.</summary>
    internal LiveWindow LiveWindow(int index)
    {
        Debug.Assert((uint)index < (uint)WindowCount, "the window exists");
        if (index >= Windows.Length || IsDisposed)
        {
            return PamuFastPath.LiveWindow.Empty;
        }

        ref readonly WindowState window = ref Windows.AsSpan()[index];
        return window.Use switch
        {
            WindowUse.Dma => new LiveWindow(window.Target, window.Size, window.Permissions, MsiBank: -1),
            WindowUse.Msi when UsesBank(window.Bank) => new LiveWindow(window.Target, window.Size, window.Permissions, window.Bank),
            _ => PamuFastPath.LiveWindow.Empty,
        };
    }
}
