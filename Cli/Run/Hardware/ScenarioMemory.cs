using System.IO.MemoryMappedFiles;

namespace PamuFastPath.Cli.Run.Hardware;

/// <summary>
/// Memory for a scenario that drives hardware. The <c>vaddr</c>s of a scenario are numbers; a device needs memory there. So they are offsets
/// into one sparse, zeroed, anonymous file: each MAP_DMA maps its part of that into the process, and the address where it came to lie is the
/// <c>vaddr</c> of the call. Two MAP_DMA of one <c>vaddr</c> are two addresses of the same bytes. The page source leads back, so software
/// translates to the scenario's numbers, as without hardware.
/// </summary>
/// <remarks>Not thread-safe. Disposed after the container: the hardware may reach the memory until then.</remarks>
internal sealed class ScenarioMemory : IDisposable
{
    /// <summary>Above any physical address.</summary>
    private const long Capacity = 1L << 62;

    private readonly MemoryMappedFile _file = MemoryMappedFile.CreateNew(null, Capacity);
    private readonly List<Part> _parts = [];

    /// <summary>Where in the process the memory lies that a MAP_DMA names.</summary>
    /// <param name="vaddr">The scenario's number; the address keeps its offset in the page.</param>
    /// <param name="size">Bytes.</param>
    /// <returns>
    /// The address; <paramref name="vaddr"/> if there can be no such memory. The call then refuses it by its own rules, or because
    /// <see cref="Supply"/> does not know it.
    /// </returns>
    public ulong Place(ulong vaddr, ulong size)
    {
        ulong offset = vaddr % (ulong)Environment.SystemPageSize;
        ulong start = vaddr - offset;
        if (size == 0 || start >= Capacity || size > Capacity - start)
        {
            return vaddr;
        }

        try
        {
            MemoryMappedViewAccessor view = _file.CreateViewAccessor((long)start, (long)size);
            ulong address = (ulong)view.SafeMemoryMappedViewHandle.DangerousGetHandle();
            _parts.Add(new Part(view, address, start, size));
            return address + offset;
        }
        catch (Exception none) when (none is IOException or UnauthorizedAccessException or OutOfMemoryException)
        {
            return vaddr;
        }
    }

    /// <summary>The page source (<see cref="PageSource"/>): from the process's addresses to the scenario's. Others are not supplied.</summary>
    public bool Supply(ulong vaddr, ulong length, out ulong target)
    {
        foreach (Part part in _parts)
        {
            if (vaddr >= part.Address && vaddr - part.Address < part.Size && length <= part.Size - (vaddr - part.Address))
            {
                target = part.Start + (vaddr - part.Address);
                return true;
            }
        }

        target = 0;
        return false;
    }

    public void Dispose()
    {
        _parts.ForEach(static part => part.View.Dispose());
        _file.Dispose();
    }

    private sealed record Part(MemoryMappedViewAccessor View, ulong Address, ulong Start, ulong Size);
}
