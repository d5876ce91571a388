namespace PamuFastPath.Cli.Conform;

/// <summary>
/// What the shipped driver keeps for the whole machine and its refusals depend on: the sub-window fields of each LIODN's primary entry,
/// and which entries of the secondary table are taken.
/// </summary>
internal sealed class DriverTables
{
    private const int SecondaryEntries = 0x800;

    private readonly Dictionary<int, PrimaryEntry> _primary = [];
    private readonly bool[] _taken = new bool[SecondaryEntries];

    internal int SecondaryUsed => _taken.Count(taken => taken);

    /// <summary>The sub-window fields of a LIODN. Zeroed at boot, which the driver reads as two sub-windows.</summary>
    internal PrimaryEntry this[int liodn]
    {
        get => _primary.GetValueOrDefault(liodn, PrimaryEntry.Boot);
        set => _primary[liodn] = value;
    }

    internal DriverTables Clone()
    {
        var clone = new DriverTables();
        _taken.CopyTo(clone._taken, 0);
        foreach ((int liodn, PrimaryEntry entry) in _primary)
        {
            clone._primary.Add(liodn, entry);
        }

        return clone;
    }

    /// <summary>Takes the first run that is long enough.</summary>
    internal bool TryAllocate(int count, out int first)
    {
        int run = 0;
        for (int i = 0; i < SecondaryEntries; i++)
        {
            run = _taken[i] ? 0 : run + 1;
            if (run == count)
            {
                first = i - count + 1;
                Array.Fill(_taken, true, first, count);
                return true;
            }
        }

        first = -1;
        return false;
    }

    /// <summary>Gives back the run of a LIODN that has sub-windows.</summary>
    internal void Free(int liodn)
    {
        PrimaryEntry entry = this[liodn];
        if (entry.HasSubWindows)
        {
            Array.Fill(_taken, false, entry.First, (int)entry.SubWindows - 1);
            this[liodn] = entry with { HasSubWindows = false };
        }
    }
}

/// <summary>The sub-window fields of a LIODN's primary entry.</summary>
/// <param name="HasSubWindows">MW: sub-windows are in use.</param>
/// <param name="SubWindows">How many sub-windows the driver believes there are; stays when MW is cleared by a detach.</param>
/// <param name="First">The first secondary entry.</param>
internal readonly record struct PrimaryEntry(bool HasSubWindows, uint SubWindows, int First)
{
    internal static PrimaryEntry Boot => new(false, 2, 0);
}
