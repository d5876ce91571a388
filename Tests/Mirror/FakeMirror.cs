using System.Globalization;

namespace PamuFastPath.Tests.Mirror;

/// <summary>The elementary steps that fake hardware knows.</summary>
internal enum FakeStep
{
    Check,
    Unmap,
    GroupOut,
    GroupIn,
    Attribute,
    Map,
    Dispose,
}

/// <summary>
/// Hardware in a dictionary. It holds something only while a group is in it, as VFIO does. Any of its elementary steps can be told to fail, and so
/// can any step of the undo. It checks the contract of <see cref="IHardwareMirror"/> on whoever calls it, and that software, as a section that is
/// entered at that moment sees it, allows exactly what the old and the new image have in common: <see cref="Violations"/>.
/// </summary>
internal sealed class FakeMirror(PamuContainer container) : IHardwareMirror
{
    internal const Errno Injected = (Errno)5; // EIO: no rule of the software answers it

    private readonly SortedDictionary<ulong, HardwareWindow> _windows = [];
    private readonly SortedSet<int> _groups = [];
    private (ulong Start, ulong Last, int Count, (uint, uint)? Stash)? _attributes;
    private HardwareImage? _agreed;
    private HardwareImage? _checked;
    private int _callers;
    private int _countdown;
    private int _undoCountdown;
    private bool _isDisposed;

    /// <summary>Breaches of the contract that were seen.</summary>
    internal List<string> Violations { get; } = [];

    /// <summary>Called before each elementary step is done.</summary>
    internal Action<FakeStep>? Observe { get; set; }

    /// <summary>Whether the armed step was reached.</summary>
    internal bool HasFailed { get; private set; }

    /// <summary>Whether an undo failed: the hardware holds neither the old nor the new image.</summary>
    internal bool IsTorn { get; private set; }

    /// <summary>IOVA ranges that a group reserves, by its id.</summary>
    internal Dictionary<int, (ulong Start, ulong Last)> Reserved { get; } = [];

    /// <summary>Elementary steps done, undone ones included.</summary>
    internal int StepCount { get; private set; }

    internal bool IsDisposed => _isDisposed;

    internal int GroupCount => _groups.Count;

    internal IEnumerable<HardwareWindow> Windows => _windows.Values;

    /// <summary>The n-th step from now fails (1 is the next; 0 is none), and of its undo the m-th.</summary>
    internal void FailAt(int step, int undoStep = 0)
    {
        _countdown = step;
        _undoCountdown = undoStep;
        HasFailed = false;
    }

    public Refusal Check(HardwareImage image)
    {
        using Visit visit = Enter("Check");
        _checked = image;
        if (Fails(FakeStep.Check))
        {
            return Refused("the check");
        }

        bool collides = image.Groups.Any(group => Reserved.TryGetValue(group.Id, out (ulong Start, ulong Last) range)
            && image.Windows.Any(window => window.Iova <= range.Last && window.Last >= range.Start));
        return collides ? new Refusal(Errno.EINVAL, "iova", "clear of what is reserved") : Refusal.None;
    }

    public Refusal Apply(HardwareImage image)
    {
        using Visit visit = Enter("Apply");
        Expect(ReferenceEquals(image, _checked), "Apply comes right after the Check of its image");
        _checked = null;
        CheckSoftware(image);
        var done = new Stack<Step>();
        foreach (Step step in StepsTo(image))
        {
            if (Fails(step.Kind))
            {
                bool isUndone = Undo(done);
                IsTorn |= !isUndone;
                return Refused(isUndone ? $"{step.Kind}" : $"{step.Kind}, and the undo failed too");
            }

            step.Do();
            done.Push(step);
        }

        _agreed = image;
        IsTorn = false;
        return Refusal.None;
    }

    public void Dispose()
    {
        if (_agreed != null)
        {
            using Visit visit = Enter("Dispose");
            Observe?.Invoke(FakeStep.Dispose);
        }

        Expect(!_isDisposed, "Dispose is called once");
        _isDisposed = true;
        _windows.Clear();
        _groups.Clear();
        _attributes = null;
    }

    /// <summary>Everything the hardware holds, as text.</summary>
    internal string Describe() => Describe(_attributes, _groups, _windows.Values);

    /// <summary>What it has to hold for a container: its live windows, shape and groups, or nothing without a group.</summary>
    internal static string Expected(PamuContainer container)
    {
        ContainerState state = container.CurrentState;
        if (container.Groups.Count == 0)
        {
            return Describe(null, [], []);
        }

        return Describe(
            (container.Geometry.Start, container.Geometry.Last, container.WindowCount, container.Stash == (0u, 0u) ? null : container.Stash),
            container.Groups.Select(group => group.Id).Order(),
            container.GetWindows().Where(window => window.IsLive).Select(window => new HardwareWindow(
                window.Index, window.Iova, window.Size, state.Windows[window.Index].Vaddr, window.Target, window.Permissions, window.MsiBank)));
    }

    private static string Describe(
        (ulong Start, ulong Last, int Count, (uint, uint)? Stash)? attributes, IEnumerable<int> groups, IEnumerable<HardwareWindow> windows) =>
        string.Create(CultureInfo.InvariantCulture, $"{attributes} groups [{string.Join(' ', groups)}]\n{string.Join('\n', windows)}");

    private sealed record Step(FakeStep Kind, Action Do, Action Undo);

    /// <summary>What has to be done to get from what the hardware really holds to an image.</summary>
    private List<Step> StepsTo(HardwareImage image)
    {
        var steps = new List<Step>();
        SortedSet<int> groups = [.. image.Groups.Select(group => group.Id)];
        HardwareWindow[] windows = groups.Count == 0 ? [] : [.. image.Windows];
        foreach (HardwareWindow window in _windows.Values.Except(windows))
        {
            steps.Add(new(FakeStep.Unmap, () => _windows.Remove(window.Iova), () => _windows.Add(window.Iova, window)));
        }

        foreach (int group in _groups.Except(groups))
        {
            steps.Add(new(FakeStep.GroupOut, () => _groups.Remove(group), () => _groups.Add(group)));
        }

        foreach (int group in groups.Except(_groups))
        {
            steps.Add(new(FakeStep.GroupIn, () => _groups.Add(group), () => _groups.Remove(group)));
        }

        (ulong, ulong, int, (uint, uint)?)? attributes =
            groups.Count == 0 ? null : (image.ApertureStart, image.ApertureLast, image.WindowCount, image.Stash);
        if (attributes != _attributes)
        {
            (ulong, ulong, int, (uint, uint)?)? before = _attributes;
            steps.Add(new(FakeStep.Attribute, () => _attributes = attributes, () => _attributes = before));
        }

        foreach (HardwareWindow window in windows.Except(_windows.Values))
        {
            steps.Add(new(FakeStep.Map, () => _windows.Add(window.Iova, window), () => _windows.Remove(window.Iova)));
        }

        return steps;
    }

    private bool Undo(Stack<Step> done)
    {
        while (done.TryPop(out Step? step))
        {
            if (_undoCountdown > 0 && --_undoCountdown == 0)
            {
                return false;
            }

            StepCount++;
            step.Undo();
        }

        return true;
    }

    private bool Fails(FakeStep kind)
    {
        Observe?.Invoke(kind);
        StepCount++;
        bool fails = _countdown > 0 && --_countdown == 0;
        HasFailed |= fails;
        return fails;
    }

    private static Refusal Refused(string what) => new(Injected, "hardware", what);

    private Visit Enter(string call)
    {
        Expect(!_isDisposed, $"{call} is not called after Dispose");
        Expect(Interlocked.Increment(ref _callers) == 1, $"{call} is called while no other call runs");
        Refusal turn = container.Engine.BeginTurn();
        if (!turn.IsRefused)
        {
            container.Engine.EndTurn();
        }

        Expect(turn.Errno == Errno.EDEADLK, $"{call} is called inside the control lock");
        return new Visit(this);
    }

    private readonly ref struct Visit(FakeMirror mirror)
    {
        public void Dispose() => Interlocked.Decrement(ref mirror._callers);
    }

    /// <summary>
    /// A new section must see what both images allow with the same result. Worked out here from the images alone, by one address after the other.
    /// </summary>
    private void CheckSoftware(HardwareImage image)
    {
        HardwareImage old = _agreed ?? image; // when it is bound, software is at the image already
        using PamuReader reader = container.Engine.CreateReader("fake hardware");
        bool removes = false;
        foreach (ulong iova in old.Windows.Concat(image.Windows).SelectMany(window => new[] { window.Iova, window.Last }).Distinct())
        {
            foreach (DmaAccess access in (DmaAccess[])[DmaAccess.Read, DmaAccess.Write])
            {
                (ulong, int)? before = Allowed(old, iova, access);
                (ulong, int)? both = before == Allowed(image, iova, access) && SameShape(old, image) ? before : null;
                removes |= before != both;
                Translation seen = reader.Translate(container, iova, 1, access);
                (ulong, int)? actual = seen.Kind is TranslationKind.Dma or TranslationKind.Msi ? (seen.Target, seen.MsiBank) : null;
                Expect(actual == both, $"a new section's {access} of 0x{iova:x} is {both} while hardware is asked, not {actual}");
            }
        }

        foreach (PamuGroup group in old.Groups.Union(image.Groups))
        {
            bool isInBoth = old.Groups.Contains(group) && image.Groups.Contains(group);
            removes |= !image.Groups.Contains(group);
            foreach (int liodn in group.Liodns)
            {
                bool isKnown = reader.Translate((uint)liodn, 0, 1, DmaAccess.Read).Fault != FaultKind.UnknownLiodn;
                Expect(isKnown == isInBoth, $"LIODN 0x{liodn:x} is {(isInBoth ? "known" : "unknown")} while hardware is asked");
            }
        }

        Expect(!removes || !container.Engine.Readers.CallerIsInSection(), "what is removed is removed outside sections");
    }

    private static bool SameShape(HardwareImage one, HardwareImage other) =>
        (one.ApertureStart, one.ApertureLast, one.WindowCount) == (other.ApertureStart, other.ApertureLast, other.WindowCount);

    private static (ulong Target, int Bank)? Allowed(HardwareImage image, ulong iova, DmaAccess access)
    {
        DmaPermissions needed = access == DmaAccess.Read ? DmaPermissions.Read : DmaPermissions.Write;
        foreach (HardwareWindow window in image.Windows)
        {
            if (iova >= window.Iova && iova <= window.Last && window.Permissions.HasFlag(needed))
            {
                return (window.Target + (iova - window.Iova), window.MsiBank);
            }
        }

        return null;
    }

    private void Expect(bool holds, string rule)
    {
        if (!holds)
        {
            Violations.Add(rule);
        }
    }
}
