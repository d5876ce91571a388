namespace PamuFastPath.Tests.Mirror;

/// <summary>The fake: its elementary steps are its kernel calls.</summary>
#pragma warning disable CA1001 // the container that the mirror is bound to owns it
internal sealed class FakeBench : IMirrorBench
{
    private readonly Dictionary<int, (ulong, ulong)> _reserved = [];
    private FakeMirror? _mirror;

    public bool HoldsMessages => true;

    public int GroupsHeld => Mirror.GroupCount;

    public bool HasFailed => Mirror.HasFailed;

    public Errno Injected => FakeMirror.Injected;

    public bool IsClosed => Mirror.IsDisposed;

    public IEnumerable<string> Violations => Mirror.Violations;

    private FakeMirror Mirror => _mirror!;

    public IHardwareMirror Open(PamuContainer container, IReadOnlyList<PamuGroup> groups)
    {
        _mirror = new FakeMirror(container);
        foreach ((int group, (ulong, ulong) range) in _reserved)
        {
            _mirror.Reserved.Add(group, range);
        }

        return _mirror;
    }

    public void Reserve(int group, ulong start, ulong last) => _reserved.Add(group, (start, last));

    public IEnumerable<HeldRange> Held() => Mirror.Windows.Select(window =>
        new HeldRange(window.Iova, window.Size, window.IsMsi ? window.Target : window.Vaddr, window.Permissions, window.MsiBank));

    public void FailAt(int call, bool goesOn) => Mirror.FailAt(call, goesOn ? 1 : 0);
}
