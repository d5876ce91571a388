// struct pamu_platform, and what it describes.
//
// Unsafe: reads the caller's struct and arrays, inside pamu_engine_create() only.

using System.Runtime.InteropServices;

namespace PamuFastPath.Native;

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativePlatform
{
    /// <summary>More than any platform has: a count beyond it is a mistake that must not be read.</summary>
    private const uint StashTargetsMax = 65_536;

    internal uint Size;
    private readonly uint _maxWindows;
    private readonly uint _physicalAddressBits;
    private readonly uint _pageSize;
    private readonly uint _liodnCount;
    private readonly uint _pamuExtension;
    private readonly ulong* _msiPages;
    private readonly NativeStashTarget* _stashTargets;
    private readonly uint _msiPageCount;
    private readonly uint _stashTargetCount;
    private readonly delegate* unmanaged[Cdecl]<void*, ulong, ulong, ulong*, int> _pageSource;
    private readonly void* _pageSourceContext;

    /// <summary>What the caller described.</summary>
    /// <exception cref="PamuException">EINVAL: a field. EFAULT: an array.</exception>
    internal static PamuPlatform Read(NativePlatform* given)
    {
        if (given == null)
        {
            return new PamuPlatform();
        }

        if (given->Size < sizeof(NativePlatform))
        {
            throw new PamuException(Errno.EINVAL, "size", "at least the bytes of struct pamu_platform");
        }

        return given->ToPlatform();
    }

    private readonly PamuPlatform ToPlatform()
    {
        var defaults = new PamuPlatform();
        return new PamuPlatform
        {
            MaxWindows = Clamp(_maxWindows),
            PhysicalAddressBits = Clamp(_physicalAddressBits),
            PageSize = Clamp(_pageSize),
            LiodnCount = Clamp(_liodnCount),
            PamuExtension = _pamuExtension,
            MsiBanks = _msiPages == null && _msiPageCount == 0 ? defaults.MsiBanks : ReadBanks(),
            StashTargets = _stashTargets == null && _stashTargetCount == 0 ? defaults.StashTargets : ReadStashTargets(),
            PageSource = _pageSource == null ? PamuPlatform.Identity : new NativeAddressSource(_pageSource, _pageSourceContext).Find,
        };
    }

    /// <summary>A number too large for an int is too large for every field, too.</summary>
    private static int Clamp(uint value) => (int)Math.Min(value, int.MaxValue);

    private readonly MsiBank[] ReadBanks()
    {
        if (_msiPageCount > TableLayout.MsiBankCountMax)
        {
            throw new PamuException(Errno.EINVAL, "msi_page_count", $"at most {TableLayout.MsiBankCountMax}");
        }

        return Array.ConvertAll(NativeArray.Copy(_msiPages, _msiPageCount, "msi_pages"), page => new MsiBank(page));
    }

    private readonly StashTarget[] ReadStashTargets()
    {
        if (_stashTargetCount > StashTargetsMax)
        {
            throw new PamuException(Errno.EINVAL, "stash_target_count", $"at most {StashTargetsMax}");
        }

        return Array.ConvertAll(NativeArray.Copy(_stashTargets, _stashTargetCount, "stash_targets"), target => target.ToTarget());
    }
}

/// <summary>struct pamu_stash_target.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct NativeStashTarget
{
    private readonly uint _cache;
    private readonly int _cpu;
    private readonly int _id;

    internal StashTarget ToTarget() => _cache is >= 1 and <= 3 && _cpu >= -1
        ? new StashTarget(_cache, _cpu < 0 ? null : (uint)_cpu, _id)
        : throw new PamuException(Errno.EINVAL, "stash_targets", "a cache level of 1 to 3, and a cpu number or -1");
}

/// <summary>A function in C that turns an address into another, or refuses: a page source, or where memory moved.</summary>
internal sealed unsafe class NativeAddressSource(delegate* unmanaged[Cdecl]<void*, ulong, ulong, ulong*, int> source, void* context)
{
    internal bool Find(ulong vaddr, ulong length, out ulong found)
    {
        ulong answer = 0;
        bool isFound = source(context, vaddr, length, &answer) == 0;
        found = answer;
        return isFound;
    }
}

internal static unsafe class NativeArray
{
    /// <summary>Copies a caller's array.</summary>
    /// <exception cref="PamuException">EFAULT: it is null and should not be.</exception>
    internal static T[] Copy<T>(T* array, nuint count, string parameter)
        where T : unmanaged =>
        array != null || count == 0
            ? new ReadOnlySpan<T>(array, (int)count).ToArray()
            : throw new PamuException(Errno.EFAULT, parameter, "not null");
}
