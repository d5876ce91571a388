namespace PamuFastPath.Cli.Conform;

/// <summary>MAP_DMA and UNMAP_DMA as the shipped driver does them, with its DMA list.</summary>
internal sealed partial class DriverContainer
{
    private const int PageShift = 12;
    private const ulong PageBytes = 1UL << PageShift;
    private const ulong TranslationsMax = 100_000; // more in one call, and the recorder called it a hang
    private const long DisablesMax = 300_000;

    private ulong _translations; // of the current call
    private long _disables;

    private int Map(uint flags, ulong vaddr, ulong iova, ulong size)
    {
        uint prot = flags & 3;
        ulong end = unchecked(iova + size);
        ulong vaddrEnd = unchecked(vaddr + size);
        if (prot == 0 || (end != 0 && end < iova) || (vaddrEnd != 0 && vaddrEnd < vaddr) || size < PageBytes)
        {
            return -(int)Errno.EINVAL;
        }

        if (Find(iova, size) != null)
        {
            Domain.Causes |= Causes.ListBusy;
            return -(int)Errno.EBUSY;
        }

        ThrowIfNoWindowSize();
        if (size % WindowSize != 0)
        {
            Domain.Causes |= Causes.Remainder;
        }

        long pages = (long)(size >> PageShift);
        int result = MapWindows(vaddr, iova, pages, prot);
        if (result == 0)
        {
            Domain.Enable();
            List(vaddr, iova, size, pages, prot);
        }

        return result;
    }

    private int MapWindows(ulong vaddr, ulong iova, long pages, uint prot)
    {
        ulong size = (ulong)pages << PageShift;
        uint count = (uint)(size / WindowSize);
        for (uint i = 0; i < count; i++)
        {
            ulong at = unchecked(iova + i * WindowSize);
            if (MapWindow(unchecked(vaddr + i * WindowSize), at, prot) is var error and not 0)
            {
                int before = Domain.ValidCount;
                DisableRange(iova, pages);
                if (Domain.ValidCount != before - (int)i)
                {
                    Domain.Causes |= Causes.RolledBack;
                }

                return error;
            }
        }

        return 0;
    }

    private int MapWindow(ulong vaddr, ulong iova, uint prot)
    {
        uint index = IndexOf(iova);
        if (iova != unchecked(Start + WindowSize * index))
        {
            return -(int)Errno.EINVAL;
        }

        // It counts a window's pages in 32 bits. Of no pages at all it reads the first.
        ulong pinned = (ulong)(uint)(WindowSize >> PageShift) << PageShift;
        if (pinned == 0)
        {
            Domain.Causes |= Causes.SmallWindows;
            throw new DriverFaultException("oops");
        }

        return RecordedPlatform.TrySupply(vaddr, pinned, out ulong paddr)
            ? Domain.EnableWindow(index, paddr, WindowSize, prot, bank: -1)
            : -(int)Errno.EFAULT;
    }

    /// <summary>Puts a mapping on the list, joined with a neighbour that goes on in the same way.</summary>
    private void List(ulong vaddr, ulong iova, ulong size, long pages, uint prot)
    {
        DriverMapping? joined = null;
        if (iova != 0 && Find(iova - 1, 1) is { } below && below.Prot == prot && unchecked(below.Vaddr + below.Bytes) == vaddr)
        {
            joined = below with { Pages = below.Pages + pages };
            Mappings[IndexOf(below)] = joined;
            (iova, vaddr, pages) = (joined.Iova, joined.Vaddr, joined.Pages);
            size = joined.Bytes;
        }

        ulong end = unchecked(iova + size);
        if (end != 0 && Find(end, 1) is { } above && above.Prot == prot && above.Vaddr == unchecked(vaddr + size))
        {
            Mappings[IndexOf(above)] = new DriverMapping(iova, vaddr, above.Pages + pages, prot);
            if (joined != null)
            {
                Mappings.RemoveAt(IndexOf(joined));
            }
        }
        else if (joined == null)
        {
            Mappings.Insert(0, new DriverMapping(iova, vaddr, pages, prot));
        }
    }

    private int Unmap(ulong iova, ulong size)
    {
        long wanted = (long)(size >> PageShift);
        foreach (DriverMapping mapping in Mappings.ToList())
        {
            if (!Overlaps(mapping.Iova, mapping.Bytes, iova, size))
            {
                continue;
            }

            wanted -= Remove(mapping, iova, size);
            if (wanted == 0)
            {
                break;
            }
        }

        if (Mappings.Count == 0)
        {
            Domain.Disable();
        }

        return 0;
    }

    /// <summary>Takes the overlap with a range out of one list entry.</summary>
    /// <returns>Pages taken.</returns>
    private long Remove(DriverMapping mapping, ulong iova, ulong size)
    {
        int at = IndexOf(mapping);
        ulong end = unchecked(iova + size);
        ulong mappingEnd = unchecked(mapping.Iova + mapping.Bytes);
        if (end < iova || mappingEnd < mapping.Iova)
        {
            Domain.Causes |= Causes.EndWraps;
        }

        if (iova <= mapping.Iova && end >= mappingEnd)
        {
            DisableRange(mapping.Iova, mapping.Pages);
            Mappings.RemoveAt(at);
            return mapping.Pages;
        }

        ulong overlap = iova <= mapping.Iova ? unchecked(end - mapping.Iova) : end >= mappingEnd ? unchecked(mappingEnd - iova) : size;
        long pages = (long)(overlap >> PageShift);
        DisableRange(iova <= mapping.Iova ? mapping.Iova : iova, pages);
        if (iova <= mapping.Iova)
        {
            Mappings[at] = mapping with
            {
                Iova = unchecked(mapping.Iova + overlap),
                Vaddr = unchecked(mapping.Vaddr + overlap),
                Pages = mapping.Pages - pages,
            };
        }
        else if (end >= mappingEnd)
        {
            Mappings[at] = mapping with { Pages = mapping.Pages - pages };
        }
        else
        {
            long below = (long)((iova - mapping.Iova) >> PageShift);
            Mappings[at] = mapping with { Pages = below };
            Mappings.Insert(0, new DriverMapping(
                end, unchecked(mapping.Vaddr + ((ulong)below << PageShift) + size), mapping.Pages - pages - below, mapping.Prot));
        }

        return pages;
    }

    /// <summary>
    /// Disables every window from a range's first byte to its last. Before that the driver translates the range window by window, and
    /// counts the bytes down by whole windows: a remainder makes it go round for ever. A call that does too much of either is a hang.
    /// </summary>
    private void DisableRange(ulong iova, long pages)
    {
        ulong size = (ulong)pages << PageShift;
        ulong steps = size == 0 ? 0 : WindowSize == 0 || size % WindowSize != 0 ? TranslationsMax + 1 : size / WindowSize;
        ulong left = TranslationsMax - _translations;
        if (Domain.Windows == null && Domain.Size != 0)
        {
            for (ulong i = 0; i < Math.Min(steps, left); i++)
            {
                if (Domain.IovaToPhys(unchecked(iova + i * WindowSize)) == null)
                {
                    throw new DriverFaultException("oops");
                }
            }
        }

        if (steps > left)
        {
            throw new DriverFaultException("hang");
        }

        _translations += steps;

        int first = (int)IndexOf(iova);
        int last = (int)IndexOf(unchecked(iova + size - 1));
        _disables += Math.Max((long)last - first + 1, 0);
        if (_disables > DisablesMax)
        {
            throw new DriverFaultException("hang");
        }

        for (long index = first; index <= last; index++)
        {
            Domain.DisableWindow((uint)index, owner: 0);
        }
    }

    private DriverMapping? Find(ulong iova, ulong size) => Mappings.Find(mapping => Overlaps(mapping.Iova, mapping.Bytes, iova, size));

    private int IndexOf(DriverMapping mapping) => Mappings.FindIndex(other => ReferenceEquals(other, mapping));

    private static bool Overlaps(ulong start1, ulong size1, ulong start2, ulong size2) =>
        start1 < start2 ? start2 - start1 < size1
        : start2 < start1 ? start1 - start2 < size2
        : size1 > 0 && size2 > 0;
}
