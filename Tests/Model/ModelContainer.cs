using System.Numerics;

namespace PamuFastPath.Tests.Model;

/// <summary>What one window is configured to do; <paramref name="Bank"/> is -1 for DMA.</summary>
internal sealed record ModelWindow(ulong Target, ulong Size, DmaPermissions Permissions, int Bank)
{
    internal bool IsDma => Bank < 0;
}

/// <summary>
/// A container, as the ABI page and the recordings describe it: values, arrays and loops. Addresses are 128 bits wide, so that nothing
/// wraps unless a rule says so. It shares no code with the engine on purpose.
/// </summary>
internal sealed class ModelContainer
{
    internal static readonly UInt128 AddressSpace = (UInt128)1 << 64;

    private const int WindowBytesMin = 4096;
    private const uint ReadWrite = 3;

    private readonly ModelMachine _machine;

    internal ModelContainer(ModelMachine machine, int fd)
    {
        _machine = machine;
        Fd = fd;
        Size = (UInt128)1 << machine.AddressBits;
        Count = (uint)machine.MaxWindows;
        WindowSize = Size / Count;
    }

    internal int Fd { get; }

    internal UInt128 Start { get; private set; }

    internal UInt128 Size { get; private set; }

    internal uint Count { get; private set; }

    internal bool IsGeometrySet { get; private set; }

    internal bool IsCountSet { get; private set; }

    /// <summary>One entry per window once the count is set, none before; null is an empty window.</summary>
    internal ModelWindow?[] Windows { get; private set; } = [];

    internal (uint Cpu, uint Cache) Stash { get; private set; }

    internal List<ModelGroup> Groups { get; private set; } = [];

    internal bool IsIommuSet { get; private set; }

    internal UInt128 End => Start + Size;

    internal UInt128 WindowSize { get; private set; }

    /// <summary>The driver's "enabled": some DMA mapping exists.</summary>
    internal bool IsEnabled => Array.Exists(Windows, window => window != null && window.IsDma);

    /// <summary>The same by itself, with no group yet.</summary>
    internal ModelContainer Copy()
    {
        var copy = (ModelContainer)MemberwiseClone();
        copy.Windows = (ModelWindow?[])Windows.Clone();
        copy.Groups = [];
        return copy;
    }

    /// <summary>Whether something a device could do in <paramref name="before"/> it cannot do here, or elsewhere.</summary>
    internal bool HasLess(ModelContainer before)
    {
        bool sameGrid = (Start, Size, Count) == (before.Start, before.Size, before.Count);
        for (int i = 0; i < before.Windows.Length; i++)
        {
            if (before.Windows[i] is not ModelWindow old || !before.IsLive(old))
            {
                continue;
            }

            ModelWindow? now = sameGrid && i < Windows.Length ? Windows[i] : null;
            bool isCovered = now != null && IsLive(now) && now.Target == old.Target && now.Bank == old.Bank
                && now.Size >= old.Size && (now.Permissions & old.Permissions) == old.Permissions;
            if (!isCovered)
            {
                return true;
            }
        }

        return before.Groups.Exists(group => !Groups.Exists(mine => mine.Id == group.Id));
    }

    internal UInt128 StartOf(int index) => Start + (UInt128)index * WindowSize;

    internal bool IsLive(ModelWindow window) => window.IsDma || Groups.Exists(group => group.Banks.Contains(window.Bank));

    internal Errno SetIommu(ulong type)
    {
        if (IsIommuSet)
        {
            return Errno.EINVAL;
        }

        if (type != _machine.Extension)
        {
            return Errno.ENODEV;
        }

        IsIommuSet = true;
        return Errno.Ok;
    }

    internal Errno SetGeometry(ulong start, ulong last)
    {
        if (last < start)
        {
            return Errno.EINVAL;
        }

        UInt128 size = (UInt128)last - start + 1;
        bool isShape = UInt128.IsPow2(size) && size >= WindowBytesMin && size < AddressSpace && start % size == 0;
        if (!isShape)
        {
            return Errno.EINVAL;
        }

        if (IsEnabled)
        {
            return Errno.EBUSY;
        }

        if (IsCountSet && size / Count < WindowBytesMin)
        {
            return Errno.EINVAL;
        }

        Start = start;
        Size = size;
        WindowSize = size / Count;
        IsGeometrySet = true;
        Windows = new ModelWindow?[IsCountSet ? Count : 0];
        return Errno.Ok;
    }

    internal Errno SetWindows(uint count)
    {
        if (count is 0 or > 256)
        {
            return Errno.EINVAL;
        }

        if (IsEnabled)
        {
            return Errno.EBUSY;
        }

        if (!IsGeometrySet || count > _machine.MaxWindows || !BitOperations.IsPow2(count) || Size / count < WindowBytesMin)
        {
            return Errno.EINVAL;
        }

        Count = count;
        WindowSize = Size / count;
        IsCountSet = true;
        Windows = new ModelWindow?[count];
        return Errno.Ok;
    }

    internal Errno SetStash(uint cpu, uint cache)
    {
        bool exists = _machine.Stashes.Any(stash => stash.Cache == cache && (stash.Cpu == null || stash.Cpu == cpu));
        if (!exists)
        {
            return Errno.EINVAL;
        }

        Stash = (cpu, cache);
        return Errno.Ok;
    }

    internal Errno MapDma(ulong vaddr, ulong iova, ulong size, uint flags)
    {
        bool fits = (UInt128)iova + size <= AddressSpace && (UInt128)vaddr + size <= AddressSpace;
        if (!AreFlags(flags) || !fits || size < _machine.PageSize)
        {
            return Errno.EINVAL;
        }

        if (DmaWindowsIn(iova, size).Count > 0)
        {
            return Errno.EBUSY;
        }

        if (!IsCountSet)
        {
            return Errno.ENODEV;
        }

        // On a copy: a failed call changes nothing.
        var windows = (ModelWindow?[])Windows.Clone();
        ulong page = vaddr - vaddr % _machine.PageSize;
        for (UInt128 done = 0; done < size; done += WindowSize)
        {
            UInt128 piece = UInt128.Min(WindowSize, size - done);
            Errno errno = MapWindow(windows, (ulong)(page + done), iova + done, piece, isOnly: piece == size, flags);
            if (errno != Errno.Ok)
            {
                return errno;
            }
        }

        Windows = windows;
        return Errno.Ok;
    }

    internal Errno UnmapDma(ulong iova, ulong size, out ulong unmapped)
    {
        unmapped = 0;
        List<int> hit = DmaWindowsIn(iova, size);
        if (hit.Count == 0)
        {
            return Errno.Ok;
        }

        UInt128 end = (UInt128)iova + size;
        bool splits = hit.Exists(index => StartOf(index) < iova || StartOf(index) + Windows[index]!.Size > end);
        if (splits || end > AddressSpace)
        {
            return Errno.EINVAL;
        }

        foreach (int index in hit)
        {
            unmapped += Windows[index]!.Size;
            Windows[index] = null;
        }

        return Errno.Ok;
    }

    internal Errno MapMsiBank(uint bank, ulong iova, uint flags)
    {
        if (!AreFlags(flags))
        {
            return Errno.EINVAL;
        }

        if (bank >= _machine.BankPages.Length || !IsCountSet)
        {
            return Errno.ENODEV;
        }

        if (WindowStartingAt(iova) is not int index)
        {
            return Errno.EINVAL;
        }

        if (Windows[index] != null)
        {
            return Errno.EBUSY;
        }

        Windows[index] = new ModelWindow(_machine.BankPages[bank], 4096, (DmaPermissions)flags, (int)bank);
        return Errno.Ok;
    }

    internal Errno UnmapMsiBank(ulong iova)
    {
        if (WindowStartingAt(iova) is not int index || Windows[index] == null || Windows[index]!.IsDma)
        {
            return Errno.EINVAL;
        }

        Windows[index] = null;
        return Errno.Ok;
    }

    /// <summary>The configured windows, as the control query lists them.</summary>
    internal List<PamuWindow> List()
    {
        var list = new List<PamuWindow>();
        for (int i = 0; i < Windows.Length; i++)
        {
            if (Windows[i] is ModelWindow window)
            {
                list.Add(new PamuWindow(
                    i, IsLive(window), (ulong)StartOf(i), window.Target, window.Size, window.Permissions, window.Bank));
            }
        }

        return list;
    }

    private static bool AreFlags(uint flags) => flags is > 0 and <= ReadWrite;

    /// <summary>One window of a MAP_DMA, in the recorded order of checks.</summary>
    private Errno MapWindow(ModelWindow?[] windows, ulong vaddr, UInt128 iova, UInt128 piece, bool isOnly, uint flags)
    {
        bool isOnGrid = iova >= Start && (iova - Start) % WindowSize == 0 && (iova - Start) / WindowSize <= uint.MaxValue;
        bool isSize = piece == WindowSize || (isOnly && UInt128.IsPow2(piece));
        if (!isOnGrid || !isSize)
        {
            return Errno.EINVAL;
        }

        if (TargetOf(vaddr, (ulong)piece) is not ulong target)
        {
            return Errno.EFAULT;
        }

        UInt128 index = (iova - Start) / WindowSize;
        if (index >= Count)
        {
            return Errno.EINVAL;
        }

        if (windows[(int)index] != null)
        {
            return Errno.EBUSY;
        }

        windows[(int)index] = new ModelWindow(target, (ulong)piece, (DmaPermissions)flags, Bank: -1);
        return Errno.Ok;
    }

    private ulong? TargetOf(ulong vaddr, ulong length)
    {
        try
        {
            return _machine.Supply(vaddr, length) is ulong target && target % 4096 == 0 ? target : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private List<int> DmaWindowsIn(ulong iova, ulong size)
    {
        var hit = new List<int>();
        for (int i = 0; i < Windows.Length; i++)
        {
            UInt128 start = StartOf(i);
            if (size > 0 && Windows[i] is { IsDma: true } window && start < (UInt128)iova + size && start + window.Size > iova)
            {
                hit.Add(i);
            }
        }

        return hit;
    }

    private int? WindowStartingAt(ulong iova)
    {
        for (int i = 0; i < Windows.Length; i++)
        {
            if (StartOf(i) == iova)
            {
                return i;
            }
        }

        return null;
    }
}
