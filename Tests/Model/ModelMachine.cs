namespace PamuFastPath.Tests.Model;

/// <summary>The machine around the model's PAMU, in plain values.</summary>
internal sealed record ModelMachine
{
    internal int MaxWindows { get; init; } = 256;

    internal int AddressBits { get; init; } = 36;

    internal uint PageSize { get; init; } = 4096;

    internal int LiodnCount { get; init; } = 0x500;

    internal uint Extension { get; init; } = 7;

    internal ulong[] BankPages { get; init; } = [0xF_FE04_4000, 0xF_FE04_5000, 0xF_FE04_6000];

    /// <summary>Cache level, cpu (null: any), id.</summary>
    internal (uint Cache, uint? Cpu, int Id)[] Stashes { get; init; } = [(3, null, 0x20)];

    /// <summary>The page source: (vaddr, length) to target, or null for EFAULT. May throw, which is EFAULT as well.</summary>
    internal Func<ulong, ulong, ulong?> Supply { get; init; } = static (vaddr, _) => vaddr;

    /// <summary>The machine of the recordings, as their README lists it.</summary>
    internal static ModelMachine Recorded(int maxWindows) => new()
    {
        MaxWindows = maxWindows,
        Extension = 2,
        Stashes =
        [
            (1, 0, 1), (1, 1, 2), (1, 2, 3), (1, 3, 3), (1, 4, 5),
            (2, 0, 0x11), (2, 1, 0x12), (2, 2, 0x13), (2, 3, 0x13), (2, 5, 0x15),
            (3, null, 0x20),
        ],
        Supply = RecordedPages,
    };

    /// <summary>Identity below 2^36, nothing from there up, and a range of swapped page pairs: no two pages contiguous.</summary>
    internal static ulong? RecordedPages(ulong vaddr, ulong length)
    {
        UInt128 end = (UInt128)vaddr + length;
        if (end > (UInt128)1 << 36)
        {
            return null;
        }

        bool isSwapped = vaddr < 0x7_1000_0000 && end > 0x7_0000_0000;
        if (!isSwapped)
        {
            return vaddr;
        }

        return length <= 4096 ? vaddr ^ 4096 : null;
    }
}
