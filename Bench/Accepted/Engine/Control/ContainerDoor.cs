using System.Runtime.InteropServices;
using PamuFastPath.Diagnostics;

namespace PamuFastPath;

/// <summary>
/// The byte-level door of a container: decodes, calls the same code as the typed door, encodes. The order for requests with a struct:
/// request known (ENOTTY), argsz readable (EFAULT), argsz large enough (EINVAL), the rest readable (EFAULT), flags known (EINVAL), fields to
/// be written back writable (EFAULT), then the call's own rules.
/// </summary>
internal static class ContainerDoor
{
    private const int AttrBytes = 32;
    private const int AttrUnion = 16;
    private const int MapDmaBytes = 32;
    private const int UnmapDmaBytes = 24;
    private const int UnmapDmaSize = 16;
    private const int MapMsiBytes = 24;
    private const int UnmapMsiBytes = 16;
    private const int GetInfoBytes = 16;

    internal static long Ioctl<TMemory>(PamuContainer container, uint request, ulong argument, TMemory memory)
        where TMemory : IArgumentMemory, allows ref struct
    {
        long began = PamuEventSource.Now();
        DecodedArguments arguments = default;
        long result = Dispatch(container, PamuRequests.Plain(request), argument, memory, ref arguments);
        container.Engine.CallDone(container.Fd, request, result, began, arguments);
        return result;
    }

    private static long Dispatch<TMemory>(
        PamuContainer container, uint request, ulong argument, TMemory memory, ref DecodedArguments arguments)
        where TMemory : IArgumentMemory, allows ref struct
    {
        if (container.CurrentState.IsDisposed)
        {
            return LastRefusal.Answer(Errno.EBADF, "container", "the container is open");
        }

        switch (request)
        {
            case PamuRequests.GetApiVersion:
                return 0;
            case PamuRequests.CheckExtension:
                arguments = DecodedArguments.Value(argument);
                return argument == container.Engine.Platform.PamuExtension ? 1 : 0;
            case PamuRequests.SetIommu:
                arguments = DecodedArguments.Value(argument);
                return LastRefusal.Answer(container.TrySetIommu(argument));
        }

        if (!container.IsIommuSet)
        {
            return LastRefusal.Answer(Errno.ENOTTY, "container", "SET_IOMMU comes first");
        }

        return request switch
        {
            PamuRequests.IommuGetInfo => GetInfo(container, argument, memory),
            PamuRequests.IommuMapDma => MapDma(container, argument, memory, ref arguments),
            PamuRequests.IommuUnmapDma => UnmapDma(container, argument, memory, ref arguments),
            PamuRequests.PamuGetAttr => GetAttr(container, argument, memory, ref arguments),
            PamuRequests.PamuSetAttr => SetAttr(container, argument, memory, ref arguments),
            PamuRequests.PamuGetMsiBankCount => container.MsiBankCount,
            PamuRequests.PamuMapMsiBank => MapMsiBank(container, argument, memory, ref arguments),
            PamuRequests.PamuUnmapMsiBank => UnmapMsiBank(container, argument, memory, ref arguments),
            _ => LastRefusal.Answer(Errno.ENOTTY, "request", "a container request"),
        };
    }

    /// <summary>Copies a struct in, argsz first, so that nothing beyond the caller's own argsz is touched.</summary>
    /// <returns>0, or a negative errno.</returns>
    internal static long CopyIn<TMemory>(ulong argument, TMemory memory, scoped Span<byte> bytes)
        where TMemory : IArgumentMemory, allows ref struct
    {
        if (!memory.TryRead(argument, bytes[..sizeof(uint)]))
        {
            return Unreadable();
        }

        if (U32(bytes, 0) < bytes.Length)
        {
            return LastRefusal.Answer(Errno.EINVAL, "argsz", "at least the bytes of the struct");
        }

        return memory.TryRead(unchecked(argument + sizeof(uint)), bytes[sizeof(uint)..]) ? 0 : Unreadable();
    }

    private static long GetInfo<TMemory>(PamuContainer container, ulong argument, TMemory memory)
        where TMemory : IArgumentMemory, allows ref struct
    {
        Span<byte> info = stackalloc byte[GetInfoBytes];
        if (CopyIn(argument, memory, info) is var error and not 0)
        {
            return error;
        }

        const uint pageSizesValid = 1;
        MemoryMarshal.Write(info[4..], pageSizesValid);
        MemoryMarshal.Write(info[8..], ~((ulong)container.Engine.Platform.PageSize - 1)); // every power of two from a page up
        return CopyOut(argument, 4, memory, info[4..]);
    }

    private static long MapDma<TMemory>(PamuContainer container, ulong argument, TMemory memory, ref DecodedArguments arguments)
        where TMemory : IArgumentMemory, allows ref struct
    {
        Span<byte> map = stackalloc byte[MapDmaBytes];
        if (CopyIn(argument, memory, map) is var error and not 0)
        {
            return error;
        }

        arguments = DecodedArguments.MapDma(U64(map, 8), U64(map, 16), U64(map, 24), (DmaPermissions)U32(map, 4));
        return LastRefusal.Answer(container.TryMapDma(U64(map, 8), U64(map, 16), U64(map, 24), (DmaPermissions)U32(map, 4)));
    }

    private static long UnmapDma<TMemory>(PamuContainer container, ulong argument, TMemory memory, ref DecodedArguments arguments)
        where TMemory : IArgumentMemory, allows ref struct
    {
        Span<byte> unmap = stackalloc byte[UnmapDmaBytes];
        if (CopyIn(argument, memory, unmap) is var error and not 0)
        {
            return error;
        }

        arguments = DecodedArguments.UnmapDma(U64(unmap, 8), U64(unmap, UnmapDmaSize));
        if (U32(unmap, 4) != 0)
        {
            return UnknownFlags();
        }

        // Probe before anything changes: the field that is written back gets the value it has.
        if (CopyOut(argument, UnmapDmaSize, memory, unmap[UnmapDmaSize..]) is var unwritable and not 0)
        {
            return unwritable;
        }

        Refusal refusal = container.TryUnmapDma(U64(unmap, 8), U64(unmap, UnmapDmaSize), out ulong unmapped);
        if (refusal.IsRefused)
        {
            return LastRefusal.Answer(refusal);
        }

        // The rights are gone: memory that became unwritable since the probe does not make this a call that failed.
        MemoryMarshal.Write(unmap[UnmapDmaSize..], unmapped);
        _ = CopyOut(argument, UnmapDmaSize, memory, unmap[UnmapDmaSize..]);
        return 0;
    }

    private static long GetAttr<TMemory>(PamuContainer container, ulong argument, TMemory memory, ref DecodedArguments arguments)
        where TMemory : IArgumentMemory, allows ref struct
    {
        Span<byte> attr = stackalloc byte[AttrBytes];
        if (CopyIn(argument, memory, attr) is var error and not 0)
        {
            return error;
        }

        arguments = DecodedArguments.Attribute(U32(attr, 8));
        if (U32(attr, 4) != 0)
        {
            return UnknownFlags();
        }

        Span<byte> union = attr[AttrUnion..];
        switch ((PamuAttr)U32(attr, 8))
        {
            case PamuAttr.Geometry:
                (ulong start, ulong last) = container.Geometry;
                MemoryMarshal.Write(union, start);
                MemoryMarshal.Write(union[8..], last);
                return CopyOut(argument, AttrUnion, memory, union);
            case PamuAttr.Windows:
                MemoryMarshal.Write(union, container.WindowCount);
                return CopyOut(argument, AttrUnion, memory, union[..4]);
            case PamuAttr.Stash:
                (uint cpu, uint cache) = container.Stash;
                MemoryMarshal.Write(union, cpu);
                MemoryMarshal.Write(union[4..], cache);
                return CopyOut(argument, AttrUnion, memory, union[..8]);
            default:
                return UnknownAttribute();
        }
    }

    private static long SetAttr<TMemory>(PamuContainer container, ulong argument, TMemory memory, ref DecodedArguments arguments)
        where TMemory : IArgumentMemory, allows ref struct
    {
        Span<byte> attr = stackalloc byte[AttrBytes];
        if (CopyIn(argument, memory, attr) is var error and not 0)
        {
            return error;
        }

        arguments = (PamuAttr)U32(attr, 8) switch
        {
            PamuAttr.Geometry => DecodedArguments.Geometry(U64(attr, 16), U64(attr, 24)),
            PamuAttr.Windows => DecodedArguments.Windows(U32(attr, 16)),
            PamuAttr.Stash => DecodedArguments.Stash(U32(attr, 16), U32(attr, 20)),
            _ => DecodedArguments.Attribute(U32(attr, 8)),
        };
        if (U32(attr, 4) != 0)
        {
            return UnknownFlags();
        }

        return (PamuAttr)U32(attr, 8) switch
        {
            PamuAttr.Geometry => LastRefusal.Answer(container.TrySetGeometry(U64(attr, 16), U64(attr, 24))),
            PamuAttr.Windows => LastRefusal.Answer(container.TrySetWindows(U32(attr, 16))),
            PamuAttr.Stash => LastRefusal.Answer(container.TrySetStash(U32(attr, 16), U32(attr, 20))),
            _ => UnknownAttribute(),
        };
    }

    private static long MapMsiBank<TMemory>(PamuContainer container, ulong argument, TMemory memory, ref DecodedArguments arguments)
        where TMemory : IArgumentMemory, allows ref struct
    {
        Span<byte> map = stackalloc byte[MapMsiBytes];
        if (CopyIn(argument, memory, map) is var error and not 0)
        {
            return error;
        }

        arguments = DecodedArguments.MapMsiBank(U32(map, 8), U64(map, 16), (DmaPermissions)U32(map, 4));
        return LastRefusal.Answer(container.TryMapMsiBank(U32(map, 8), U64(map, 16), (DmaPermissions)U32(map, 4)));
    }

    private static long UnmapMsiBank<TMemory>(PamuContainer container, ulong argument, TMemory memory, ref DecodedArguments arguments)
        where TMemory : IArgumentMemory, allows ref struct
    {
        Span<byte> unmap = stackalloc byte[UnmapMsiBytes];
        if (CopyIn(argument, memory, unmap) is var error and not 0)
        {
            return error;
        }

        arguments = DecodedArguments.UnmapMsiBank(U64(unmap, 8));
        return U32(unmap, 4) != 0 ? UnknownFlags() : LastRefusal.Answer(container.TryUnmapMsiBank(U64(unmap, 8)));
    }

    private static long CopyOut<TMemory>(ulong argument, int offset, TMemory memory, scoped ReadOnlySpan<byte> bytes)
        where TMemory : IArgumentMemory, allows ref struct =>
        memory.TryWrite(unchecked(argument + (ulong)offset), bytes) ? 0 : Unwritable();

    internal static long Unreadable() => LastRefusal.Answer(Errno.EFAULT, "argument", "readable memory");

    internal static long Unwritable() => LastRefusal.Answer(Errno.EFAULT, "argument", "writable memory");

    private static long UnknownFlags() => LastRefusal.Answer(Errno.EINVAL, "flags", "0");

    private static long UnknownAttribute() => LastRefusal.Answer(Errno.EINVAL, "attribute", "geometry, windows or stash");

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => MemoryMarshal.Read<uint>(bytes[offset..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int offset) => MemoryMarshal.Read<ulong>(bytes[offset..]);
}
