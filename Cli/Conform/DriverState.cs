namespace PamuFastPath.Cli.Conform;

/// <summary>Between the ledger and the recorded states of the driver.</summary>
internal static class DriverState
{
    /// <summary>The first thing in which a recorded state and the ledger differ, of what a client can see; null if none.</summary>
    internal static string? VisibleDifference(DriverContainer driver, RecordedState state)
    {
        DriverDomain domain = driver.Domain;
        return (state.Start, state.Last) != (domain.Start, domain.Last) || state.Size != domain.Size ? "geometry"
            : state.Count != domain.Count || state.AreWindowsSet != (domain.Windows != null) ? "window count"
            : state.IsEnabled != domain.IsEnabled ? "enabled"
            : state.Mapped != domain.Mapped ? "mapped"
            : (state.StashCpu, state.StashCache, state.StashId) != (domain.Stash.Cpu, domain.Stash.Cache, domain.StashId) ? "stash"
            : !state.Windows.SequenceEqual(WindowsOf(domain)) ? "windows"
            : !state.Groups.SequenceEqual(driver.Groups) ? "groups"
            : null;
    }

    /// <summary>The same for what the driver keeps to itself.</summary>
    internal static string? InnerDifference(DriverMachine machine, DriverContainer driver, RecordedState state, bool areTablesKnown) =>
        (state.VfioStart, state.VfioLast) != (driver.Start, driver.Last) ? "vfio aperture"
        : state.VfioWindowSize != driver.WindowSize || state.VfioWindowCount != driver.WindowCount ? "vfio window size"
        : !state.Mappings.SequenceEqual(driver.Mappings) ? "dma_list"
        : !state.Messages.SequenceEqual(driver.Messages) ? "msi_list"
        : !state.Liodns.SequenceEqual(driver.Domain.Devices.Select(device => device.Liodn)) ? "liodns"
        : state.Desync is int desync && desync != driver.Desync ? "desync"
        : areTablesKnown && state.SecondaryUsed != machine.SecondaryUsed ? "spaact_used"
        : null;

    /// <summary>Makes the ledger what a recorded state says. What the line leaves out stays.</summary>
    /// <param name="driver">The ledger's container.</param>
    /// <param name="state">The recorded state.</param>
    /// <param name="devices">The devices named so far, by LIODN.</param>
    internal static void Seed(DriverContainer driver, RecordedState state, IReadOnlyDictionary<int, DriverDevice> devices)
    {
        DriverDomain domain = driver.Domain;
        (domain.Start, domain.Last, domain.Size) = (state.Start, state.Last, state.Size);
        (domain.Count, domain.IsEnabled, domain.Mapped) = (state.Count, state.IsEnabled, state.Mapped);
        domain.Stash = (state.StashCpu, state.StashCache);
        domain.StashMeant = domain.StashId >= 0 ? domain.Stash : domain.StashMeant;
        domain.Windows = state.AreWindowsSet ? new DriverWindow[state.Count] : null;
        foreach (RecordedWindow window in state.Windows)
        {
            if (domain.Windows != null && window.IsValid && window.Index >= 0 && window.Index < domain.Windows.Length)
            {
                int bank = RecordedPlatform.MsiPages.ToList().IndexOf(window.Paddr);
                domain.Windows[window.Index] = new DriverWindow(window.Paddr, window.Size, window.Prot, bank, IsValid: true);
            }
        }

        (driver.Start, driver.Last) = (state.VfioStart, state.VfioLast);
        (driver.WindowSize, driver.WindowCount) = (state.VfioWindowSize, state.VfioWindowCount);
        Replace(driver.Mappings, state.Mappings);
        Replace(driver.Messages, state.Messages);
        Replace(driver.Groups, state.Groups);
        Replace(domain.Devices, [.. state.Liodns.Where(devices.ContainsKey).Select(liodn => devices[liodn])]);
    }

    /// <summary>
    /// What our container should be where the driver's is; null if no container of ours can be that: a window below 4 KiB, or of a size
    /// that is no power of two or more than its slot.
    /// </summary>
    internal static AbiContainer? Target(DriverContainer driver, AbiContainer ours)
    {
        DriverDomain domain = driver.Domain;
        AbiContainer target = ours.Clone();
        target.Groups.Clear();
        target.Groups.UnionWith(driver.Groups);
        target.Stash = domain.StashMeant;
        (target.Start, target.Last, target.IsGeometrySet) = (domain.Start, domain.Last, domain.Size != 0);
        target.Count = domain.Count;
        target.Windows = null;
        if (domain.Windows == null)
        {
            return target;
        }

        target.Windows = new AbiWindow[domain.Count];
        for (int i = 0; i < domain.Windows.Length; i++)
        {
            DriverWindow window = domain.Windows[i];
            if (window.IsValid)
            {
                target.Windows[i] = new AbiWindow(window.Paddr, window.Size, window.Prot, window.Bank);
            }
        }

        return target.WindowSize >= 4096 && target.Windows.All(window => !window.IsMapped || IsPossible(window, target.WindowSize))
            ? target
            : null;
    }

    private static bool IsPossible(AbiWindow window, ulong slot) =>
        ulong.IsPow2(window.Size) && window.Size >= 4096 && window.Size <= slot
        && (window.Bank >= 0 || RecordedPlatform.TryFindVaddr(window.Target, window.Size, out _));

    private static IEnumerable<RecordedWindow> WindowsOf(DriverDomain domain)
    {
        for (int i = 0; i < (domain.Windows?.Length ?? 0); i++)
        {
            DriverWindow window = domain.Windows![i];
            if (window.IsValid)
            {
                yield return new RecordedWindow(i, IsValid: true, window.Paddr, window.Size, window.Prot);
            }
        }
    }

    private static void Replace<T>(List<T> list, IReadOnlyList<T> items)
    {
        list.Clear();
        list.AddRange(items);
    }
}
