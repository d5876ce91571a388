using System.Collections.Immutable;
using System.Numerics;

namespace PamuFastPath;

/// <summary>
/// The control calls as functions <c>(state, call) -> (state', errno)</c>: every check stands before the first change, and nothing here
/// has an effect. The order of checks is the shipped driver's where it was recorded; deviations are those decided on the ABI page and
/// carry their ids from <c>docs/conformance.md</c>.
/// </summary>
internal static partial class ControlRules
{
    internal static Refusal SetIommu(PamuPlatform platform, ContainerState state, ulong type, out ContainerState next)
    {
        next = state;
        if (state.IsIommuSet)
        {
            return Refusal.Invalid("type", "the container has its IOMMU already");
        }

        if (type != platform.PamuExtension)
        {
            return Refusal.NoDevice("type", $"the only IOMMU type here is {platform.PamuExtension} (PAMU)");
        }

        next = state with { IsIommuSet = true };
        return Refusal.None;
    }

    internal static Refusal SetGeometry(ContainerState state, ulong start, ulong last, out ContainerState next)
    {
        next = state;
        ulong size = unchecked(last - start + 1); // 0 for all 2^64 bytes, which is no size the driver takes
        if (!BitOperations.IsPow2(size) || size < PamuPlatform.WindowBytesMin || last < start)
        {
            return Refusal.Invalid("aperture", "its size is a power of two, 4 KiB to 2^63");
        }

        if ((start & (size - 1)) != 0)
        {
            return Refusal.Invalid("aperture_start", "a multiple of the aperture's size");
        }

        if (state.IsEnabled)
        {
            return Refusal.Busy("aperture", "the geometry is fixed while a DMA mapping exists");
        }

        if (state.AreWindowsSet && size / state.WindowCount < PamuPlatform.WindowBytesMin)
        {
            return Refusal.Invalid("aperture", $"its {state.WindowCount} windows are at least 4 KiB each");
        }

        // geometry-drops-windows: all windows go, the count stays.
        next = state with
        {
            ApertureStart = start,
            ApertureLast = last,
            IsGeometrySet = true,
            Windows = state.AreWindowsSet ? EmptyWindows(state.WindowCount) : [],
        };
        return Refusal.None;
    }

    internal static Refusal SetWindows(PamuPlatform platform, ContainerState state, uint count, out ContainerState next)
    {
        next = state;
        if (count is 0 or > TableLayout.WindowCountMax)
        {
            return Refusal.Invalid("windows", $"a power of two, 1 to {platform.MaxWindows}");
        }

        if (state.IsEnabled)
        {
            return Refusal.Busy("windows", "the window count is fixed while a DMA mapping exists");
        }

        if (!state.IsGeometrySet)
        {
            return Refusal.Invalid("windows", "the geometry is set first");
        }

        if (count > platform.MaxWindows || !BitOperations.IsPow2(count))
        {
            return Refusal.Invalid("windows", $"a power of two, 1 to {platform.MaxWindows}");
        }

        if ((state with { WindowCount = count }).WindowSize < PamuPlatform.WindowBytesMin)
        {
            return Refusal.Invalid("windows", "a window is at least 4 KiB");
        }

        next = state with { WindowCount = count, AreWindowsSet = true, Windows = EmptyWindows(count) };
        return Refusal.None;
    }

    internal static Refusal SetStash(PamuPlatform platform, ContainerState state, uint cpu, uint cache, out ContainerState next)
    {
        next = state;
        if (platform.FindStashId(cpu, cache) == null)
        {
            return Refusal.Invalid("stash", "the platform has no such cache");
        }

        next = state with { StashCpu = cpu, StashCache = cache };
        return Refusal.None;
    }

    /// <summary>
    /// MAP_DMA. Recorded order: flags, IOVA wrap, vaddr wrap, a page at least, overlap with other mappings; then window by window: on
    /// the grid, the page source, the window itself.
    /// </summary>
    internal static Refusal MapDma(
        PamuPlatform platform, ContainerState state, ulong vaddr, ulong iova, ulong size, DmaPermissions permissions, out ContainerState next)
    {
        next = state;
        if (!AreFlags(permissions))
        {
            return Refusal.Invalid("flags", "READ, WRITE or both");
        }

        if (size != 0 && iova > ulong.MaxValue - (size - 1))
        {
            return Refusal.Invalid("iova", "iova + size stays within 2^64");
        }

        if (size != 0 && vaddr > ulong.MaxValue - (size - 1))
        {
            return Refusal.Invalid("vaddr", "vaddr + size stays within 2^64");
        }

        if (size < (ulong)platform.PageSize)
        {
            return Refusal.Invalid("size", $"at least one page of {platform.PageSize} bytes");
        }

        if (OverlapsDma(state, iova, iova + (size - 1)))
        {
            return Refusal.Busy("iova", "the range overlaps a DMA mapping");
        }

        if (!state.AreWindowsSet)
        {
            return Refusal.NoDevice("iova", "the window count is set first");
        }

        ulong windowSize = state.WindowSize;
        ImmutableArray<WindowState>.Builder? windows = null;
        vaddr &= ~((ulong)platform.PageSize - 1);

        for (ulong done = 0; done < size; done += windowSize)
        {
            ulong at = iova + done;
            ulong piece = Math.Min(windowSize, size - done);
            ulong index = (at - state.ApertureStart) / windowSize;

            // Below the aperture the difference wraps, and the driver counts windows in 32 bits: both are off the grid for it.
            if (at < state.ApertureStart || (at - state.ApertureStart) % windowSize != 0 || index > uint.MaxValue)
            {
                return Refusal.Invalid("iova", "the start of a window");
            }

            // size-remainder: whole windows, or one power of two from a window's start, as the hardware's window size field can say.
            if (piece < windowSize && (done != 0 || !BitOperations.IsPow2(piece)))
            {
                return Refusal.Invalid("size", "whole windows, or a power of two below one window");
            }

            if (!TrySupply(platform, vaddr + done, piece, out ulong target))
            {
                return Refusal.Fault("vaddr", "the page source cannot supply the memory");
            }

            if (index >= state.WindowCount)
            {
                return Refusal.Invalid("iova", "the range lies in the aperture");
            }

            if (state.Windows[(int)index].Use != WindowUse.Empty)
            {
                return Refusal.Busy("iova", "a window of the range is mapped");
            }

            windows ??= state.Windows.ToBuilder();
            windows[(int)index] = new WindowState(target, piece, permissions, WindowUse.Dma, Bank: -1, vaddr + done);
        }

        next = state with { Windows = windows!.DrainToImmutable() };
        return Refusal.None;
    }

    /// <summary>UNMAP_DMA. A range that hits no DMA mapping succeeds with nothing unmapped, whatever its shape.</summary>
    internal static Refusal UnmapDma(ContainerState state, ulong iova, ulong size, out ulong unmapped, out ContainerState next)
    {
        next = state;
        unmapped = 0;
        if (size == 0)
        {
            return Refusal.None;
        }

        bool wraps = iova > ulong.MaxValue - (size - 1);
        ulong last = wraps ? ulong.MaxValue : iova + (size - 1);
        ImmutableArray<WindowState>.Builder? windows = null;
        ulong total = 0;
        for (int i = 0; i < state.Windows.Length; i++)
        {
            if (!DmaRange(state, i, out ulong start, out ulong end) || start > last || end < iova)
            {
                continue;
            }

            if (wraps)
            {
                return Refusal.Invalid("size", "iova + size stays within 2^64");
            }

            // unmap-split: the driver would never return.
            if (start < iova || end > last)
            {
                return Refusal.Invalid("iova", "the range would split a window's mapping");
            }

            windows ??= state.Windows.ToBuilder();
            windows[i] = default;
            total += end - start + 1;
        }

        if (windows != null)
        {
            next = state with { Windows = windows.DrainToImmutable() };
            unmapped = total;
        }

        return Refusal.None;
    }

    internal static Refusal MapMsiBank(
        PamuPlatform platform, ContainerState state, uint bank, ulong iova, DmaPermissions permissions, out ContainerState next)
    {
        next = state;
        if (!AreFlags(permissions))
        {
            return Refusal.Invalid("flags", "READ, WRITE or both");
        }

        if (bank >= platform.MsiBanks.Count)
        {
            return Refusal.NoDevice("msi_bank_index", $"below the bank count, {platform.MsiBanks.Count}");
        }

        if (!state.AreWindowsSet)
        {
            return Refusal.NoDevice("iova", "the window count is set first");
        }

        if (!state.Geometry.Contains(iova))
        {
            return Refusal.Invalid("iova", "in the aperture");
        }

        int index = state.Geometry.IndexOf(iova);
        if (iova != state.Geometry.WindowStart(index))
        {
            return Refusal.Invalid("iova", "the start of a window"); // msi-start
        }

        if (state.Windows[index].Use != WindowUse.Empty)
        {
            return Refusal.Busy("iova", "the window is mapped");
        }

        var window = new WindowState(
            platform.MsiBanks[(int)bank].Page, PamuPlatform.MsiPageBytes, permissions, WindowUse.Msi, (int)bank, Vaddr: 0);
        next = state with { Windows = state.Windows.SetItem(index, window) };
        return Refusal.None;
    }

    internal static Refusal UnmapMsiBank(ContainerState state, ulong iova, out ContainerState next)
    {
        next = state;
        if (state.Windows.Length == 0 || !state.Geometry.Contains(iova))
        {
            return Refusal.Invalid("iova", "the start of an MSI window");
        }

        int index = state.Geometry.IndexOf(iova);
        if (iova != state.Geometry.WindowStart(index) || state.Windows[index].Use != WindowUse.Msi)
        {
            return Refusal.Invalid("iova", "the start of an MSI window");
        }

        next = state with { Windows = state.Windows.SetItem(index, default) };
        return Refusal.None;
    }

    internal static Refusal Attach(
        PamuPlatform platform, ContainerState state, PamuContainer container, PamuGroup group, out ContainerState next)
    {
        next = state;
        if (state.Groups.Contains(group) || (group.Container != null && group.Container != container))
        {
            return Refusal.Invalid("group", "a group is in one container only");
        }

        if (group.Engine != container.Engine || group.IsRemoved)
        {
            return Refusal.Invalid("group", "a group of the container's engine");
        }

        if (group.Liodns.Length == 0)
        {
            return Refusal.Invalid("group", "a group has a LIODN to be attached by");
        }

        foreach (int liodn in group.Liodns)
        {
            if (liodn >= platform.LiodnCount)
            {
                return Refusal.Invalid("group", $"LIODN 0x{liodn:x} is below the platform's count, 0x{platform.LiodnCount:x}");
            }
        }

        next = state with { Groups = state.Groups.Add(group) };
        return Refusal.None;
    }

    internal static Refusal Detach(ContainerState state, PamuGroup group, out ContainerState next)
    {
        next = state with { Groups = state.Groups.Remove(group) };
        return next.Groups.Count == state.Groups.Count ? Refusal.Invalid("group", "the group is in this container") : Refusal.None;
    }

    /// <summary>Undefined bits are refused at both doors, so that they can mean something later.</summary>
    private static bool AreFlags(DmaPermissions permissions) =>
        permissions is DmaPermissions.Read or DmaPermissions.Write or DmaPermissions.ReadWrite;

    /// <summary>The bytes [start, end] that window <paramref name="index"/> maps for DMA.</summary>
    private static bool DmaRange(ContainerState state, int index, out ulong start, out ulong end)
    {
        ref readonly WindowState window = ref state.Windows.AsSpan()[index];
        start = state.Geometry.WindowStart(index);
        end = start + (window.Size - 1);
        return window.Use == WindowUse.Dma;
    }

    private static bool OverlapsDma(ContainerState state, ulong iova, ulong last)
    {
        for (int i = 0; i < state.Windows.Length; i++)
        {
            if (DmaRange(state, i, out ulong start, out ulong end) && start <= last && end >= iova)
            {
                return true;
            }
        }

        return false;
    }

    private static bool TrySupply(PamuPlatform platform, ulong vaddr, ulong length, out ulong target)
    {
#pragma warning disable CA1031 // An embedder's page source may throw anything; the caller of an ioctl is told EFAULT.
        try
        {
            return platform.PageSource(vaddr, length, out target) && (target & TableLayout.MsiTagMask) == 0;
        }
        catch (Exception)
        {
            target = 0;
            return false;
        }
#pragma warning restore CA1031
    }

    private static ImmutableArray<WindowState> EmptyWindows(uint count) => ImmutableArray.Create(new WindowState[count]);
}
