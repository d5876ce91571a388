using System.Runtime.InteropServices;

namespace PamuFastPath.Interop;

/// <summary>
/// The calls of the VFIO-PAMU driver, each with the look afterwards that the driver does not take: SET_ATTR answers 0 whatever happened, so the
/// attribute is read back; a GET_ATTR that fails answers 0 too and leaves the structure alone, so that holds something else before. MAP_MSI_BANK,
/// UNMAP_MSI_BANK and the stash target cannot be read back.
/// </summary>
internal sealed class PamuCalls(IVfioKernel kernel)
{
    private const ulong Poison = 0xA5A5_A5A5_A5A5_A5A5; // no geometry ends where it starts, and no window count is 0xA5A5A5A5

    private const uint WindowsMax = 256; // of any PAMU

    /// <summary>SET_ATTR GEOMETRY. The driver refuses it while the domain is enabled.</summary>
    internal Refusal SetGeometry(ulong start, ulong last)
    {
        VfioPamuAttr attr = New(PamuAttr.Geometry);
        (attr.ApertureStart, attr.ApertureEnd) = (start, last);
        Refusal refusal = Set(ref attr);
        refusal = refusal.IsRefused ? refusal : Get(PamuAttr.Geometry, out attr);
        return refusal.IsRefused || (attr.ApertureStart, attr.ApertureEnd) == (start, last)
            ? refusal
            : new Refusal(Errno.EINVAL, "aperture", $"the kernel takes 0x{start:x}-0x{last:x}; it answered success and did not");
    }

    /// <summary>SET_ATTR WINDOWS. The count has to differ from what the kernel has, or the reading back tells nothing.</summary>
    internal Refusal SetWindows(uint count)
    {
        VfioPamuAttr attr = New(PamuAttr.Windows);
        attr.Windows = count;
        Refusal refusal = Set(ref attr);
        refusal = refusal.IsRefused ? refusal : GetWindows(out attr.Windows);
        return refusal.IsRefused || attr.Windows == count
            ? refusal
            : new Refusal(
                Errno.ENOMEM,
                "windows",
                $"the PAMU's secondary table has {count - 1} free entries in a row for each LIODN; the kernel answered success and found none");
    }

    /// <summary>GET_ATTR WINDOWS: the most the machine can do, before a count is set.</summary>
    internal Refusal GetWindows(out uint count)
    {
        Refusal refusal = Get(PamuAttr.Windows, out VfioPamuAttr attr);
        count = attr.Windows;
        return refusal.IsRefused || (uint.IsPow2(count) && count <= WindowsMax)
            ? refusal
            : new Refusal(Errno.ENODEV, "iommu", "the kernel's IOMMU is a PAMU and says how many windows it has");
    }

    internal Refusal SetStash(uint cpu, uint cache)
    {
        VfioPamuAttr attr = New(PamuAttr.Stash);
        (attr.StashCpu, attr.StashCache) = (cpu, cache);
        return Set(ref attr);
    }

    internal Refusal GetMsiBankCount(out int count)
    {
        long result = kernel.Ioctl(PamuRequests.PamuGetMsiBankCount);
        count = (int)Math.Clamp(result, 0, int.MaxValue);
        return result < 0 ? VfioMirror.Refused(result, "msi_bank_index", "the kernel says how many MSI banks there are") : Refusal.None;
    }

    /// <summary>MAP_DMA: answers truly. Refused, it disables every window from the first byte to the last, whoever mapped it.</summary>
    internal long MapDma(ulong vaddr, ulong iova, ulong size, DmaPermissions permissions)
    {
        var argument = new VfioDmaMap { Argsz = VfioDmaMap.Bytes, Flags = (uint)permissions, Vaddr = vaddr, Iova = iova, Size = size };
        return Call(PamuRequests.IommuMapDma, ref argument);
    }

    /// <summary>UNMAP_DMA. Never returns for part of a window, or for an entry of the list that is not whole windows.</summary>
    internal long UnmapDma(ulong iova, ulong size)
    {
        var argument = new VfioDmaUnmap { Argsz = VfioDmaUnmap.Bytes, Iova = iova, Size = size };
        return Call(PamuRequests.IommuUnmapDma, ref argument);
    }

    internal long MapMsiBank(int bank, ulong iova, DmaPermissions permissions)
    {
        var argument = new VfioPamuMsiBankMap { Argsz = VfioPamuMsiBankMap.Bytes, Flags = (uint)permissions, Bank = (uint)bank, Iova = iova };
        return Call(PamuRequests.PamuMapMsiBank, ref argument);
    }

    internal long UnmapMsiBank(ulong iova)
    {
        var argument = new VfioPamuMsiBankUnmap { Argsz = VfioPamuMsiBankUnmap.Bytes, Iova = iova };
        return Call(PamuRequests.PamuUnmapMsiBank, ref argument);
    }

    private static VfioPamuAttr New(PamuAttr attribute) => new() { Argsz = VfioPamuAttr.Bytes, Attribute = attribute };

    private Refusal Set(ref VfioPamuAttr attr)
    {
        PamuAttr attribute = attr.Attribute;
        long result = Call(PamuRequests.PamuSetAttr, ref attr);
        return result < 0 ? VfioMirror.Refused(result, "attribute", $"the kernel sets the {attribute}") : Refusal.None;
    }

    private Refusal Get(PamuAttr attribute, out VfioPamuAttr attr)
    {
        attr = New(attribute);
        (attr.ApertureStart, attr.ApertureEnd) = (Poison, Poison);
        long result = Call(PamuRequests.PamuGetAttr, ref attr);
        return result < 0 ? VfioMirror.Refused(result, "attribute", $"the kernel says what the {attribute} is") : Refusal.None;
    }

    private long Call<T>(uint request, ref T argument)
        where T : unmanaged => kernel.Ioctl(request, MemoryMarshal.AsBytes(new Span<T>(ref argument)));
}
