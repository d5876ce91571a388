namespace PamuFastPath.Tests.Model;

/// <summary>
/// The byte level: the requests of the ABI page with their structs at their offsets. An argument is the bytes that can be read at the
/// pointer, however many there are, and whether they can be written.
/// </summary>
internal static class ModelDoor
{
    private const uint PowerPc = 0x2000_0000;
    private const uint GroupGetStatus = 0x3B67;
    private const uint GroupSetContainer = 0x3B68;
    private const uint GroupUnsetContainer = 0x3B69;

    /// <summary>A container request; <paramref name="value"/> is what requests by value get, the bytes are for the others.</summary>
    internal static long Ioctl(
        ModelEngine engine, ModelContainer container, uint request, ulong value, Span<byte> argument, bool isWritable = true)
    {
        uint plain = Plain(request);
        switch (plain)
        {
            case 0x3B64: // GET_API_VERSION
                return 0;
            case 0x3B65: // CHECK_EXTENSION
                return value == engine.Machine.Extension ? 1 : 0;
            case 0x3B66: // SET_IOMMU
                return -(long)container.SetIommu(value);
        }

        int needed = plain switch
        {
            0x3B70 => 16, // GET_INFO
            0x3B71 => 32, // MAP_DMA
            0x3B72 => 24, // UNMAP_DMA
            0x3B73 => 32, // GET_ATTR
            0x3B74 => 32, // SET_ATTR
            0x3B75 => 0, // GET_MSI_BANK_COUNT
            0x3B76 => 24, // MAP_MSI_BANK
            0x3B77 => 16, // UNMAP_MSI_BANK
            _ => -1,
        };
        if (!container.IsIommuSet || needed < 0)
        {
            return -(long)Errno.ENOTTY;
        }

        if (needed == 0)
        {
            return engine.Machine.BankPages.Length;
        }

        Errno errno = Readable(argument, needed);
        if (errno == Errno.Ok)
        {
            errno = plain switch
            {
                0x3B70 => GetInfo(engine, argument, isWritable),
                0x3B71 => container.MapDma(U64(argument, 8), U64(argument, 16), U64(argument, 24), U32(argument, 4)),
                0x3B72 => UnmapDma(container, argument, isWritable),
                0x3B73 => GetAttr(container, argument, isWritable),
                0x3B74 => SetAttr(container, argument),
                0x3B76 => container.MapMsiBank(U32(argument, 8), U64(argument, 16), U32(argument, 4)),
                _ => U32(argument, 4) != 0 ? Errno.EINVAL : container.UnmapMsiBank(U64(argument, 8)),
            };
        }

        return -(long)errno;
    }

    /// <summary>A group request.</summary>
    internal static long GroupIoctl(ModelEngine engine, ModelGroup group, uint request, Span<byte> argument, bool isWritable = true)
    {
        switch (Plain(request))
        {
            case GroupGetStatus:
                Errno errno = Readable(argument, 8);
                if (errno != Errno.Ok || !isWritable)
                {
                    return -(long)(errno != Errno.Ok ? errno : Errno.EFAULT);
                }

                Put(argument, 4, group.Container != null ? 3u : 1u);
                return 0;
            case GroupSetContainer:
                if (argument.Length < 4)
                {
                    return -(long)Errno.EFAULT;
                }

                if (group.Container != null)
                {
                    return -(long)Errno.EINVAL;
                }

                ModelContainer? container = engine.Find((int)U32(argument, 0));
                return -(long)(container == null ? Errno.EBADF : engine.Attach(group, container));
            case GroupUnsetContainer:
                return -(long)ModelEngine.Detach(group);
            default:
                return -(long)Errno.ENOTTY;
        }
    }

    internal static uint Plain(uint request) => request >> 16 == PowerPc >> 16 ? request - PowerPc : request;

    private static Errno Readable(ReadOnlySpan<byte> argument, int needed)
    {
        if (argument.Length < 4)
        {
            return Errno.EFAULT;
        }

        if (U32(argument, 0) < needed)
        {
            return Errno.EINVAL;
        }

        return argument.Length < needed ? Errno.EFAULT : Errno.Ok;
    }

    private static Errno GetInfo(ModelEngine engine, Span<byte> argument, bool isWritable)
    {
        if (!isWritable)
        {
            return Errno.EFAULT;
        }

        Put(argument, 4, 1u);
        Put(argument, 8, 0ul - engine.Machine.PageSize);
        return Errno.Ok;
    }

    private static Errno UnmapDma(ModelContainer container, Span<byte> argument, bool isWritable)
    {
        if (U32(argument, 4) != 0)
        {
            return Errno.EINVAL;
        }

        if (!isWritable)
        {
            return Errno.EFAULT;
        }

        Errno errno = container.UnmapDma(U64(argument, 8), U64(argument, 16), out ulong unmapped);
        if (errno == Errno.Ok)
        {
            Put(argument, 16, unmapped);
        }

        return errno;
    }

    private static Errno GetAttr(ModelContainer container, Span<byte> argument, bool isWritable)
    {
        uint attribute = U32(argument, 8);
        if (U32(argument, 4) != 0 || attribute > 2)
        {
            return Errno.EINVAL;
        }

        if (!isWritable)
        {
            return Errno.EFAULT;
        }

        switch (attribute)
        {
            case 0:
                Put(argument, 16, (ulong)container.Start);
                Put(argument, 24, (ulong)(container.End - 1));
                break;
            case 1:
                Put(argument, 16, container.Count);
                break;
            default:
                Put(argument, 16, container.Stash.Cpu);
                Put(argument, 20, container.Stash.Cache);
                break;
        }

        return Errno.Ok;
    }

    private static Errno SetAttr(ModelContainer container, ReadOnlySpan<byte> argument)
    {
        if (U32(argument, 4) != 0)
        {
            return Errno.EINVAL;
        }

        return U32(argument, 8) switch
        {
            0 => container.SetGeometry(U64(argument, 16), U64(argument, 24)),
            1 => container.SetWindows(U32(argument, 16)),
            2 => container.SetStash(U32(argument, 16), U32(argument, 20)),
            _ => Errno.EINVAL,
        };
    }

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BitConverter.ToUInt32(bytes[offset..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int offset) => BitConverter.ToUInt64(bytes[offset..]);

    private static void Put(Span<byte> bytes, int offset, uint value) => BitConverter.GetBytes(value).CopyTo(bytes[offset..]);

    private static void Put(Span<byte> bytes, int offset, ulong value) => BitConverter.GetBytes(value).CopyTo(bytes[offset..]);
}
