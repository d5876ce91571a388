using System.Numerics;

namespace PamuFastPath.Cli.Conform;

/// <summary>One window of the driver's array. Fields of a window that is not valid are what the last attempt left there.</summary>
/// <param name="Paddr">Physical address.</param>
/// <param name="Size">Mapped bytes.</param>
/// <param name="Prot">1 read, 2 write.</param>
/// <param name="Bank">The MSI bank it was mapped for, or -1; the driver itself does not remember.</param>
/// <param name="IsValid">Whether it is mapped.</param>
internal readonly record struct DriverWindow(ulong Paddr, ulong Size, uint Prot, int Bank, bool IsValid);

/// <summary>A device entry on a domain: one per LIODN, newest first.</summary>
internal readonly record struct DriverDevice(int Group, int Index, int Liodn);

/// <summary>The lower half of the shipped driver: one IOMMU domain, as far as answers and windows depend on it.</summary>
internal sealed class DriverDomain
{
    private const ulong PageBytes = 4096;
    private const int ENOENT = -2; // no errno of ours

    private readonly DriverTables _tables;
    private readonly uint _windowsMax;

    internal DriverDomain(DriverTables tables, uint windowsMax)
    {
        _tables = tables;
        _windowsMax = windowsMax;
        Count = windowsMax;
    }

    internal ulong Start { get; set; }

    internal ulong Last { get; set; } = (1UL << 36) - 1;

    /// <summary>0 until the geometry is set.</summary>
    internal ulong Size { get; set; }

    internal uint Count { get; set; }

    /// <summary>Null until the window count is set.</summary>
    internal DriverWindow[]? Windows { get; set; }

    internal bool IsEnabled { get; set; }

    /// <summary>The driver's own counter, which it forgets to reset.</summary>
    internal int Mapped { get; set; }

    /// <summary>The values of the last SET STASH, refused ones too.</summary>
    internal (uint Cpu, uint Cache) Stash { get; set; }

    /// <summary>The last of them that name a cache.</summary>
    internal (uint Cpu, uint Cache) StashMeant { get; set; }

    internal int StashId => RecordedPlatform.StashId(Stash.Cpu, Stash.Cache);

    internal List<DriverDevice> Devices { get; private init; } = [];

    /// <summary>What made the current operation go other ways than the ABI page.</summary>
    internal Causes Causes { get; set; }

    internal ulong WindowSize => Size / Count;

    internal int ValidCount => Windows?.Count(window => window.IsValid) ?? 0;

    internal DriverDomain Clone(DriverTables itsTables) => new(itsTables, _windowsMax)
    {
        Start = Start,
        Last = Last,
        Size = Size,
        Count = Count,
        Windows = (DriverWindow[]?)Windows?.Clone(),
        IsEnabled = IsEnabled,
        Mapped = Mapped,
        Stash = Stash,
        StashMeant = StashMeant,
        Devices = [.. Devices],
    };

    internal bool TrySetGeometry(ulong start, ulong last)
    {
        ulong size = unchecked(last - start + 1);
        if (!BitOperations.IsPow2(size) || size < PageBytes || (start & (size - 1)) != 0 || IsEnabled)
        {
            return false;
        }

        (Start, Last, Size) = (start, last, size);
        return true;
    }

    internal bool TrySetWindows(uint count)
    {
        if (IsEnabled || Size == 0 || count > _windowsMax || !BitOperations.IsPow2(count))
        {
            return false;
        }

        foreach (DriverDevice device in Devices)
        {
            if (Program(device.Liodn, count) != 0)
            {
                return false;
            }
        }

        Windows = new DriverWindow[count];
        Count = count;
        return true;
    }

    internal int EnableWindow(uint index, ulong paddr, ulong size, uint prot, int bank)
    {
        if (Windows == null)
        {
            return -(int)Errno.ENODEV;
        }

        if (index >= Count || size > WindowSize)
        {
            return -(int)Errno.EINVAL;
        }

        if (Count == 1)
        {
            if (IsEnabled)
            {
                return -(int)Errno.EBUSY;
            }

            if (!IsTableSize(size) || (Start & (size - 1)) != 0)
            {
                return -(int)Errno.EINVAL;
            }
        }

        if (Windows[index].IsValid)
        {
            return -(int)Errno.EBUSY;
        }

        var window = new DriverWindow(paddr, size, prot, bank, IsValid: false);
        Windows[index] = window;
        foreach (DriverDevice device in Devices)
        {
            if (ProgramWindow(device.Liodn, index, window) is var error and not 0)
            {
                return error;
            }
        }

        Windows[index] = window with { IsValid = true };
        Mapped++;
        return 0;
    }

    /// <summary>Disables a window if it is there and mapped. A device whose entry cannot be found keeps the window valid.</summary>
    /// <param name="index">The window.</param>
    /// <param name="owner">For which use: 0 DMA, 1 MSI. Disabling another's window is a cause.</param>
    internal void DisableWindow(uint index, int owner)
    {
        if (Windows == null || index >= Count || !Windows[index].IsValid)
        {
            return;
        }

        bool done = true;
        foreach (DriverDevice device in Devices)
        {
            if (Count == 1 && IsEnabled)
            {
                _tables.SetValid(device.Liodn, isValid: false);
                IsEnabled = false;
                done = true;
            }
            else
            {
                done = index == 0 || index - 1 < _tables[device.Liodn].SubWindows;
                if (done)
                {
                    _tables.Deny(device.Liodn, index);
                }
            }
        }

        if (!done)
        {
            Causes |= Causes.TableEntries;
            return;
        }

        if (owner != (Windows[index].Bank >= 0 ? 1 : 0))
        {
            Causes |= Causes.OtherOwner;
        }

        Windows[index] = Windows[index] with { IsValid = false };
        Mapped--;
    }

    /// <summary>Enabling without a mapped window is refused, and nobody looks.</summary>
    internal void Enable()
    {
        if (Mapped != 0)
        {
            IsEnabled = true;
            SetValid(true);
        }
    }

    internal void Disable()
    {
        IsEnabled = false;
        SetValid(false);
    }

    internal int SetStash(uint cpu, uint cache)
    {
        Stash = (cpu, cache);
        if (!RecordedPlatform.HasStash(cpu, cache))
        {
            return -(int)Errno.EINVAL;
        }

        StashMeant = Stash;

        // Every window's entry is looked for, beginning with the primary one, the window before a LIODN's first programming too.
        if (Devices.Any(device => Count >= _tables[device.Liodn].SubWindows + 2))
        {
            Causes |= Causes.TableEntries;
            return ENOENT;
        }

        return 0;
    }

    /// <summary>A failure leaves what was attached before it on the domain.</summary>
    internal int Attach(int group, IReadOnlyList<IReadOnlyList<int>> devices)
    {
        for (int index = 0; index < devices.Count; index++)
        {
            if (devices[index].Count == 0)
            {
                return -(int)Errno.EINVAL;
            }

            foreach (int liodn in devices[index])
            {
                if (AttachLiodn(group, index, liodn) is var error and not 0)
                {
                    return error;
                }
            }
        }

        return 0;
    }

    internal void Detach(int group)
    {
        foreach (DriverDevice device in Devices.Where(device => device.Group == group).OrderBy(device => device.Index).ToList())
        {
            Devices.Remove(device);
            if (Count > 1)
            {
                _tables.Free(device.Liodn);
            }

            _tables.SetValid(device.Liodn, isValid: false);
        }
    }

    /// <summary>The driver's address query; null if it would follow a bad pointer.</summary>
    internal ulong? IovaToPhys(ulong iova)
    {
        if (iova < Start || iova > Last || Size == 0)
        {
            return 0;
        }

        if (Windows == null)
        {
            return null;
        }

        ulong index = Count > 1 ? ((iova & ~(WindowSize - 1)) - Start) / WindowSize : 0;
        DriverWindow window = Windows[index];
        return window.IsValid ? window.Paddr + (iova & (window.Size - 1)) : 0;
    }

    private int AttachLiodn(int group, int index, int liodn)
    {
        if (liodn >= RecordedPlatform.LiodnCount)
        {
            return -(int)Errno.EINVAL;
        }

        Devices.Insert(0, new DriverDevice(group, index, liodn));
        if (Windows == null)
        {
            return 0;
        }

        if (Program(liodn, Count) is var error and not 0)
        {
            return error;
        }

        return Mapped != 0 ? ProgramMapped(liodn) : 0;
    }

    /// <summary>Gives a LIODN its geometry: with more than one window, a run of secondary entries besides the primary one.</summary>
    private int Program(int liodn, uint count)
    {
        PrimaryEntry entry = _tables[liodn] with { IsValid = false };
        if (count == 1)
        {
            _tables[liodn] = entry.Single(Start, Size, default);
            return 0;
        }

        entry = entry with { Base = Start, Size = Size };
        if (!_tables.TryAllocate((int)count - 1, out int first))
        {
            _tables[liodn] = entry;
            Causes |= Causes.TableEntries | Causes.TableFull;
            return -(int)Errno.EINVAL;
        }

        _tables[liodn] = entry with { HasSubWindows = true, SubWindows = count, First = first };
        _tables.Deny(liodn, 0);
        if (Size / count < PageBytes)
        {
            Causes |= Causes.SmallWindows;
            return -(int)Errno.EINVAL;
        }

        for (uint i = 0; i < count; i++)
        {
            _tables.Write(liodn, i, new TableWindow(false, 0, Size / count, 0));
        }

        return 0;
    }

    /// <summary>Gives a newly attached LIODN the windows that are mapped, or are thought to be.</summary>
    private int ProgramMapped(int liodn)
    {
        if (ValidCount == 0)
        {
            Causes |= Causes.StaleMapped;
        }

        if (Count == 1)
        {
            DriverWindow window = Windows![0];
            bool isPossible = IsTableSize(window.Size) && (Start & (window.Size - 1)) == 0;
            return isPossible ? ProgramWindow(liodn, 0, window) : -(int)Errno.EINVAL;
        }

        for (uint i = 0; i < Count; i++)
        {
            if (Windows![i].IsValid && ProgramWindow(liodn, i, Windows[i]) is var error and not 0)
            {
                return error;
            }
        }

        return 0;
    }

    private int ProgramWindow(int liodn, uint index, DriverWindow window)
    {
        var entry = new TableWindow(true, window.Paddr & ~(PageBytes - 1), window.Size, window.Prot);
        if (Count == 1)
        {
            _tables[liodn] = _tables[liodn].Single(Start, window.Size, entry);
            return 0;
        }

        if (index > 0 && index - 1 >= _tables[liodn].SubWindows)
        {
            Causes |= Causes.TableEntries;
            return ENOENT;
        }

        if (!IsTableSize(window.Size))
        {
            Causes |= Causes.SmallWindows;
            return -(int)Errno.EINVAL;
        }

        _tables.Write(liodn, index, entry);
        return 0;
    }

    private void SetValid(bool isValid)
    {
        foreach (DriverDevice device in Devices)
        {
            _tables.SetValid(device.Liodn, isValid);
        }
    }

    private static bool IsTableSize(ulong size) => BitOperations.IsPow2(size) && size >= PageBytes;
}
