using System.Runtime.InteropServices;

namespace PamuFastPath.Tests.Control;

/// <summary>An engine with what the examples need: a reader, containers with 8 windows of 64 KiB at 0x10_0000, byte calls.</summary>
internal sealed class Machine : IDisposable
{
    internal const ulong Start = 0x10_0000;
    internal const ulong Window = 0x1_0000;
    internal const uint Count = 8;

    internal Machine(PamuPlatform? platform = null)
    {
        Engine = new PamuEngine(platform);
        Reader = Engine.CreateReader();
    }

    internal PamuEngine Engine { get; }

    internal PamuReader Reader { get; }

    /// <summary>A container that is a PAMU container, with nothing set.</summary>
    internal PamuContainer Fresh()
    {
        PamuContainer container = Engine.CreateContainer();
        container.SetIommu(Engine.Platform.PamuExtension);
        return container;
    }

    /// <summary>A container with its geometry and windows, and nothing mapped.</summary>
    internal PamuContainer Ready()
    {
        PamuContainer container = Fresh();
        container.SetGeometry(Start, Start + Window * Count - 1);
        container.SetWindows(Count);
        return container;
    }

    /// <summary>The first IOVA of a window.</summary>
    internal static ulong At(int window) => Start + (ulong)window * Window;

    internal FaultKind Fault(PamuContainer container, ulong iova, DmaAccess access = DmaAccess.Write) =>
        Reader.Translate(container, iova, 4, access).Fault;

    /// <summary>MAP_DMA at the byte door.</summary>
    internal static long MapDma(
        PamuContainer container, ulong vaddr, ulong iova, ulong size, uint flags = 3, uint argsz = 32) =>
        container.Ioctl(PamuRequests.IommuMapDma, Bytes(argsz, flags, vaddr, iova, size));

    /// <summary>UNMAP_DMA at the byte door; the size that was written back in <paramref name="unmapped"/>.</summary>
    internal static long UnmapDma(PamuContainer container, ulong iova, ulong size, out ulong unmapped, uint flags = 0, uint argsz = 24)
    {
        byte[] bytes = Bytes(argsz, flags, iova, size);
        long result = container.Ioctl(PamuRequests.IommuUnmapDma, bytes);
        unmapped = MemoryMarshal.Read<ulong>(bytes.AsSpan(16));
        return result;
    }

    internal static long SetGeometry(PamuContainer container, ulong start, ulong last, uint flags = 0, uint argsz = 32) =>
        container.Ioctl(PamuRequests.PamuSetAttr, Bytes(argsz, flags, 0u, 0u, start, last));

    internal static long SetWindows(PamuContainer container, uint count, uint flags = 0, uint argsz = 32) =>
        container.Ioctl(PamuRequests.PamuSetAttr, Bytes(argsz, flags, 1u, 0u, count, 0u, 0ul));

    internal static long SetStash(PamuContainer container, uint cpu, uint cache) =>
        container.Ioctl(PamuRequests.PamuSetAttr, Bytes(32u, 0u, 2u, 0u, cpu, cache, 0ul));

    internal static long MapMsiBank(PamuContainer container, uint bank, ulong iova, uint flags = 2, uint argsz = 24) =>
        container.Ioctl(PamuRequests.PamuMapMsiBank, Bytes(argsz, flags, bank, 0u, iova));

    internal static long UnmapMsiBank(PamuContainer container, ulong iova, uint flags = 0, uint argsz = 16) =>
        container.Ioctl(PamuRequests.PamuUnmapMsiBank, Bytes(argsz, flags, iova));

    /// <summary>A struct: its u32 and u64 fields one after the other, padding included.</summary>
    internal static byte[] Bytes(params ReadOnlySpan<object> fields)
    {
        var bytes = new List<byte>();
        foreach (object field in fields)
        {
            bytes.AddRange(field is uint word ? BitConverter.GetBytes(word) : BitConverter.GetBytes((ulong)field));
        }

        return [.. bytes];
    }

    public void Dispose() => Engine.Dispose();
}
