namespace PamuFastPath.Cli.Conform;

/// <summary>The machine the recordings were made on: MSI banks, stash ids and the memory behind <c>vaddr</c>.</summary>
public static class RecordedPlatform
{
    /// <summary>The extension number of the recorded driver.</summary>
    public const uint PamuExtension = 2;

    /// <summary>Entries of the primary table: the first LIODN that is out of range.</summary>
    public const int LiodnCount = 0x500;

    private const ulong PageBytes = 4096;
    private const ulong MemoryEnd = 1UL << 36;
    private const ulong SwappedStart = 0x7_0000_0000;
    private const ulong SwappedEnd = 0x7_1000_0000;

    /// <summary>Pages of the MSI banks, by index.</summary>
    public static IReadOnlyList<ulong> MsiPages { get; } = [0xF_FE04_4000, 0xF_FE04_5000, 0xF_FE04_6000];

    private static StashTarget[] StashTargets { get; } =
    [
        new(1, 0, 1), new(1, 1, 2), new(1, 2, 3), new(1, 3, 3), new(1, 4, 5),
        new(2, 0, 0x11), new(2, 1, 0x12), new(2, 2, 0x13), new(2, 3, 0x13), new(2, 5, 0x15),
        new(3, null, 0x20),
    ];

    /// <summary>The platform with its window limit as the recording's <c>begin</c> line gives it.</summary>
    public static PamuPlatform Create(int maxWindows) => new()
    {
        MaxWindows = maxWindows,
        LiodnCount = LiodnCount,
        PamuExtension = PamuExtension,
        MsiBanks = [.. MsiPages.Select(page => new MsiBank(page))],
        StashTargets = StashTargets,
        PageSource = TrySupply,
    };

    /// <summary>Whether the platform has a cache to stash to.</summary>
    public static bool HasStash(uint cpu, uint cache) => StashId(cpu, cache) >= 0;

    /// <summary>The number of the cache to stash to; -1 if the platform has none.</summary>
    public static int StashId(uint cpu, uint cache) => StashTargets
        .Where(target => target.Cache == cache && (target.Cpu == null || target.Cpu == cpu))
        .Select(target => target.Id)
        .DefaultIfEmpty(-1)
        .First();

    /// <summary>
    /// The recorded page source: the identity below 2^36, nothing above, and one region whose neighbouring pages are swapped, so that it
    /// is contiguous for single pages only.
    /// </summary>
    public static bool TrySupply(ulong vaddr, ulong length, out ulong target)
    {
        target = vaddr & ~(PageBytes - 1);
        if (target >= MemoryEnd || length > MemoryEnd - target)
        {
            return false;
        }

        if (target < SwappedEnd && target + length > SwappedStart)
        {
            target ^= PageBytes;
            return length <= PageBytes;
        }

        return true;
    }

    /// <summary>Finds a <c>vaddr</c> behind which the page source has a given target.</summary>
    public static bool TryFindVaddr(ulong target, ulong length, out ulong vaddr)
    {
        vaddr = target is >= SwappedStart and < SwappedEnd ? target ^ PageBytes : target;
        return TrySupply(vaddr, length, out ulong supplied) && supplied == target;
    }
}
