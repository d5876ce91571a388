using PamuFastPath.Diagnostics;
using PamuFastPath.Tests.Control;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Diagnostics;

/// <summary>
/// A port counts each read or write once, whatever it asks on the way: windows 0-3 map RAM in reverse order, 4 MSI bank 1, 5 RAM that can only
/// be read, 6 is empty.
/// </summary>
public sealed class DmaPortCountTests : IDisposable
{
    private const ulong Ram = 0x10_0000;

    private readonly Machine _machine = new(new PamuPlatform { Counting = AccessCounting.On });
    private readonly PamuContainer _container;
    private readonly GuestMemory _memory = new();
    private readonly DmaPort _port;

    public DmaPortCountTests()
    {
        _container = _machine.Ready();
        for (int i = 0; i < 4; i++)
        {
            _container.MapDma(Ram + (ulong)(3 - i) * Window, At(i), Window, DmaPermissions.ReadWrite);
        }

        _container.MapMsiBank(1, At(4), DmaPermissions.ReadWrite);
        _container.MapDma(Ram, At(5), Window, DmaPermissions.Read);
        _machine.Engine.CreateGroup(1, [0x42], [1]).Attach(_container);
        _memory.Add(Ram, new byte[4 * Window]);
        _port = new DmaPort(_machine.Reader, 0x42, _memory);
    }

    public void Dispose()
    {
        _memory.Dispose();
        _machine.Dispose();
    }

    public static TheoryData<ulong, int, DmaAccess, string> Accesses => new()
    {
        { At(0), 64, DmaAccess.Read, "hit" },
        { At(0), 64, DmaAccess.Write, "hit" },
        { At(0) + 1, 65536, DmaAccess.Write, "hit" }, // over a window's end
        { At(0), 65537, DmaAccess.Read, "hit" }, // in pieces
        { At(0) + 77, 200_000, DmaAccess.Write, "hit" },
        { At(4) + 0x140, 4, DmaAccess.Write, "msi" },
        { At(4) + 0x140, 4, DmaAccess.Read, "msi" },
        { At(4) + 0x140, 8, DmaAccess.Write, "BadLength" },
        { At(4) + 0x141, 4, DmaAccess.Write, "BadLength" },
        { At(3) + 4096, 70_000, DmaAccess.Write, "BeyondMapping" }, // the MSI page ends before
        { At(0), 0, DmaAccess.Read, "BadLength" },
        { At(5), 64, DmaAccess.Write, "DirectionDenied" },
        { At(6), 64, DmaAccess.Read, "NoMapping" },
        { At(5) + 8, 100_000, DmaAccess.Read, "NoMapping" },
        { 0, 64, DmaAccess.Read, "OutOfAperture" },
    };

    [Theory]
    [MemberData(nameof(Accesses))]
    public void Each_access_counts_once(ulong iova, int length, DmaAccess access, string what)
    {
        DmaResult result = access == DmaAccess.Read ? _port.Read(iova, new byte[length]) : _port.Write(iova, new byte[length]);

        var expected = new ExpectedCounts();
        _ = what switch
        {
            "hit" => expected.AddHit((ulong)length, access),
            "msi" => expected.AddMsi(1),
            _ => expected.AddFault(Enum.Parse<FaultKind>(what)),
        };
        Assert.Equal(what is "hit" or "msi", result.IsOk);
        expected.AssertEqual(_container.GetStatistics().Accesses);
        Assert.Equal(result.IsOk ? 0 : 1, _machine.Engine.Faults.TotalCount);
    }
}
