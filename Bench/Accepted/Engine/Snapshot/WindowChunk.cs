using System.Collections.Immutable;

namespace PamuFastPath;

/// <summary>The configured windows, chunk WNDW, by window number; empty ones are left out.</summary>
internal static class WindowChunk
{
    private const int WindowBytes = 32;

    internal static readonly ChunkKind Kind = new("WNDW"u8, version: 1, isRequired: true);

    internal static void Write(SnapshotWriter to, ContainerState state)
    {
        for (int i = 0; i < state.Windows.Length; i++)
        {
            WindowState window = state.Windows[i];
            if (window.Use != WindowUse.Empty)
            {
                to.U16((ushort)i);
                to.U16((ushort)((int)window.Use | (int)window.Permissions << 8));
                to.U32(window.Use == WindowUse.Msi ? (uint)window.Bank : 0);
                to.U64(window.Target);
                to.U64(window.Size);
                to.U64(window.Vaddr);
            }
        }
    }

    /// <summary>The state with its windows, each as MAP_DMA or MAP_MSI_BANK would have left it.</summary>
    internal static ContainerState Read(ReadOnlySpan<byte> payload, PamuPlatform platform, ContainerState state)
    {
        if (payload.Length % WindowBytes != 0 || payload.Length / WindowBytes > state.Windows.Length)
        {
            throw SnapshotReader.Bad("windows", $"{WindowBytes} bytes each, and no more than the container's {state.Windows.Length}");
        }

        if (payload.IsEmpty)
        {
            return state;
        }

        ImmutableArray<WindowState>.Builder windows = state.Windows.ToBuilder();
        int next = 0;
        var from = new SnapshotCursor(payload);
        while (from.Left > 0)
        {
            int index = from.U16();
            int kind = from.U16();
            uint bank = from.U32();
            ulong target = from.U64();
            ulong size = from.U64();
            ulong vaddr = from.U64();
            if (index < next || index >= windows.Count)
            {
                throw SnapshotReader.Bad($"window {index}", $"below {windows.Count}, and windows are in order, each once");
            }

            var use = (WindowUse)(kind & 0xFF);
            if (use is not (WindowUse.Dma or WindowUse.Msi) || bank > (use == WindowUse.Msi ? int.MaxValue : 0u))
            {
                throw SnapshotReader.Bad($"window {index}", "memory, or an MSI bank");
            }

            var window = new WindowState(target, size, (DmaPermissions)(kind >> 8), use, use == WindowUse.Msi ? (int)bank : -1, vaddr);
            if (ControlRules.CheckWindow(platform, state, window) is { IsRefused: true } refusal)
            {
                throw SnapshotReader.Bad($"window {index}: {refusal.Parameter}", refusal.Rule);
            }

            windows[index] = window;
            next = index + 1;
        }

        return state with { Windows = windows.DrainToImmutable() };
    }
}
