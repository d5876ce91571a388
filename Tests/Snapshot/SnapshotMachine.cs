using PamuFastPath.Tests.Control;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Snapshot;

/// <summary>An engine whose targets differ from vaddrs, and a container with something of everything in it.</summary>
internal sealed class SnapshotMachine : IDisposable
{
    private const ulong TargetBit = 0x80_0000_0000;

    internal SnapshotMachine(PamuPlatform? platform = null)
    {
        Engine = new PamuEngine(platform ?? Platform());
        Reader = Engine.CreateReader();
        Container = Engine.CreateContainer();
    }

    internal PamuEngine Engine { get; }

    internal PamuReader Reader { get; }

    internal PamuContainer Container { get; }

    internal static PamuPlatform Platform() => new() { MaxWindows = 16, PageSource = Pages };

    /// <summary>Sets everything that can be set: windows of every kind, two groups, a stash target, five faults of which three are the groups'.</summary>
    internal SnapshotMachine Fill()
    {
        Container.SetIommu(Engine.Platform.PamuExtension);
        Container.SetGeometry(Start, Start + Count * Window - 1);
        Container.SetWindows(Count);
        Container.SetStash(2, 3);
        Container.MapDma(0x40_0000, At(0), Window, DmaPermissions.ReadWrite);
        Container.MapDma(0x50_0000, At(1), 0x2000, DmaPermissions.Read);
        Container.MapDma(0x60_0000, At(2), 2 * Window, DmaPermissions.Write);
        Container.MapMsiBank(0, At(4));
        Container.MapMsiBank(1, At(5), DmaPermissions.ReadWrite);
        Container.MapMsiBank(2, At(6));
        Engine.CreateGroup(7, [0x51, 0x42], [1]).Attach(Container);
        Engine.CreateGroup(-3, [0x10], []).Attach(Container);
        foreach ((uint liodn, FaultKind kind) in (ReadOnlySpan<(uint, FaultKind)>)[
            (0x42, FaultKind.NoMapping), (0x99, FaultKind.UnknownLiodn), (0x10, FaultKind.DirectionDenied), (0x98, FaultKind.NoMapping), (0x51, FaultKind.BadLength)])
        {
            Engine.Faults.Record(new FaultRecord(kind, liodn, At(7) + liodn, 64, DmaAccess.Write, At(7)));
        }

        return this;
    }

    /// <summary>It is as it was made, and so it can be restored: the container fresh, no group in the engine, the log empty.</summary>
    internal void AssertUntouched(byte[] good)
    {
        Assert.True(ControlRules.IsFresh(Container.CurrentState));
        Assert.Equal(1ul, Container.Generation);
        Assert.Empty(Engine.Groups);
        Assert.Empty(TakeFaults());
        Container.Restore(good);
        Assert.Equal(good, Container.Save());
    }

    internal static byte[] Saved()
    {
        using SnapshotMachine machine = new SnapshotMachine().Fill();
        return machine.Container.Save();
    }

    /// <summary>The faults that wait, taken out.</summary>
    internal List<FaultRecord> TakeFaults()
    {
        var faults = new List<FaultRecord>();
        while (Engine.Faults.TryTake(out FaultRecord fault))
        {
            faults.Add(fault);
        }

        return faults;
    }

    internal static bool Pages(ulong vaddr, ulong length, out ulong target)
    {
        target = vaddr ^ TargetBit;
        return true;
    }

    public void Dispose() => Engine.Dispose();
}
