using PamuFastPath.Tests.Model;

namespace PamuFastPath.Tests.Properties;

internal enum Op
{
    SetIommu,
    SetGeometry,
    SetWindows,
    SetStash,
    MapDma,
    UnmapDma,
    MapMsiBank,
    UnmapMsiBank,
    Attach,
    Detach,
    Close,
}

/// <summary>
/// One random call in symbolic form: what its numbers mean is worked out from the model's state when it is made, so that most calls are
/// near what is mapped, and a sequence stays meaningful when others are taken out of it.
/// </summary>
/// <param name="Op">The call.</param>
/// <param name="IsByteDoor">Whether it goes through the byte door.</param>
/// <param name="Container">Which container.</param>
/// <param name="Window">Which window, group, or twist, 0 to 255.</param>
/// <param name="Length">How many windows, or which power of two, 0 to 99.</param>
/// <param name="Shape">Which shape of argument, 0 to 99: low is plausible, high is hostile.</param>
/// <param name="Wild">Any bits.</param>
internal readonly record struct Call(Op Op, bool IsByteDoor, int Container, int Window, int Length, int Shape, ulong Wild);

/// <summary>The numbers of one call.</summary>
internal readonly record struct Arguments(ulong First, ulong Second = 0, ulong Third = 0, uint Flags = 0);

/// <summary>Works out the numbers of a call.</summary>
internal static class CallArguments
{
    internal static Arguments Of(in Call call, ModelMachine machine, ModelContainer container) => call.Op switch
    {
        Op.SetIommu => new(call.Shape < 80 ? machine.Extension : call.Wild >> call.Shape % 64),
        Op.SetGeometry => Geometry(call),
        Op.SetWindows => new(call.Shape < 80 ? 1u << call.Length % 9 : Pick<uint>(call.Shape, 0, 3, 512, uint.MaxValue, 1u << 31, 257)),
        Op.SetStash => new((uint)call.Length % 7, (uint)call.Shape % 5),
        Op.MapDma => MapDma(call, container),
        Op.UnmapDma => UnmapDma(call, container),
        Op.MapMsiBank => new((uint)call.Length % 4, Iova(call, container), 0, Flags(call)),
        Op.UnmapMsiBank => UnmapMsiBank(call, container),
        Op.Attach => new(call.Shape < 90 ? (uint)container.Fd : (uint)call.Wild),
        _ => default,
    };

    private static Arguments Geometry(in Call call)
    {
        int log2 = call.Length < 60 ? 12 + call.Window % 13 : call.Length < 85 ? 24 + call.Window % 17 : 41 + call.Window % 23;
        ulong size = 1UL << log2;
        ulong start = call.Shape < 60 ? call.Wild % 16 * size : call.Shape < 75 ? call.Wild & ~(size - 1) : 0 - size;
        ulong last = start + (size - 1);
        return call.Shape switch
        {
            < 80 => new(start, last),
            < 84 => new(start, last - 1),
            < 88 => new(start + 0x1000, last + 0x1000),
            < 92 => new(last, start),
            < 94 => new(0, ulong.MaxValue),
            < 96 => new(start, last - size / 4),
            < 98 => new(start, start + 2047),
            _ => new(call.Wild, call.Wild * 3),
        };
    }

    private static Arguments MapDma(in Call call, ModelContainer container)
    {
        ulong iova = Iova(call, container);
        ulong window = (ulong)container.WindowSize;
        ulong end = (ulong)container.End;
        ulong size = call.Shape switch
        {
            < 55 => window * ((uint)call.Length % 3 + 1),
            < 68 => window >> call.Length % 6,
            < 72 => window + window / 2,
            < 75 => Pick<ulong>(call.Length, 0, 1, 4095, 4096, 0x3000),
            < 82 => end - iova,
            < 85 => (ulong)container.Size,
            < 88 => 0 - iova,
            < 91 => 0 - iova - window,
            < 94 => 0 - iova - 1,
            < 97 => window - 4096,
            _ => call.Wild >> call.Length % 64,
        };
        return new(iova, size, Vaddr(call, iova - (ulong)container.Start, size), Flags(call));
    }

    private static ulong Vaddr(in Call call, ulong offset, ulong size) => (call.Wild >> 8 & 0xFF) switch
    {
        < 120 => (0x1_0000_0000 + offset) & 0xF_FFFF_FFFF,
        < 150 => 0x1_0000_0000 - offset & 0xF_FFFF_FFFF,
        < 190 => call.Wild >> 16 & 0xF_FFFF_F000,
        < 200 => call.Wild >> 16 & 0xF_FFFF_FFFF,
        < 215 => 0 - size,
        < 220 => 0 - size + 1,
        < 230 => 0,
        < 240 => 0x7_0000_0000 + (call.Wild >> 16 & 0x1FFF_F000),
        < 245 => 0x7_1000_0000 - size,
        _ => call.Wild,
    };

    private static Arguments UnmapDma(in Call call, ModelContainer container)
    {
        if (call.Shape >= 95 || Mapped(call, container, isDma: true) is not PamuWindow window)
        {
            return MapDma(call, container);
        }

        ulong end = (ulong)container.End;
        return call.Shape switch
        {
            < 55 => new(window.Iova, window.Size),
            < 60 => new(window.Iova, (ulong)container.WindowSize * ((uint)call.Length % 3 + 1)),
            < 65 => new(window.Iova, end - window.Iova),
            < 75 => new((ulong)container.Start, (ulong)container.Size),
            < 78 => new(window.Iova, window.Size / 2),
            < 81 => new(window.Iova + window.Size / 2, window.Size),
            < 84 => new(window.Iova - 1, window.Size),
            < 87 => new(window.Iova - 1, window.Size + 2),
            < 89 => new(window.Iova, ulong.MaxValue),
            < 91 => new(window.Iova, 0 - window.Iova),
            < 93 => new(window.Iova, 0),
            _ => new(window.Iova + window.Size, window.Size),
        };
    }

    private static Arguments UnmapMsiBank(in Call call, ModelContainer container) =>
        call.Shape < 70 && Mapped(call, container, isDma: false) is PamuWindow window
            ? new(0, window.Iova)
            : new(0, Iova(call, container));

    private static ulong Iova(in Call call, ModelContainer container)
    {
        ulong start = (ulong)container.Start;
        ulong window = (ulong)container.WindowSize;
        ulong iova = start + (uint)call.Window % container.Count * window;
        return (call.Wild & 0xFF) switch
        {
            < 120 => Empty(call, container) is int empty ? start + (uint)empty * window : iova,
            < 215 => iova,
            < 220 => iova + 1,
            < 225 => iova - 1,
            < 230 => iova + 4096,
            < 235 => (ulong)container.End,
            < 240 => start - window,
            < 245 => start + (window << 32),
            < 250 => start + window * container.Count * 2,
            _ => call.Wild >> 8,
        };
    }

    private static uint Flags(in Call call) => (call.Wild >> 60) switch
    {
        < 10 => 3,
        < 12 => 1,
        < 14 => 2,
        14 => 0,
        _ => (uint)call.Wild >> 8 | 4,
    };

    private static PamuWindow? Mapped(in Call call, ModelContainer container, bool isDma)
    {
        List<PamuWindow> windows = container.List().FindAll(window => window.MsiBank < 0 == isDma);
        return windows.Count == 0 ? null : windows[call.Window % windows.Count];
    }

    private static int? Empty(in Call call, ModelContainer container)
    {
        int[] empty = [.. Enumerable.Range(0, container.Windows.Length).Where(index => container.Windows[index] == null)];
        return empty.Length == 0 ? null : empty[call.Window % empty.Length];
    }

    private static T Pick<T>(int index, params ReadOnlySpan<T> values) => values[index % values.Length];
}
