using PamuFastPath.Tests.Control;

namespace PamuFastPath.Tests.Mirror;

/// <summary>
/// An engine with a container that has fake hardware, a bystander that has none, and three groups. Targets differ from vaddrs, so that one taken for
/// the other is seen.
/// </summary>
internal sealed class MirrorMachine : IDisposable
{
    private const ulong TargetBit = 0x80_0000_0000;

    private readonly FakeMirror? _fake;

    /// <summary>With the fake.</summary>
    internal MirrorMachine(bool isBound = true)
        : this(new FakeBench(), isBound)
    {
    }

    /// <summary>With any backend.</summary>
    internal MirrorMachine(IMirrorBench bench, bool isBound = true)
    {
        Engine = new PamuEngine(new PamuPlatform { MaxWindows = 16, PageSource = Pages });
        Reader = Engine.CreateReader("probe");
        Bystander = Engine.CreateContainer();
        Bystander.SetGeometry(Machine.Start, Machine.Start + Machine.Count * Machine.Window - 1);
        Bystander.SetWindows(Machine.Count);
        Bystander.MapDma(0x77_0000, Machine.At(3), Machine.Window, DmaPermissions.ReadWrite);
        Engine.CreateGroup(9, [0x99], [0, 1, 2]).Attach(Bystander);
        Container = Engine.CreateContainer();
        A = Engine.CreateGroup(1, [0x42], [0]);
        B = Engine.CreateGroup(2, [0x51, 0x52], [0, 1]);
        C = Engine.CreateGroup(3, [0x10], []);
        Bench = bench;
        Mirror = bench.Open(Container, [A, B, C]);
        _fake = Mirror as FakeMirror;
        if (isBound)
        {
            Container.BindHardware(Mirror);
        }
    }

    internal PamuEngine Engine { get; }

    internal PamuReader Reader { get; }

    internal PamuContainer Container { get; }

    internal PamuContainer Bystander { get; }

    internal IMirrorBench Bench { get; }

    internal IHardwareMirror Mirror { get; }

    /// <summary>The fake, in tests that are about it.</summary>
    internal FakeMirror Hardware => _fake!;

    /// <summary>Uses MSI bank 0.</summary>
    internal PamuGroup A { get; }

    /// <summary>Has two LIODNs and uses MSI banks 0 and 1.</summary>
    internal PamuGroup B { get; }

    /// <summary>Uses no MSI bank.</summary>
    internal PamuGroup C { get; }

    /// <summary>Native blocks this thread has taken and the engine uses. A table that was replaced waits for its readers, and is not counted.</summary>
    internal long BlocksInUse => NativeBlocks.LiveCountOfThread - Engine.Publisher.RetiredCount;

    public void Dispose()
    {
        Reader.Dispose();
        Engine.Dispose();
        (Bench as IDisposable)?.Dispose();
    }

    /// <summary><see cref="SoftwareState"/> of everything.</summary>
    internal string Software() => SoftwareState.Describe(Reader, [Container, Bystander], [A, B, C]);

    /// <summary>Fake hardware holds exactly what software means, and nobody broke the contract.</summary>
    internal void AssertInStep()
    {
        Assert.Equal(FakeMirror.Expected(Container), Hardware.Describe());
        Assert.Empty(Hardware.Violations);
    }

    /// <summary>What a backend has to hold: the live windows, as far as its hardware knows them, while a group is there.</summary>
    internal List<HeldRange> Expected()
    {
        ContainerState state = Container.CurrentState;
        return Container.Groups.Count == 0 ? [] : HeldRange.Merge(Container.GetWindows()
            .Where(window => window.IsLive && (window.MsiBank < 0 || Bench.HoldsMessages))
            .Select(window => new HeldRange(
                window.Iova,
                window.Size,
                window.MsiBank < 0 ? state.Windows[window.Index].Vaddr : window.Target,
                window.Permissions,
                window.MsiBank)));
    }

    /// <summary>What it holds.</summary>
    internal List<HeldRange> Held() => HeldRange.Merge(Bench.Held());

    /// <summary>The same as <see cref="AssertInStep"/> for any backend.</summary>
    internal void AssertMirrored()
    {
        Assert.Equal(Expected(), Held());
        Assert.Equal(Container.Groups.Count, Bench.GroupsHeld);
        Assert.Empty(Bench.Violations);
    }

    /// <summary>As many native blocks are in use as before, and no descriptor is open that nobody needs: also while hardware waits to be put right.</summary>
    internal void AssertNothingLeft(long blocks, string what)
    {
        Assert.True(blocks == BlocksInUse, $"{what}: {blocks} native blocks were in use, now {BlocksInUse}");
        Assert.True(Bench.SpareDescriptors == 0, $"{what}: {Bench.SpareDescriptors} descriptors too many");
    }

    private static bool Pages(ulong vaddr, ulong length, out ulong target)
    {
        target = vaddr ^ TargetBit;
        return true;
    }
}
