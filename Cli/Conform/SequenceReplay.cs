using System.Globalization;

namespace PamuFastPath.Cli.Conform;

/// <summary>Replays one recorded sequence: one machine, its ledger, and what is found.</summary>
internal sealed class SequenceReplay : IDisposable
{
    private readonly IConformanceSubject _subject;
    private readonly uint _windowsMax;
    private readonly Tally _tally;
    private readonly Dictionary<int, SubjectContainer> _containers = [];
    private readonly Dictionary<int, IReadOnlyList<IReadOnlyList<int>>> _groups = [];
    private readonly Dictionary<int, DriverDevice> _devices = [];
    private DriverMachine _driver;
    private bool _areTablesKnown = true; // what containers share; no state line says it all, once one of them was lost

    internal SequenceReplay(IConformanceSubject subject, BeginLine begin, Tally tally)
    {
        _subject = subject;
        _windowsMax = (uint)begin.MaxWindows;
        _tally = tally;
        _driver = new DriverMachine(_windowsMax);
        Sequence = begin.Sequence;
    }

    internal long Sequence { get; }

    public void Dispose() => _subject.Dispose();

    /// <summary>Takes the next line.</summary>
    /// <exception cref="FormatException">It makes no sense here.</exception>
    internal void Take(RecordedLine line)
    {
        switch (line)
        {
            case OpenLine open:
                Open(open.Container);
                break;
            case OpLine op:
                LearnGroup(op.Op);
                Take(op, Find(op.Op.Container));
                break;
            case StateLine state when state.State.Groups.FirstOrDefault(group => !_groups.ContainsKey(group), -1) is var group and >= 0:
                throw new FormatException($"groups: group {group} was never attached");
            case StateLine state:
                Take(state, Find(state.State.Container));
                break;
            case ProbesLine probes:
                Take(probes, Find(probes.Container));
                break;
        }
    }

    private void Open(int number)
    {
        if (_containers.Remove(number, out SubjectContainer? old))
        {
            old.Close();
        }

        _driver.Open(number);
        _containers.Add(number, new SubjectContainer(_subject, _windowsMax, number, _groups));
    }

    private SubjectContainer Find(int number) => _containers.TryGetValue(number, out SubjectContainer? container)
        ? container
        : throw new FormatException($"c: container {number} is not open");

    /// <summary>A group has the same devices whenever it is named, and no LIODN of another's.</summary>
    private void LearnGroup(RecordedOp op)
    {
        if (op.Kind is not (OpKind.AttachGroup or OpKind.DetachGroup))
        {
            return;
        }

        if (_groups.TryGetValue(op.Group, out IReadOnlyList<IReadOnlyList<int>>? known))
        {
            if (!known.SelectMany(device => device).SequenceEqual(op.Devices.SelectMany(device => device)))
            {
                throw new FormatException($"devices: group {op.Group} had others before");
            }

            return;
        }

        _groups.Add(op.Group, op.Devices);
        for (int index = 0; index < op.Devices.Count; index++)
        {
            foreach (int liodn in op.Devices[index])
            {
                if (!_devices.TryAdd(liodn, new DriverDevice(op.Group, index, liodn)))
                {
                    throw new FormatException($"devices: LIODN {liodn} is named twice");
                }
            }
        }
    }

    private void Take(OpLine line, SubjectContainer container)
    {
        RecordedOp op = line.Op;
        DriverContainer before = _driver[op.Container];
        int desync = before.Desync;
        DriverMachine tried = op.IsQuery ? _driver : _driver.Clone();
        DriverContainer driver = tried[op.Container];
        DriverAnswer predicted = driver.Apply(op);
        bool isExplained = Agrees(op, predicted);
        if (op.Fault == null && predicted.Fault == null)
        {
            _driver = tried;
        }

        driver = _driver[op.Container];
        if (container.IsLost || (!container.IsAligned && op.TouchesWindows))
        {
            _tally.CountSkipped();
        }
        else
        {
            isExplained = Compare(line, container, isExplained, tried[op.Container].Domain.Causes);
        }

        if (container.IsLost)
        {
            return;
        }

        bool? isTableFull = _areTablesKnown ? tried[op.Container].Domain.Causes.HasFlag(Causes.TableFull) : null;
        if (Contradiction(op, desync, driver.Domain, isTableFull) is (string recorded, string known))
        {
            Contradict(line, container, before.IsPlain && driver.IsPlain, recorded, known);
        }
        else if (!isExplained)
        {
            _tally.CountUnexplained();
            if (op.Fault == null)
            {
                Lose(container);
            }
        }

        Follow(line, container, driver);
    }

    /// <summary>Whether the ledger's answer is the recorded one. After a fault any is: it was not applied.</summary>
    private static bool Agrees(RecordedOp op, DriverAnswer predicted) => op.Fault != null
        ? predicted.Fault != null
        : predicted.Fault == null && predicted.IoctlRet == op.IoctlRet && predicted.OpRet == op.OpRet
            && (op.Out == null || predicted.Out == op.Out);

    /// <summary>Makes the call, and compares the answer and the windows after it.</summary>
    /// <returns>Whether the line is accounted for: explained, or a mismatch.</returns>
    private bool Compare(OpLine line, SubjectContainer container, bool isExplained, Causes causes)
    {
        RecordedOp op = line.Op;
        AbiContainer next = container.Expected.Clone();
        long documented = next.Apply(op);
        (ulong, ulong)? output = documented == 0 && (op.IsGet || op.Kind == OpKind.UnmapDma) ? next.Out : null;
        Deviation? deviation = null;
        bool isSame = documented == op.Result && (op.Out == null || op.Out == output);
        if (!isSame)
        {
            // The ledger must know the driver's way there, or the recording says something that nothing explains.
            deviation = isExplained || op.Fault != null ? DeviationOf(op, documented, causes) : null;
        }
        else if (op.IoctlRet != op.Result)
        {
            deviation = op is { IsSwallowing: true, IoctlRet: 0 } ? Deviations.SwallowedErrno : null;
            isSame = deviation != null;
        }
        else if (isExplained && container.IsAligned && !IsWhereDriverIs(op, next))
        {
            deviation = Deviations.OfEffect(op, causes);
            isSame = deviation != null;
        }

        long result = container.Call(op, out (ulong, ulong)? written);
        container.Expected = next;
        if (deviation != null)
        {
            _tally.Count(deviation);
        }
        else
        {
            _tally.CountCompared();
        }

        if (!isSame && deviation == null)
        {
            string both = $"recorded {Text(op.Result, op.Out)}; no deviation explains {Text(documented, output)}";
            Report(line, line.Name, both, Text(result, written));
            Restore(line, container);
            return true;
        }

        if (result != documented || written != output)
        {
            Report(line, line.Name, Text(documented, output) + (deviation == null ? "" : $" ({deviation.Id})"), Text(result, written));
            Restore(line, container);
        }
        else if (container.WindowDifference() is string difference)
        {
            Report(line, line.Name, "the windows after it", difference);
            Restore(line, container);
        }

        return isExplained;
    }

    private static Deviation? DeviationOf(RecordedOp op, long documented, Causes causes) =>
        op.Kind == OpKind.GetStash && documented == 0 && op.Result == 0 ? Deviations.StashRefusedKept
        : Deviations.OfAnswer(op, documented, causes) ?? (op.Fault != null ? Deviations.KernelFault : null);

    private bool IsWhereDriverIs(RecordedOp op, AbiContainer ours) =>
        DriverState.Target(_driver[op.Container], ours) is AbiContainer target
        && ours.HasGridOf(target) && ours.HasWindowsOf(target) && ours.Groups.SetEquals(target.Groups);

    /// <summary>What the line says besides the answer and the ledger says otherwise; null if they agree. A fault was not applied.</summary>
    private static (string Recorded, string Known)? Contradiction(RecordedOp op, int desync, DriverDomain domain, bool? isTableFull) =>
        op.DesyncBefore != desync ? ($"desync {op.DesyncBefore}", $"desync {desync}")
            : op.Fault != null ? null
            : op.MappedAfter != domain.Mapped || op.IsEnabledAfter != domain.IsEnabled
                ? ($"mapped {op.MappedAfter}, enabled {op.IsEnabledAfter}", $"mapped {domain.Mapped}, enabled {domain.IsEnabled}")
            : isTableFull is bool isFull && op.IsTableFull != isFull ? ($"spaact_exhausted {op.IsTableFull}", $"spaact_exhausted {isFull}")
            : null;

    /// <summary>What is on the line besides the answer is not what the ledger says.</summary>
    private void Contradict(OpLine line, SubjectContainer container, bool isPlain, string recorded, string known)
    {
        if (isPlain)
        {
            Report(line, line.Name, $"recorded {recorded}", known);
        }
        else
        {
            _tally.CountUnexplained();
        }

        Lose(container);
    }

    private void Lose(SubjectContainer container)
    {
        container.IsLost = true;
        _areTablesKnown = false;
    }

    /// <summary>Brings our container to where the driver's went, if one of ours can be that.</summary>
    private void Follow(OpLine line, SubjectContainer container, DriverContainer driver)
    {
        if (container.IsLost)
        {
            return;
        }

        if (DriverState.Target(driver, container.Expected) is not AbiContainer target)
        {
            container.IsAligned = false;
        }
        else if (container.Align(target) is string refused)
        {
            Report(line, line.Name, "the realignment after it", refused);
        }
        else if (container.WindowDifference() is string difference)
        {
            Report(line, line.Name, "the windows after the realignment", difference);
        }
    }

    private void Take(StateLine line, SubjectContainer container)
    {
        DriverContainer driver = _driver[line.State.Container];
        string? visible = DriverState.VisibleDifference(driver, line.State);
        string? inner = DriverState.InnerDifference(_driver, driver, line.State, _areTablesKnown);
        bool isKnown = visible == null && inner == null;
        bool isMismatch = (visible != null || (inner != null && driver.IsPlain)) && container is { IsLost: false, IsAligned: true };
        if (container.IsLost || (!isKnown && !isMismatch))
        {
            if (!container.IsLost)
            {
                _tally.CountUnexplained();
            }

            DriverState.Seed(driver, line.State, _devices);
            container.IsLost = false;
            Realign(line, container, driver);
        }

        if (!container.IsAligned)
        {
            _tally.CountSkipped();
            return;
        }

        bool isStashKept = (line.State.StashCpu, line.State.StashCache) != container.Expected.Stash;
        if (isStashKept)
        {
            _tally.Count(Deviations.StashRefusedKept);
        }
        else
        {
            _tally.CountCompared();
        }

        if (isMismatch)
        {
            Report(line, "state", $"the recorded {visible ?? inner}", $"another {visible ?? inner}");
        }
        else if (Difference(container) is string difference)
        {
            Report(line, "state", "the recorded state", difference);
            Restore(line, container);
        }
    }

    private static string? Difference(SubjectContainer container)
    {
        string? difference = container.WindowDifference() ?? container.AttributeDifference();
        AbiContainer expected = container.Expected;
        for (int i = 0; i < (expected.Windows?.Length ?? 0) && difference == null; i++)
        {
            ulong start = expected.WindowStart(i);
            difference = container.AddressDifference(start) ?? container.AddressDifference(start + (expected.WindowSize - 1));
        }

        return difference;
    }

    private void Take(ProbesLine line, SubjectContainer container)
    {
        if (container.IsLost || !container.IsAligned)
        {
            _tally.CountSkipped();
            return;
        }

        DriverDomain domain = _driver[line.Container].Domain;
        Deviation? deviation = null;
        foreach (Probe probe in line.Probes)
        {
            bool isInWindow = container.Expected.TryFindWindow(probe.Iova, out AbiWindow window, out ulong offset);
            ulong documented = isInWindow && offset < window.Size ? window.Target + offset : 0;
            if (documented != probe.Phys)
            {
                bool isPastMapping = isInWindow && window.IsMapped && offset >= window.Size;
                Deviation? explains = probe.Phys == null ? Deviations.ProbeOops
                    : isPastMapping && probe.Phys == domain.IovaToPhys(probe.Iova) ? Deviations.IovaWrap
                    : null;
                deviation ??= explains;
                if (explains == null)
                {
                    Report(line, "iova_to_phys", $"0x{probe.Iova:x} -> 0x{probe.Phys:x}", $"0x{container.IovaToPhys(probe.Iova):x}");
                }
            }

            if (container.AddressDifference(probe.Iova) is string difference)
            {
                Report(line, "iova_to_phys", "the documented answers", difference);
            }
        }

        if (deviation != null)
        {
            _tally.Count(deviation);
        }
        else
        {
            _tally.CountCompared();
        }
    }

    private void Realign(RecordedLine line, SubjectContainer container, DriverContainer driver)
    {
        container.IsAligned = false;
        AbiContainer? target = DriverState.Target(driver, container.Expected);
        if (target != null && container.Align(target) is string refused)
        {
            Report(line, "state", "the rebuilding from it", refused);
        }
    }

    /// <summary>After a mismatch the subject may be anywhere: what is expected of it is built anew.</summary>
    private void Restore(RecordedLine line, SubjectContainer container)
    {
        if (container.Rebuild(container.Expected) is string refused)
        {
            Report(line, "restore", "a container as expected", refused);
        }
    }

    private void Report(RecordedLine line, string operation, string expected, string got) =>
        _tally.Add(new Mismatch(Sequence, line.Number, operation, expected, got));

    private static string Text(long? result, (ulong First, ulong Second)? output) => output is (ulong first, ulong second)
        ? string.Create(CultureInfo.InvariantCulture, $"{result} (0x{first:x}, 0x{second:x})")
        : result?.ToString(CultureInfo.InvariantCulture) ?? "a fault";
}
