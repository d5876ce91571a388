using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Mirror;

/// <summary>The TYPE1v2 backend on a simulated kernel.</summary>
internal sealed class Type1Bench(bool merges) : IMirrorBench
{
    private const int FirstGroup = 20;

    internal SimulatedType1Kernel Kernel { get; } = new();

    public bool HoldsMessages => false;

    public int GroupsHeld => Kernel.Attached.Count;

    public bool HasFailed => Kernel.HasFailed;

    public Errno Injected => (Errno)5; // EIO

    public bool IsClosed => Kernel.IsClosed;

    public IEnumerable<string> Violations => [];

    public IHardwareMirror Open(PamuContainer container, IReadOnlyList<PamuGroup> groups)
    {
        VfioMirror mirror = VfioMirror.Open(Kernel, new VfioOptions { MergeNeighbours = merges });
        foreach (PamuGroup group in groups)
        {
            Kernel.Groups.TryAdd(FirstGroup + group.Id, []);
            mirror.Bind(group, FirstGroup + group.Id);
        }

        return mirror;
    }

    public void Reserve(int group, ulong start, ulong last) => Kernel.Groups.Add(FirstGroup + group, [new IovaRange(start, last)]);

    public IEnumerable<HeldRange> Held() => Kernel.Maps.Select(map => new HeldRange(map.Iova, map.Size, map.Vaddr, map.Permissions, MsiBank: -1));

    public void FailAt(int call, bool goesOn)
    {
        Kernel.FailAt = call;
        Kernel.FailsOn = goesOn;
        Kernel.HasFailed = false;
    }
}
