namespace PamuFastPath.Tests.Kernels;

/// <summary>A container with random geometry and windows, and addresses that are interesting for it.</summary>
internal sealed class RandomTable : IDisposable
{
    private readonly ulong _windowSize;
    private readonly uint _count;

    internal RandomTable(Random random)
        : this(random, random.Next(6) == 0 ? random.Next(12, 63) : random.Next(12, 34))
    {
    }

    private RandomTable(Random random, int windowShift)
        : this(random, windowShift, 1u << random.Next(0, Math.Min(8, 63 - windowShift) + 1))
    {
    }

    /// <summary>With a shape that is given.</summary>
    internal RandomTable(Random random, int windowShift, uint count)
    {
        Engine = new PamuEngine();
        Container = Engine.CreateContainer();
        _count = count;
        _windowSize = 1UL << windowShift;
        ulong size = _windowSize * _count;
        Start = random.Next(3) switch
        {
            0 => 0,
            1 => unchecked(0 - size), // ends at 2^64
            _ => size * (ulong)random.NextInt64(0, (long)Math.Min(1000, ulong.MaxValue / size)),
        };
        Container.SetGeometry(Start, Start + (size - 1));
        Container.SetWindows(_count);
        Engine.CreateGroup(0, [1], [0, 2]).Attach(Container);
        ulong spread = random.Next(2) == 0 ? 1UL << 37 : ulong.MaxValue >> 13; // packed, and too far apart to be
        ulong targets = random.Next(2) == 0 ? 0 : 0x7F00_0000_0000UL;
        bool isContiguous = random.Next(3) == 0 && size <= 1UL << 40; // so that ranges have neighbours to merge
        for (uint i = 0; i < _count; i++)
        {
            ulong? target = isContiguous ? targets + i * _windowSize : null;
            MapSome(random, Start + i * _windowSize, target ?? targets + (((ulong)random.NextInt64() % spread) & ~0xFFFUL));
        }
    }

    internal PamuEngine Engine { get; }

    internal PamuContainer Container { get; }

    internal ulong Start { get; }

    private void MapSome(Random random, ulong iova, ulong target)
    {
        switch (random.Next(8))
        {
            case 0:
                break;
            case 1:
                Container.MapMsiBank((uint)random.Next(3), iova, (DmaPermissions)random.Next(1, 4)); // bank 1 is used by no group
                break;
            default:
                ulong size = random.Next(3) == 0 ? Math.Max(4096, _windowSize >> random.Next(0, 20)) : _windowSize;
                Container.MapDma(target, iova, size, (DmaPermissions)random.Next(1, 4));
                break;
        }
    }

    internal ulong SomeIova(Random random)
    {
        ulong near = unchecked((ulong)random.Next(-3, 4));
        ulong window = Start + _windowSize * (ulong)random.Next(0, (int)_count + 1);
        return random.Next(8) switch
        {
            0 => window + near,
            1 => window + (_windowSize >> random.Next(0, 20)) + near,
            2 => unchecked((ulong)random.NextInt64(long.MinValue, long.MaxValue)),
            3 => near,
            4 => window + 4096 + near,
            _ => Start + unchecked((ulong)random.NextInt64(long.MinValue, long.MaxValue)) % (_windowSize * _count),
        };
    }

    internal ulong SomeLength(Random random) => random.Next(10) switch
    {
        0 => 0,
        1 => _windowSize + unchecked((ulong)random.Next(-1, 2)),
        2 => ulong.MaxValue - (ulong)random.Next(3),
        3 => 1UL << random.Next(64),
        4 => (1UL << 62) + unchecked((ulong)random.Next(-1, 2)),
        5 => unchecked(_windowSize * (ulong)random.Next(2, 8) + (ulong)random.Next(-1, 2)),
        _ => (ulong)random.Next(1, 9000),
    };

    public override string ToString() =>
        $"0x{Start:x}, {_count} windows of 0x{_windowSize:x}: "
        + string.Join(
            "; ", Container.GetWindows().Take(20).Select(w => $"{w.Index} 0x{w.Target:x}+0x{w.Size:x} {w.Permissions} {w.MsiBank}"));

    public void Dispose() => Engine.Dispose();
}
