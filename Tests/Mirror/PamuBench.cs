using PamuFastPath.Cli.Conform;
using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Mirror;

/// <summary>The PAMU backend on the recorded driver. What it holds is what the PAMU's tables let the first LIODN of a group do.</summary>
#pragma warning disable CA1001 // the mirror's container disposes of the kernel
internal sealed class PamuBench : IMirrorBench
{
    private readonly RecordedPamuMachine _machine = new(256);
    private readonly Dictionary<int, IovaRange> _reserved = [];
    private InterposedKernel? _kernel;
    private RecordedPamuKernel? _driver;

    public bool HoldsMessages => true;

    public bool HoldsParts => false;

    public int GroupsHeld => _driver!.Groups.Count;

    public bool HasFailed => _kernel!.HasFailed;

    public Errno Injected => InterposedKernel.Injected;

    public bool IsClosed => !_driver!.IsOpen;

    public IEnumerable<string> Violations => [];

    public IHardwareMirror Open(PamuContainer container, IReadOnlyList<PamuGroup> groups)
    {
        _driver = new RecordedPamuKernel(_machine, 0);
        _kernel = new InterposedKernel(_driver) { SaysSo = true };
        foreach (PamuGroup group in groups)
        {
            _machine.Groups[group.Id] = [[.. group.Liodns]];
        }

        foreach ((int group, IovaRange range) in _reserved)
        {
            _kernel.Reserved.Add(group, [range]);
        }

        var mirror = new PamuMirror(_kernel, RecordedPlatform.PamuExtension);
        foreach (PamuGroup group in groups)
        {
            mirror.Bind(group, group.Id);
        }

        return mirror;
    }

    public void Reserve(int group, ulong start, ulong last) => _reserved.Add(group, new IovaRange(start, last));

    public IEnumerable<HeldRange> Held() => _driver!.Groups.Count == 0
        ? []
        : _machine.Reach(_machine.Groups[_driver.Groups[0]][0][0]).Select(range => new HeldRange(
            range.Iova, range.Size, range.Target, (DmaPermissions)range.Access, RecordedPlatform.MsiPages.ToList().IndexOf(range.Target)));

    public void FailAt(int call, bool goesOn) => _kernel!.FailAt(call, goesOn);
}
