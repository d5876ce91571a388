namespace PamuFastPath.Tests.Mirror;

/// <summary>What hardware holds somewhere: memory at <paramref name="Address"/>, or the message page of a bank.</summary>
internal readonly record struct HeldRange(ulong Iova, ulong Size, ulong Address, DmaPermissions Permissions, int MsiBank)
{
    /// <summary>Ranges that continue each other as one: how many maps a backend makes of them is its own business.</summary>
    internal static List<HeldRange> Merge(IEnumerable<HeldRange> ranges)
    {
        var merged = new List<HeldRange>();
        foreach (HeldRange range in ranges.OrderBy(range => range.Iova))
        {
            if (merged.Count > 0 && merged[^1] is { MsiBank: < 0 } last && range.MsiBank < 0 && last.Permissions == range.Permissions
                && last.Iova + last.Size == range.Iova && last.Address + last.Size == range.Address)
            {
                merged[^1] = last with { Size = last.Size + range.Size };
            }
            else
            {
                merged.Add(range);
            }
        }

        return merged;
    }
}

/// <summary>A backend with a kernel behind it that can be looked into and made to fail: what the contract tests need of each.</summary>
internal interface IMirrorBench
{
    /// <summary>Whether message windows are held in hardware too, or in software alone.</summary>
    bool HoldsMessages { get; }

    /// <summary>Whether a window can be mapped in part.</summary>
    bool HoldsParts { get; }

    /// <summary>A mirror for a container, with hardware groups behind <paramref name="groups"/>. Called once.</summary>
    IHardwareMirror Open(PamuContainer container, IReadOnlyList<PamuGroup> groups);

    /// <summary>Makes a group, by its id, reserve an IOVA range; before <see cref="Open"/>.</summary>
    void Reserve(int group, ulong start, ulong last);

    /// <summary>What the hardware holds now, as its kernel knows it.</summary>
    IEnumerable<HeldRange> Held();

    /// <summary>How many groups are in the hardware now.</summary>
    int GroupsHeld { get; }

    /// <summary>The n-th call to the kernel from now fails (1 is the next; 0 is none), and with <paramref name="goesOn"/> all after it.</summary>
    void FailAt(int call, bool goesOn = false);

    /// <summary>Whether a call has failed since.</summary>
    bool HasFailed { get; }

    /// <summary>The errno it failed with.</summary>
    Errno Injected { get; }

    /// <summary>Whether the mirror has closed what it opened.</summary>
    bool IsClosed { get; }

    /// <summary>Real descriptors that are open besides the container's and one for each group in it; 0 where descriptors are none of the bench.</summary>
    int SpareDescriptors => 0;

    /// <summary>Breaches of the contract that the hardware has seen.</summary>
    IEnumerable<string> Violations { get; }
}
