using PamuFastPath.Cli.Conform;
using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Mirror;

/// <summary>The PAMU backend on the recorded driver: what is held is what its tables let the LIODNs of the attached groups do.</summary>
#pragma warning disable CA1001 // the mirror owns the kernel
internal sealed class PamuBench : IMirrorBench
{
    private const int MaxWindows = 16;

    /// <summary>Groups of the recordings for groups 1, 2 and 3: one LIODN, two, one.</summary>
    private static readonly int[] RecordedGroups = [0, 1, 8];

    private readonly RecordedPamuMachine _machine = new(MaxWindows);
    private readonly RecordedPamuKernel _kernel;
    private readonly InterposedKernel _failing;

    internal PamuBench()
    {
        _kernel = new RecordedPamuKernel(_machine, container: 0);
        _failing = new InterposedKernel(_kernel) { SaysSo = true };
    }

    public bool HoldsMessages => true;

    public bool HoldsParts => false;

    public int GroupsHeld => IsClosed ? 0 : _kernel.Groups.Count;

    public bool HasFailed => _failing.HasFailed;

    public Errno Injected => InterposedKernel.Injected;

    public bool IsClosed => !_kernel.IsOpen;

    /// <summary>LIODNs of attached groups that can do different things: a container is one set of windows for all.</summary>
    public IEnumerable<string> Violations => Liodns
        .Where(liodn => !_machine.Reach(liodn).SequenceEqual(_machine.Reach(Liodns.First())))
        .Select(liodn => $"LIODN 0x{liodn:x} reaches [{string.Join(", ", _machine.Reach(liodn))}]");

    private IEnumerable<int> Liodns => GroupsHeld == 0
        ? []
        : _kernel.Groups.SelectMany(group => RecordedPamuMachine.RecordedGroups[group].SelectMany(device => device));

    public IHardwareMirror Open(PamuContainer container, IReadOnlyList<PamuGroup> groups)
    {
        var mirror = new PamuMirror(_failing, RecordedPlatform.PamuExtension);
        foreach (PamuGroup group in groups)
        {
            mirror.Bind(group, RecordedGroups[group.Id - 1]);
        }

        return mirror;
    }

    public void Reserve(int group, ulong start, ulong last) => _failing.Reserved.Add(RecordedGroups[group - 1], [new IovaRange(start, last)]);

    public IEnumerable<HeldRange> Held() => Liodns.Take(1).SelectMany(liodn => _machine.Reach(liodn)).Select(range => new HeldRange(
        range.Iova, range.Size, range.Target, (DmaPermissions)range.Access, RecordedPlatform.MsiPages.ToList().IndexOf(range.Target)));

    public void FailAt(int call, bool goesOn) => _failing.FailAt(call, goesOn);
}
