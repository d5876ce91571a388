using System.Collections.Immutable;
using System.Numerics;

namespace PamuFastPath;

/// <summary>The rules that a restored state has to keep: those that every state which control calls leave keeps.</summary>
internal static partial class ControlRules
{
    /// <summary>Whether nothing was ever set or attached. Such a container has its first table still.</summary>
    internal static bool IsFresh(ContainerState state) =>
        !state.IsIommuSet && !state.IsGeometrySet && state.Groups.IsEmpty && (state.StashCpu, state.StashCache) == (0, 0);

    /// <summary>Whether MAP_DMA or MAP_MSI_BANK leaves such a window in a container of this shape.</summary>
    /// <remarks>
    /// With windows smaller than a page, MAP_DMA maps several at once and UNMAP_DMA may take some of them away again. What is left is looked at
    /// window by window here; that neighbours came from one call is not asked for.
    /// </remarks>
    internal static Refusal CheckWindow(PamuPlatform platform, ContainerState state, in WindowState window)
    {
        if (!AreFlags(window.Permissions))
        {
            return Refusal.Invalid("permissions", "READ, WRITE or both");
        }

        return window.Use == WindowUse.Msi ? CheckMsiWindow(platform, window) : CheckDmaWindow(platform, state, window);
    }

    /// <summary>The windows with the targets that their memory has now.</summary>
    /// <param name="platform">Whose page source is asked for the targets.</param>
    /// <param name="state">The restored state.</param>
    /// <param name="moved">Says where each piece of memory is now.</param>
    /// <param name="next">Receives the state with the new addresses.</param>
    internal static Refusal Move(PamuPlatform platform, ContainerState state, MovedMemory moved, out ContainerState next)
    {
        next = state;
        ImmutableArray<WindowState>.Builder windows = state.Windows.ToBuilder();
        for (int i = 0; i < windows.Count; i++)
        {
            WindowState window = windows[i];
            if (window.Use != WindowUse.Dma)
            {
                continue;
            }

            if (!TryMove(moved, window, out ulong vaddr))
            {
                return Refusal.Fault($"window {i}", "whoever restores knows where its memory is now");
            }

            if (CheckDmaWindow(platform, state, window with { Vaddr = vaddr }) is { IsRefused: true } refusal)
            {
                return Refusal.Fault($"window {i}: {refusal.Parameter}", refusal.Rule);
            }

            if (!TrySupply(platform, vaddr, window.Size, out ulong target))
            {
                return Refusal.Fault($"window {i}", "the page source can supply the memory");
            }

            windows[i] = window with { Vaddr = vaddr, Target = target };
        }

        next = state with { Windows = windows.DrainToImmutable() };
        return Refusal.None;
    }

    private static Refusal CheckDmaWindow(PamuPlatform platform, ContainerState state, in WindowState window)
    {
        ulong page = (ulong)platform.PageSize;
        ulong windowSize = state.WindowSize;
        if (window.Size != windowSize && (window.Size > windowSize || window.Size < page || !BitOperations.IsPow2(window.Size)))
        {
            return Refusal.Invalid("size", "a whole window, or a power of two below one window and a page at least");
        }

        if (windowSize * state.WindowCount < page)
        {
            return Refusal.Invalid("size", "an aperture below a page maps no memory");
        }

        if ((window.Vaddr & (Math.Min(page, windowSize) - 1)) != 0 || window.Vaddr > ulong.MaxValue - (window.Size - 1))
        {
            return Refusal.Invalid("vaddr", "on a page, and vaddr + size stays within 2^64");
        }

        return (window.Target & TableLayout.MsiTagMask) != 0 ? Refusal.Invalid("target", "a multiple of 4 KiB") : Refusal.None;
    }

    private static Refusal CheckMsiWindow(PamuPlatform platform, in WindowState window)
    {
        if (window.Bank >= platform.MsiBanks.Count)
        {
            return Refusal.Invalid("msi_bank_index", $"below the bank count, {platform.MsiBanks.Count}");
        }

        return (window.Target, window.Size, window.Vaddr) != (platform.MsiBanks[window.Bank].Page, PamuPlatform.MsiPageBytes, 0)
            ? Refusal.Invalid("msi_bank_index", "an MSI window maps its bank's page")
            : Refusal.None;
    }

    private static bool TryMove(MovedMemory moved, in WindowState window, out ulong vaddr)
    {
#pragma warning disable CA1031 // An embedder's code may throw anything; whoever restores is told EFAULT.
        try
        {
            return moved(window.Vaddr, window.Size, out vaddr);
        }
        catch (Exception)
        {
            vaddr = 0;
            return false;
        }
#pragma warning restore CA1031
    }
}
