using System.Globalization;

namespace PamuFastPath.Cli.Conform;

/// <summary>A container of the subject, with what it should be. Every change goes through the byte door.</summary>
internal sealed class SubjectContainer
{
    private readonly IConformanceSubject _subject;
    private readonly IReadOnlyDictionary<int, IReadOnlyList<IReadOnlyList<int>>> _groups;
    private readonly int _number;
    private int _handle;

    /// <summary>Opens a container.</summary>
    /// <param name="subject">The machine.</param>
    /// <param name="windowsMax">Its window limit.</param>
    /// <param name="number">The recording's number for the container.</param>
    /// <param name="groups">Every group named so far and its devices.</param>
    internal SubjectContainer(
        IConformanceSubject subject, uint windowsMax, int number, IReadOnlyDictionary<int, IReadOnlyList<IReadOnlyList<int>>> groups)
    {
        _subject = subject;
        _groups = groups;
        _number = number;
        _handle = subject.Open();
        Expected = new AbiContainer(windowsMax);
    }

    /// <summary>What the container should be.</summary>
    internal AbiContainer Expected { get; set; }

    /// <summary>Whether it is where the driver's container is.</summary>
    internal bool IsAligned { get; set; } = true;

    /// <summary>Whether the ledger has lost the driver; the next state line finds it.</summary>
    internal bool IsLost { get; set; }

    internal void Close() => _subject.Close(_handle);

    internal long Call(RecordedOp op, out (ulong First, ulong Second)? output) => SubjectDoor.Call(_subject, _handle, op, out output);

    /// <summary>
    /// Brings the container to <paramref name="target"/>: window by window on the same grid, otherwise as a fresh container.
    /// </summary>
    /// <returns>The refused call, if one is; else null.</returns>
    internal string? Align(AbiContainer target)
    {
        string? refused = Expected.HasGridOf(target) && IsAligned ? AlignWindows(target) : Rebuild(target);
        Expected = target;
        IsAligned = true;
        return refused;
    }

    /// <summary>A fresh container that is what <see cref="Align"/> is asked for.</summary>
    internal string? Rebuild(AbiContainer target)
    {
        _subject.Close(_handle);
        _handle = _subject.Open();
        string? refused = null;
        foreach (int group in target.Groups)
        {
            refused ??= Do(Op(OpKind.AttachGroup) with { Group = group, Devices = _groups[group] });
        }

        if (target.IsGeometrySet)
        {
            refused ??= Do(Op(OpKind.SetGeometry) with { Start = target.Start, Last = target.Last });
        }

        if (target.Windows != null)
        {
            refused ??= Do(Op(OpKind.SetWindows) with { Attribute = (uint)PamuAttr.Windows, Count = target.Count });
            for (int i = 0; i < target.Count && refused == null; i++)
            {
                refused = Map(target, i);
            }
        }

        return refused ?? (target.Stash == default ? null : SetStash(target.Stash));
    }

    /// <summary>The first difference between the window list and what it should be; null if none.</summary>
    internal string? WindowDifference()
    {
        IReadOnlyList<PamuWindow> windows = _subject.Windows(_handle);
        int at = 0;
        for (int i = 0; i < (Expected.Windows?.Length ?? 0); i++)
        {
            AbiWindow window = Expected.Windows![i];
            if (!window.IsMapped)
            {
                continue;
            }

            var expected = new PamuWindow(
                i, IsLive(window), Expected.WindowStart(i), window.Target, window.Size, (DmaPermissions)window.Prot, window.Bank);
            if (at == windows.Count || windows[at] != expected)
            {
                return $"window {i} is {(at < windows.Count ? windows[at] : "missing")}, not {expected}";
            }

            at++;
        }

        return at == windows.Count ? null : $"{windows[at]} should not be there";
    }

    /// <summary>The first difference in what the queries answer besides windows; null if none.</summary>
    internal string? AttributeDifference()
    {
        return Differs(OpKind.GetGeometry, PamuAttr.Geometry, (Expected.Start, Expected.Last))
            ?? Differs(OpKind.GetWindows, PamuAttr.Windows, (Expected.Count, 0))
            ?? Differs(OpKind.GetStash, PamuAttr.Stash, (Expected.Stash.Cpu, Expected.Stash.Cache))
            ?? (Expected.Groups.SetEquals(_subject.Groups(_handle)) ? null : $"groups are {string.Join(' ', _subject.Groups(_handle))}");
    }

    /// <summary>The first difference in what the query and translation in both directions answer for one IOVA; null if none.</summary>
    internal string? AddressDifference(ulong iova)
    {
        bool inWindow = Expected.TryFindWindow(iova, out AbiWindow window, out ulong offset);
        bool isMapped = inWindow && window.IsMapped && offset < window.Size;
        ulong target = isMapped ? window.Target + offset : 0;
        if (_subject.TryIovaToPhys(_handle, iova, out ulong phys) != isMapped || (isMapped && phys != target))
        {
            return string.Create(CultureInfo.InvariantCulture, $"iova 0x{iova:x} is 0x{phys:x}, not 0x{target:x}");
        }

        foreach (DmaAccess access in (ReadOnlySpan<DmaAccess>)[DmaAccess.Read, DmaAccess.Write])
        {
            bool isHit = isMapped && IsLive(window) && (window.Prot & (access == DmaAccess.Read ? 1u : 2u)) != 0;
            Translation answer = _subject.Translate(_handle, iova, 1, access);
            if (answer.IsHit != isHit || (isHit && (answer.Target != target || answer.MsiBank != window.Bank)))
            {
                string should = isHit ? string.Create(CultureInfo.InvariantCulture, $"0x{target:x}") : "refused";
                return string.Create(CultureInfo.InvariantCulture, $"{access} at 0x{iova:x} is {answer}, not {should}");
            }
        }

        return null;
    }

    /// <summary>The address query alone.</summary>
    internal ulong IovaToPhys(ulong iova) => _subject.TryIovaToPhys(_handle, iova, out ulong phys) ? phys : 0;

    private bool IsLive(AbiWindow window) => window.IsDma || Expected.Groups.Count > 0; // every group uses every bank

    private string? AlignWindows(AbiContainer target)
    {
        string? refused = null;
        foreach (int group in Expected.Groups.Except(target.Groups).ToList())
        {
            refused ??= Do(Op(OpKind.DetachGroup) with { Group = group });
        }

        foreach (int group in target.Groups.Except(Expected.Groups).ToList())
        {
            refused ??= Do(Op(OpKind.AttachGroup) with { Group = group, Devices = _groups[group] });
        }

        for (int i = 0; i < (target.Windows?.Length ?? 0) && refused == null; i++)
        {
            AbiWindow now = Expected.Windows![i];
            if (now == target.Windows![i])
            {
                continue;
            }

            ulong iova = target.WindowStart(i);
            refused = !now.IsMapped ? null
                : now.IsDma ? Do(Op(OpKind.UnmapDma) with { Iova = iova, Size = now.Size })
                : Do(Op(OpKind.UnmapMsi) with { Iova = iova });
            refused ??= Map(target, i);
        }

        return refused ?? (target.Stash == Expected.Stash ? null : SetStash(target.Stash));
    }

    private string? SetStash((uint Cpu, uint Cache) stash) =>
        Do(Op(OpKind.SetStash) with { Attribute = (uint)PamuAttr.Stash, Cpu = stash.Cpu, Cache = stash.Cache });

    private string? Map(AbiContainer target, int index)
    {
        AbiWindow window = target.Windows![index];
        ulong iova = target.WindowStart(index);
        if (!window.IsMapped)
        {
            return null;
        }

        if (!window.IsDma)
        {
            return Do(Op(OpKind.MapMsi) with { Bank = (uint)window.Bank, Iova = iova, Flags = window.Prot });
        }

        return RecordedPlatform.TryFindVaddr(window.Target, window.Size, out ulong vaddr)
            ? Do(Op(OpKind.MapDma) with { Vaddr = vaddr, Iova = iova, Size = window.Size, Flags = window.Prot })
            : $"window {index} has no vaddr";
    }

    private string? Differs(OpKind kind, PamuAttr attribute, (ulong First, ulong Second) expected)
    {
        long result = Call(Op(kind) with { Attribute = (uint)attribute }, out (ulong First, ulong Second)? output);
        return result == 0 && output == expected ? null : $"{kind} answers {result} {Text(output)}, not {Text(expected)}";
    }

    private static string Text((ulong First, ulong Second)? output) => output is (ulong first, ulong second)
        ? string.Create(CultureInfo.InvariantCulture, $"(0x{first:x}, 0x{second:x})")
        : "nothing";

    private RecordedOp Op(OpKind kind)
    {
        var op = new RecordedOp { Kind = kind, Container = _number };
        return op with { ArgSz = (uint)op.StructBytes };
    }

    private string? Do(RecordedOp op) => Call(op, out _) is var result and not 0 ? $"{op.Kind} answers {result}" : null;
}
