using System.Numerics;
using PamuFastPath.Diagnostics;

namespace PamuFastPath;

/// <summary>One interrupt-message bank.</summary>
/// <param name="Page">Physical address of the bank's 4 KiB page (its MSIIR alias page), page aligned.</param>
public readonly record struct MsiBank(ulong Page);

/// <summary>One place a device's data can be stashed to.</summary>
/// <param name="Cache">Cache level: 1, 2 or 3.</param>
/// <param name="Cpu">The cpu whose cache it is, or null for a cache that all share (any cpu number names it then).</param>
/// <param name="Id">The platform's stash id.</param>
public readonly record struct StashTarget(uint Cache, uint? Cpu, int Id);

/// <summary>
/// Finds what stands behind a process address: the target that a window maps. Asked once per window, inside the control call, under
/// the control lock; it must not make control calls. As in the recorded driver, it is asked before the window itself is looked at, so a call
/// may still be refused after it answered.
/// </summary>
/// <param name="vaddr">Start of the memory, page aligned (the call truncates).</param>
/// <param name="length">Bytes.</param>
/// <param name="target">The target of the first byte; the memory must be contiguous there. A multiple of 4 KiB, or the call is EFAULT.</param>
/// <returns>Whether the memory can be supplied; false makes the call EFAULT, as does an exception.</returns>
public delegate bool PageSource(ulong vaddr, ulong length, out ulong target);

/// <summary>What the machine around the PAMU is like. Immutable; one per engine.</summary>
public sealed class PamuPlatform
{
    /// <summary>The extension and IOMMU type number of the newer SDK kernels.</summary>
    public const uint DefaultPamuExtension = 7;

    /// <summary>LIODNs of the Linux primary table (0x500 entries).</summary>
    public const int DefaultLiodnCount = 0x500;

    /// <summary>Bytes of an MSI bank's page.</summary>
    public const ulong MsiPageBytes = 4096;

    /// <summary>The smallest window the hardware can translate, in bytes.</summary>
    public const ulong WindowBytesMin = 4096;

    /// <summary>Most windows a geometry can have: a power of two, 1 to 256. The P4080 rev 1 has 16, later parts 256.</summary>
    public int MaxWindows
    {
        get;
        init => field = BitOperations.IsPow2(value) && value <= TableLayout.WindowCountMax ? value : throw Bad(nameof(MaxWindows), "a power of two, 1 to 256");
    } = TableLayout.WindowCountMax;

    /// <summary>Width of physical addresses in bits, 32 to 63; the aperture before SET GEOMETRY covers them all.</summary>
    public int PhysicalAddressBits
    {
        get;
        init => field = value is >= 32 and <= 63 ? value : throw Bad(nameof(PhysicalAddressBits), "32 to 63");
    } = 36;

    /// <summary>The page size in bytes: the least that can be mapped. A power of two, 4 KiB to 1 MiB.</summary>
    public int PageSize
    {
        get;
        init => field = BitOperations.IsPow2(value) && value is >= 4096 and <= 1 << 20 ? value : throw Bad(nameof(PageSize), "a power of two, 4096 to 1048576");
    } = 4096;

    /// <summary>LIODNs are 0 to this minus one; 1 to 65,536.</summary>
    public int LiodnCount
    {
        get;
        init => field = value is >= 1 and <= 65_536 ? value : throw Bad(nameof(LiodnCount), "1 to 65536");
    } = DefaultLiodnCount;

    /// <summary>The number by which CHECK_EXTENSION and SET_IOMMU name the PAMU: 7, or 2 for the older SDK.</summary>
    public uint PamuExtension { get; init; } = DefaultPamuExtension;

    /// <summary>The MSI banks, by index. Default: the three of a P4080.</summary>
    public IReadOnlyList<MsiBank> MsiBanks { get; init => field = Checked(value); } =
        [new(0xF_FE04_4000), new(0xF_FE04_5000), new(0xF_FE04_6000)];

    /// <summary>Where devices may stash to. Default: one shared L3 with id 0x20.</summary>
    public IReadOnlyList<StashTarget> StashTargets { get; init => field = [.. value]; } = [new(3, null, 0x20)];

    /// <summary>When accesses are counted. <see cref="PamuEngine.Counting"/> can be changed later.</summary>
    public AccessCounting Counting { get; init; }

    /// <summary>Whether accesses, while they are counted, are also counted in each window. See <see cref="PamuEngine.CountsWindows"/>.</summary>
    public bool CountsWindows { get; init; }

    /// <summary>Turns <c>vaddr</c> into targets. Default: the identity.</summary>
    public PageSource PageSource { get; init; } = Identity;

    /// <summary>The page source that maps every address to itself.</summary>
    public static bool Identity(ulong vaddr, ulong length, out ulong target)
    {
        target = vaddr;
        return true;
    }

    /// <summary>The id of a stash target.</summary>
    /// <param name="cpu">Cpu number; ignored for a shared cache.</param>
    /// <param name="cache">Cache level.</param>
    /// <returns>The id, or null if there is no such cache.</returns>
    public int? FindStashId(uint cpu, uint cache)
    {
        foreach (StashTarget target in StashTargets)
        {
            if (target.Cache == cache && (target.Cpu == null || target.Cpu == cpu))
            {
                return target.Id;
            }
        }

        return null;
    }

    private static MsiBank[] Checked(IReadOnlyList<MsiBank> banks)
    {
        if (banks.Count > TableLayout.MsiBankCountMax)
        {
            throw Bad(nameof(MsiBanks), $"at most {TableLayout.MsiBankCountMax} banks");
        }

        foreach (MsiBank bank in banks)
        {
            if ((bank.Page & (MsiPageBytes - 1)) != 0)
            {
                throw Bad(nameof(MsiBanks), "a bank's page is 4 KiB aligned");
            }
        }

        return [.. banks];
    }

    private static PamuException Bad(string parameter, string rule) => new(Errno.EINVAL, parameter, rule);
}
