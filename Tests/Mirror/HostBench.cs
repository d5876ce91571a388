using System.Runtime.Versioning;
using PamuFastPath.Interop;
using PamuFastPath.Tests.Hosts;
using PamuFastPath.Tests.Vfio;

namespace PamuFastPath.Tests.Mirror;

/// <summary>The TYPE1v2 backend with all of the binding under it, down to the system calls: those are what fails here.</summary>
[SupportedOSPlatform("linux")]
internal sealed class HostBench : IMirrorBench, IDisposable
{
    internal const int FirstGroup = 20;

    private FakeHost? _sysfs;

    internal SimulatedHost Host { get; } = new();

    public bool HoldsMessages => false;

    public bool HoldsParts => true;

    public int GroupsHeld => IsClosed ? 0 : Host.Kernel.Attached.Count;

    public bool HasFailed => Host.Failed != null;

    public Errno Injected => SimulatedHost.Injected;

    public bool IsClosed => Host.OpenCount == 0;

    public int SpareDescriptors => IsClosed ? 0 : Host.OpenCount - (1 + GroupsHeld);

    /// <summary>One descriptor for the container and one for each group in it, or none.</summary>
    public IEnumerable<string> Violations => SpareDescriptors == 0 ? [] : [$"{Host.OpenCount} descriptors are open, with {GroupsHeld} groups"];

    public IHardwareMirror Open(PamuContainer container, IReadOnlyList<PamuGroup> groups)
    {
        VfioKernel.Open(out VfioKernel? kernel, _sysfs?.Sysfs).ThrowIfRefused();
        VfioMirror mirror = VfioMirror.Open(kernel!, new VfioOptions());
        foreach (PamuGroup group in groups)
        {
            Host.Kernel.Groups.TryAdd(FirstGroup + group.Id, []);
            mirror.Bind(group, FirstGroup + group.Id);
        }

        return mirror;
    }

    public void Reserve(int group, ulong start, ulong last)
    {
        Host.Kernel.Groups.Add(FirstGroup + group, [new IovaRange(start, last)]);
        _sysfs ??= new FakeHost();
        _sysfs.AddGroupFile(FirstGroup + group, "reserved_regions", $"0x{start:x16} 0x{last:x16} direct\n");
    }

    public IEnumerable<HeldRange> Held() => IsClosed
        ? []
        : Host.Kernel.Maps.Select(map => new HeldRange(map.Iova, map.Size, map.Vaddr, map.Permissions, MsiBank: -1));

    public void FailAt(int call, bool goesOn) => Host.FailAt(call, goesOn);

    public void Dispose()
    {
        Host.Dispose();
        _sysfs?.Dispose();
    }
}
