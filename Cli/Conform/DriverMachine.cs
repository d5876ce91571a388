namespace PamuFastPath.Cli.Conform;

/// <summary>
/// The ledger: a small simulation of the shipped driver on one machine, fed with the recorded calls. It tells which decided deviation a
/// line rests on and where the driver's windows went. The engine's answers are never derived from it.
/// </summary>
internal sealed class DriverMachine
{
    private readonly DriverTables _tables;
    private readonly uint _windowsMax;
    private readonly Dictionary<int, DriverContainer> _containers = [];

    internal DriverMachine(uint windowsMax)
        : this(windowsMax, new DriverTables())
    {
    }

    private DriverMachine(uint windowsMax, DriverTables tables)
    {
        _windowsMax = windowsMax;
        _tables = tables;
    }

    /// <summary>What devices meet.</summary>
    internal DriverTables Tables => _tables;

    internal int SecondaryUsed => _tables.SecondaryUsed;

    internal DriverContainer this[int container] => _containers[container];

    internal void Open(int container) => _containers[container] = new DriverContainer(_tables, _windowsMax);

    /// <summary>A copy to try a call on: one that faults must not count.</summary>
    internal DriverMachine Clone()
    {
        var clone = new DriverMachine(_windowsMax, _tables.Clone());
        foreach ((int number, DriverContainer container) in _containers)
        {
            clone._containers.Add(number, container.Clone(clone._tables));
        }

        return clone;
    }
}
