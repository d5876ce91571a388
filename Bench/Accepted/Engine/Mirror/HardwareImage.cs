using System.Collections.Immutable;

namespace PamuFastPath;

/// <summary>One live window, as hardware has to hold it.</summary>
/// <param name="Index">Window number, zero-based.</param>
/// <param name="Iova">First IOVA of the window.</param>
/// <param name="Size">Bytes mapped from there: a power of two, at most the window.</param>
/// <param name="Vaddr">The process memory that MAP_DMA named for the window's first byte, page aligned; 0 for an MSI window.</param>
/// <param name="Target">What software translates the first byte to; the bank's page for an MSI window.</param>
/// <param name="Permissions">What devices may do.</param>
/// <param name="MsiBank">The MSI bank of an MSI window, or -1 for DMA.</param>
public readonly record struct HardwareWindow(
    int Index, ulong Iova, ulong Size, ulong Vaddr, ulong Target, DmaPermissions Permissions, int MsiBank)
{
    /// <summary>Whether the window takes interrupt messages.</summary>
    public bool IsMsi => MsiBank >= 0;

    /// <summary>Last byte mapped (inclusive).</summary>
    public ulong Last => Iova + (Size - 1);
}

/// <summary>What a container means for hardware at one moment: its shape, its groups and what their devices may reach. Immutable.</summary>
public sealed class HardwareImage
{
    private HardwareImage(ContainerState state)
    {
        ApertureStart = state.ApertureStart;
        ApertureLast = state.ApertureLast;
        WindowCount = (int)state.WindowCount;
        IsGeometrySet = state.IsGeometrySet;
        AreWindowsSet = state.AreWindowsSet;
        Stash = state.StashCache == 0 ? null : (state.StashCpu, state.StashCache);
        Groups = state.Groups;
        ImmutableArray<HardwareWindow>.Builder windows = ImmutableArray.CreateBuilder<HardwareWindow>();
        for (int i = 0; i < state.Windows.Length; i++)
        {
            LiveWindow live = state.LiveWindow(i);
            if (!live.IsEmpty)
            {
                windows.Add(new HardwareWindow(
                    i, state.Geometry.WindowStart(i), live.Size, state.Windows[i].Vaddr, live.Target, live.Permissions, live.MsiBank));
            }
        }

        Windows = windows.DrainToImmutable();
    }

    /// <summary>First IOVA of the aperture.</summary>
    public ulong ApertureStart { get; }

    /// <summary>Last IOVA of the aperture (inclusive).</summary>
    public ulong ApertureLast { get; }

    /// <summary>The window count.</summary>
    public int WindowCount { get; }

    /// <summary>Whether the geometry was set; if not, the aperture is the platform's.</summary>
    public bool IsGeometrySet { get; }

    /// <summary>Whether the window count was set; if not, there are no windows.</summary>
    public bool AreWindowsSet { get; }

    /// <summary>The stash target, or null if none was set.</summary>
    public (uint Cpu, uint Cache)? Stash { get; }

    /// <summary>The live windows in order.</summary>
    public ImmutableArray<HardwareWindow> Windows { get; }

    /// <summary>The groups in the container, in the order they came.</summary>
    public IReadOnlyList<PamuGroup> Groups { get; }

    internal static HardwareImage Of(ContainerState state) => new(state);
}
