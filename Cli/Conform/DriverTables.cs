namespace PamuFastPath.Cli.Conform;

/// <summary>
/// The PAMU's tables as the shipped driver writes them: the primary entry of each LIODN, the secondary entries of its windows from 1 on, and
/// which of those are taken. What the driver answers depends on them, and they are what devices meet.
/// </summary>
internal sealed class DriverTables
{
    private const int SecondaryEntries = 0x800;

    private readonly Dictionary<int, PrimaryEntry> _primary;
    private readonly Dictionary<int, TableWindow> _secondary;
    private readonly bool[] _taken = new bool[SecondaryEntries];

    internal DriverTables()
        : this([], [])
    {
    }

    private DriverTables(Dictionary<int, PrimaryEntry> primary, Dictionary<int, TableWindow> secondary)
    {
        _primary = primary;
        _secondary = secondary;
    }

    internal int SecondaryUsed => _taken.Count(taken => taken);

    /// <summary>The primary entry of a LIODN.</summary>
    internal PrimaryEntry this[int liodn]
    {
        get => _primary.GetValueOrDefault(liodn, PrimaryEntry.Boot);
        set => _primary[liodn] = value;
    }

    internal DriverTables Clone()
    {
        var clone = new DriverTables(new Dictionary<int, PrimaryEntry>(_primary), new Dictionary<int, TableWindow>(_secondary));
        _taken.CopyTo(clone._taken, 0);
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

    /// <summary>Turns the devices of a LIODN on or off.</summary>
    internal void SetValid(int liodn, bool isValid) => this[liodn] = this[liodn] with { IsValid = isValid };

    /// <summary>Writes a sub-window; 0 lies in the primary entry, which has its own V bit.</summary>
    internal void Write(int liodn, uint index, TableWindow window)
    {
        PrimaryEntry entry = this[liodn];
        if (index == 0)
        {
            this[liodn] = entry with { Window = window, Translates = true };
        }
        else
        {
            _secondary[entry.First + (int)index - 1] = window;
        }
    }

    /// <summary>Takes a sub-window's rights away.</summary>
    internal void Deny(int liodn, uint index)
    {
        PrimaryEntry entry = this[liodn];
        if (index == 0)
        {
            this[liodn] = entry with { Window = entry.Window with { Access = 0 } };
        }
        else if (_secondary.TryGetValue(entry.First + (int)index - 1, out TableWindow window))
        {
            _secondary[entry.First + (int)index - 1] = window with { IsValid = false };
        }
    }

    /// <summary>What the hardware makes of a LIODN's entries now, window by window. Ranges that nothing is allowed in are left out.</summary>
    internal List<TableRange> Ranges(int liodn)
    {
        PrimaryEntry entry = this[liodn];
        var ranges = new List<TableRange>();
        if (!entry.IsValid)
        {
            return ranges;
        }

        if (!entry.HasSubWindows)
        {
            if (entry.Window.Access != 0)
            {
                ranges.Add(new TableRange(entry.Base, entry.Size, entry.Translates ? entry.Window.Target : entry.Base, entry.Window.Access));
            }

            return ranges;
        }

        ulong slot = entry.Size / entry.SubWindows;
        for (uint i = 0; i < entry.SubWindows; i++)
        {
            TableWindow window = i == 0 ? entry.Window : _secondary.GetValueOrDefault(entry.First + (int)i - 1);
            if ((i == 0 || window.IsValid) && window.Access != 0)
            {
                ranges.Add(new TableRange(entry.Base + i * slot, Math.Min(window.Size, slot), window.Target, window.Access));
            }
        }

        return ranges;
    }
}

/// <summary>A LIODN's primary entry.</summary>
/// <param name="IsValid">V: the LIODN's devices may do something.</param>
/// <param name="Base">Where its window starts (WBA).</param>
/// <param name="Size">Bytes of the window (WSE).</param>
/// <param name="HasSubWindows">MW: sub-windows are in use.</param>
/// <param name="SubWindows">How many sub-windows the driver believes there are (WCE); stays when MW is cleared by a detach.</param>
/// <param name="First">The first secondary entry (FSPI).</param>
/// <param name="Translates">ATM: addresses are translated, not passed through.</param>
/// <param name="Window">The only window, or sub-window 0.</param>
internal readonly record struct PrimaryEntry(
    bool IsValid, ulong Base, ulong Size, bool HasSubWindows, uint SubWindows, int First, bool Translates, TableWindow Window)
{
    /// <summary>After boot all of 64 GiB passes untranslated. The zeroed count reads as two sub-windows.</summary>
    internal static PrimaryEntry Boot => new(true, 0, 1UL << 36, false, 2, 0, false, new TableWindow(true, 0, 0, 3));

    /// <summary>An entry without sub-windows; the secondary run stays named.</summary>
    internal PrimaryEntry Single(ulong start, ulong size, TableWindow window) => this with
    {
        Base = start,
        Size = size,
        HasSubWindows = false,
        SubWindows = 2,
        Translates = true,
        Window = window,
    };
}

/// <summary>A sub-window in the tables.</summary>
/// <param name="IsValid">V; not looked at in a primary entry's window.</param>
/// <param name="Target">Where it translates to (TWBA).</param>
/// <param name="Size">Bytes from its start that translate (SWSE).</param>
/// <param name="Access">AP: 1 read, 2 write.</param>
internal readonly record struct TableWindow(bool IsValid, ulong Target, ulong Size, uint Access);

/// <summary>A range that a LIODN's devices can reach.</summary>
internal readonly record struct TableRange(ulong Iova, ulong Size, ulong Target, uint Access);
