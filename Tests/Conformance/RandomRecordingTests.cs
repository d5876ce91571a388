using PamuFastPath.Cli.Conform;

namespace PamuFastPath.Tests.Conformance;

/// <summary>
/// Recordings made up by the ledger: whatever way the shipped driver's bugs combine, some rule has to explain the difference and the
/// engine has to give the documented answer. The recordings in the repository are one draw of the same kind.
/// </summary>
public class RandomRecordingTests
{
    private const int Sequences = 200;
    private const int CallsPerSequence = 150;

    private static readonly uint[] Counts = [0, 1, 1, 2, 3, 4, 4, 8, 16, 16, 64, 100, 128, 256, 256, 257];
    private static readonly int[][][] Groups =
        [[[0x42]], [[0x51, 0x52]], [[0x10, 0x3a0]], [[0x500]], [[0x60, 0x600]], [[]], [[0x81], [0x82, 0x83]]];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_rule_explains_every_difference_the_ledger_can_produce(int seed)
    {
        var random = new Random(seed);
        var tally = new Tally();
        for (int sequence = 0; sequence < Sequences; sequence++)
        {
            Run(random, sequence, tally);
        }

        Assert.True(tally.Mismatches.Count == 0, string.Join('\n', tally.Mismatches.Take(10)));
        Assert.Equal(0, tally.Unexplained);
        Assert.InRange(tally.Compared, Sequences * CallsPerSequence / 3, Sequences * CallsPerSequence);
        Assert.InRange(tally.Deviations.Count, 15, Deviations.All.Count);
    }

    private static void Run(Random random, int sequence, Tally tally)
    {
        int maxWindows = random.Next(2) == 0 ? 256 : 16;
        using var replay = new SequenceReplay(new EngineSubject(maxWindows), new BeginLine(1, sequence, maxWindows, "random"), tally);
        var driver = new DriverMachine((uint)maxWindows);
        driver.Open(0);
        replay.Take(new OpenLine(2, 0));
        for (int line = 3; line < CallsPerSequence + 3; line++)
        {
            RecordedOp op = Next(random, driver[0]);
            int desync = driver[0].Desync;
            DriverMachine tried = driver.Clone();
            DriverAnswer answer = tried[0].Apply(op);
            driver = answer.Fault == null ? tried : driver;
            op = op with
            {
                OpRet = answer.OpRet,
                IoctlRet = answer.IoctlRet,
                Fault = answer.Fault,
                Out = answer.OpRet == 0 ? answer.Out : null,
                DesyncBefore = desync,
                IsTableFull = tried[0].Domain.Causes.HasFlag(Causes.TableFull),
                IsEnabledAfter = driver[0].Domain.IsEnabled,
                MappedAfter = driver[0].Domain.Mapped,
            };
            replay.Take(new OpLine(line, Name(op, tried[0]), op));
        }
    }

    private static string Name(RecordedOp op, DriverContainer driver) =>
        $"{op.Kind} flags {op.Flags} geometry {op.Start:x} {op.Last:x} count {op.Count} vaddr {op.Vaddr:x} iova {op.Iova:x} {op.Size:x}"
        + $", driver {driver.Domain.Start:x} {driver.Domain.Last:x} / {driver.Domain.Count}, window {driver.WindowSize:x}"
        + $", {driver.Domain.Causes} {op.Fault}";

    private static RecordedOp Next(Random random, DriverContainer driver)
    {
        OpKind kind = random.Next(20) switch
        {
            < 6 => OpKind.MapDma,
            < 10 => OpKind.UnmapDma,
            < 12 => OpKind.MapMsi,
            12 => OpKind.UnmapMsi,
            13 => OpKind.SetGeometry,
            14 or 15 => OpKind.SetWindows,
            16 => random.Next(2) == 0 ? OpKind.SetStash : OpKind.GetStash,
            17 => random.Next(2) == 0 ? OpKind.GetWindows : OpKind.GetGeometry,
            18 => OpKind.AttachGroup,
            _ => OpKind.DetachGroup,
        };
        int group = random.Next(Groups.Length);
        (ulong start, ulong last) = Geometry(random);
        var op = new RecordedOp
        {
            Kind = kind,
            Container = 0,
            Flags = Flags(random, kind),
            Attribute = kind switch
            {
                OpKind.SetWindows or OpKind.GetWindows => 1,
                OpKind.SetStash or OpKind.GetStash => 2,
                _ => 0,
            },
            Start = start,
            Last = last,
            Count = Counts[random.Next(Counts.Length)],
            Cpu = (uint)random.Next(7),
            Cache = (uint)random.Next(5),
            Bank = (uint)random.Next(4),
            Vaddr = Vaddr(random),
            Iova = Iova(random, driver),
            Size = Size(random, driver),
            Group = group,
            Devices = Groups[group],
        };
        return op with { ArgSz = (uint)(random.Next(40) == 0 ? random.Next(op.StructBytes + 1) : op.StructBytes) };
    }

    private static uint Flags(Random random, OpKind kind) => kind is OpKind.MapDma or OpKind.MapMsi
        ? (uint)(random.Next(20) == 0 ? random.Next(8) : random.Next(1, 4))
        : (uint)(random.Next(40) == 0 ? random.Next(4) : 0);

    private static (ulong Start, ulong Last) Geometry(Random random)
    {
        ulong size = 1UL << random.Next(random.Next(4) == 0 ? 10 : 16, random.Next(8) == 0 ? 64 : 34);
        ulong start = unchecked((ulong)random.NextInt64() * 2) & ~(size - 1);
        start = random.Next(3) == 0 ? 0 : random.Next(10) == 0 ? unchecked(0 - size) : start & ((1UL << 40) - 1) & ~(size - 1);
        return random.Next(8) switch
        {
            0 => (start, unchecked(start + size + 0xFFF)),
            1 => (start + 0x1000, unchecked(start + size + 0xFFF)),
            _ => (start, unchecked(start + size - 1)),
        };
    }

    private static ulong Vaddr(Random random) => random.Next(20) switch
    {
        0 => 0x7_0000_0000 + ((ulong)random.Next(16) << 12),
        1 => (1UL << 36) - ((ulong)random.Next(4) << 20),
        2 => unchecked(0 - ((ulong)random.Next(1, 64) << 12)),
        3 => (ulong)random.NextInt64(1L << 36),
        _ => (ulong)random.Next(1 << 20) << 15,
    };

    private static ulong Iova(Random random, DriverContainer driver)
    {
        (ulong start, ulong window) = random.Next(4) == 0
            ? (driver.Domain.Start, driver.Domain.WindowSize)
            : (driver.Start, driver.WindowSize);
        ulong iova = unchecked(start + window * (ulong)random.Next(random.Next(3) == 0 ? 300 : 8));
        return random.Next(24) switch
        {
            0 => unchecked(iova + (ulong)random.Next(1 << 16)),
            1 => unchecked(iova + (window / 2)),
            2 => unchecked(start - window),
            3 => unchecked(0 - window),
            4 => unchecked(iova + (window << 32)),
            _ => iova,
        };
    }

    private static ulong Size(Random random, DriverContainer driver)
    {
        ulong window = random.Next(4) == 0 ? driver.Domain.WindowSize : driver.WindowSize;
        return random.Next(24) switch
        {
            0 => (ulong)random.Next(1 << 20),
            1 => window / 2,
            2 => unchecked(window + 0x1000),
            3 => unchecked(window * (ulong)random.Next(1, 300)),
            4 => unchecked(0 - window),
            5 => 0x1000,
            _ => unchecked(window * (ulong)random.Next(1, 4)),
        };
    }
}
