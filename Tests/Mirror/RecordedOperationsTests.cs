using PamuFastPath.Cli.Conform;
using PamuFastPath.Tests.Conformance;
using Xunit.Abstractions;

namespace PamuFastPath.Tests.Mirror;

/// <summary>
/// All recorded operations on a container with the PAMU backend over the recorded kernel: after each, what the PAMU's tables let each LIODN do
/// is what the software engine says, and a refused call has changed neither. Where the backend refuses what software alone accepts, a limit of the
/// list in docs/hardware.md says why; every one is counted here.
/// </summary>
public class RecordedOperationsTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("ops.jsonl.gz", 25_220, "small-mapping 11, small-windows: MSI alone 38, small-windows: late group 20, table-entries 3")]
    [InlineData("directed-ops.jsonl.gz", 246, "small-mapping 3")]
    public void Tables_and_software_agree_after_every_recorded_operation(string file, int calls, string limits)
    {
        using var replay = new MirrorReplay(file);
        output.WriteLine($"{file}: {replay.Calls} calls, {replay.Accepted} accepted, {replay.Refused} refused by the ABI's rules");
        string counted = string.Join(", ", replay.Limits.Select(limit => $"{limit.Key} {limit.Value}"));
        output.WriteLine($"refused by limits of the backend: {counted}");
        output.WriteLine($"compared after every call, {replay.Live} times with live windows; {replay.Probes} accesses at edges");
        output.WriteLine($"{replay.KernelCalls} calls of the kernel, and the tables looked at after each; {replay.Lost} table entries lost");
        Assert.Empty(replay.Differences);
        Assert.Equal(limits, counted);
        Assert.Equal(0, replay.Lost);
        Assert.Equal(calls, replay.Calls);
        Assert.Equal(calls, replay.Accepted + replay.Refused + replay.Limits.Values.Sum());
    }

    private sealed class MirrorReplay : IDisposable
    {
        private const int SecondaryEntries = 0x800;

        private readonly Dictionary<int, (int Handle, AbiContainer Expected)> _containers = [];
        private MirroredMachine _machine = new(1);
        private uint _windowsMax;
        private int _probes;

        internal MirrorReplay(string file)
        {
            using var recording = new Recording(Recordings.PathOf(file));
            foreach (RecordedLine line in recording.ReadLines())
            {
                Take(line);
            }
        }

        public void Dispose() => _machine.Dispose();

        internal List<string> Differences { get; } = [];

        internal int Calls { get; private set; }

        internal int Accepted { get; private set; }

        internal int Refused { get; private set; }

        /// <summary>Comparisons in which some LIODN had a live window.</summary>
        internal int Live { get; private set; }

        internal int Probes => _probes;

        internal int KernelCalls { get; private set; }

        /// <summary>Entries of the secondary table that are taken when all containers are closed.</summary>
        internal int Lost { get; private set; }

        internal SortedDictionary<string, int> Limits { get; } = [];

        private void Take(RecordedLine line)
        {
            switch (line)
            {
                case BeginLine begin:
                    _machine.Dispose();
                    _machine = new MirroredMachine(begin.MaxWindows);
                    _windowsMax = (uint)begin.MaxWindows;
                    _containers.Clear();
                    break;
                case OpenLine open:
                    if (_containers.Remove(open.Container, out (int Handle, AbiContainer) old))
                    {
                        _machine.Close(old.Handle);
                    }

                    _containers.Add(open.Container, (_machine.Open(), new AbiContainer(_windowsMax)));
                    Compare(line, "open");
                    break;
                case OpLine op:
                    Take(op);
                    break;
                case StateLine:
                    Check(line, "single accesses", null, _machine.AccessDifference(ref _probes));
                    break;
                case EndLine:
                    Check(line, "single accesses", null, _machine.AccessDifference(ref _probes));
                    foreach ((int handle, _) in _containers.Values)
                    {
                        _machine.Close(handle);
                    }

                    Compare(line, "close");
                    Lost += _machine.Kernel.Driver.SecondaryUsed;
                    break;
            }
        }

        private void Take(OpLine line)
        {
            Calls++;
            RecordedOp op = line.Op;
            (int handle, AbiContainer expected) = _containers[op.Container];
            AbiContainer next = expected.Clone();
            long documented = next.Apply(op);
            string before = _machine.Describe();
            int kernelCalls = _machine.Kernels[handle].Calls.Count;
            string? meanwhile = null;
            _machine.Between[handle].After = () =>
            {
                KernelCalls++;
                meanwhile ??= DifferenceMeanwhile(expected, next);
            };

            long result;
            try
            {
                result = SubjectDoor.Call(_machine, handle, op, out _);
            }
            catch (KernelFaultException fault)
            {
                Check(line, line.Name, "the kernel returns", fault.Message);
                return;
            }

            if (result == documented)
            {
                Check(line, $"{line.Name}, between two calls of the kernel", null, meanwhile);
                Accepted += result >= 0 ? 1 : 0;
                Refused += result < 0 ? 1 : 0;
                _containers[op.Container] = (handle, next);
            }
            else if (LimitOf(op, next, result) is string limit)
            {
                Limits[limit] = Limits.GetValueOrDefault(limit) + 1;
                Check(line, $"{limit}: calls of the kernel", "0", $"{_machine.Kernels[handle].Calls.Count - kernelCalls}");
            }
            else if (IsTableFull(op, next, result))
            {
                // Only the kernel knows. A LIODN that passed everything through since boot may be cut off now: see Difference.
                Limits["table-entries"] = Limits.GetValueOrDefault("table-entries") + 1;
                Check(line, $"{line.Name} refused", Without(op, before), Without(op, _machine.Describe()));
                Compare(line, line.Name);
                return;
            }
            else
            {
                Check(line, line.Name, $"{documented}", $"{result}");
            }

            if (result < 0)
            {
                Check(line, $"{line.Name} refused", before, _machine.Describe());
            }

            Compare(line, line.Name);
        }

        /// <summary>Which limit of the backend makes an accepted call a refused one. Said from the call and what it should have led to, alone.</summary>
        private static string? LimitOf(RecordedOp op, AbiContainer next, long result)
        {
            if (next.Groups.Count == 0 || next.Windows == null)
            {
                return null; // nothing is asked of hardware
            }

            if (result == -(long)Errno.EINVAL && next.Windows.Any(window => window.IsDma && window.Size < next.WindowSize))
            {
                return "small-mapping";
            }

            bool hasDma = next.Windows.Any(window => window.IsDma);
            bool hasMsi = next.Windows.Any(window => window.IsMapped && !window.IsDma);
            if (next.WindowSize < 8192)
            {
                return result == -(long)Errno.EINVAL && hasMsi && !hasDma ? "small-windows: MSI alone"
                    : result == -(long)Errno.EBUSY && op.Kind == OpKind.AttachGroup && (hasDma || hasMsi) && next.Groups.Count > 1 ? "small-windows: late group"
                    : null;
            }

            return null;
        }

        /// <summary>
        /// Whether the containers, as they would be, need more entries of the secondary table than it has: one less than its windows for each LIODN.
        /// </summary>
        private bool IsTableFull(RecordedOp op, AbiContainer next, long result)
        {
            long entries = 0;
            foreach ((int number, (_, AbiContainer expected)) in _containers)
            {
                AbiContainer container = number == op.Container ? next : expected;
                int liodns = container.Groups.Sum(group => RecordedPamuMachine.RecordedGroups[group].Sum(device => device.Length));
                entries += container.Windows == null ? 0 : (container.Count - 1) * liodns;
            }

            return entries > SecondaryEntries && result == -(long)(op.Kind == OpKind.AttachGroup ? Errno.EINVAL : Errno.ENOMEM);
        }

        /// <summary>
        /// While a call is under way: what a LIODN may do before and after it may do all the time, and nothing that it may do neither before nor
        /// after. But for one that comes new, and passes everything through until the first window count.
        /// </summary>
        private string? DifferenceMeanwhile(AbiContainer before, AbiContainer after)
        {
            foreach (int group in before.Groups.Union(after.Groups))
            {
                HashSet<TableRange> old = Allowed(before, group);
                HashSet<TableRange> wanted = Allowed(after, group);
                foreach (int liodn in RecordedPamuMachine.RecordedGroups[group].SelectMany(device => device))
                {
                    if (_machine.Kernel.Driver.Tables[liodn] == PrimaryEntry.Boot)
                    {
                        continue;
                    }

                    IReadOnlyList<TableRange> reach = _machine.Kernel.Reach(liodn);
                    TableRange extra = reach.FirstOrDefault(range => !old.Contains(range) && !wanted.Contains(range));
                    TableRange missing = old.FirstOrDefault(range => wanted.Contains(range) && !reach.Contains(range));
                    if (extra.Access != 0 || missing.Access != 0)
                    {
                        return $"LIODN 0x{liodn:x}: {(extra.Access != 0 ? $"too much: {extra}" : $"too little: {missing}")}";
                    }
                }
            }

            return null;
        }

        private static HashSet<TableRange> Allowed(AbiContainer container, int group)
        {
            var live = new HashSet<TableRange>();
            for (int i = 0; i < (container.Windows?.Length ?? 0) && container.Groups.Contains(group); i++)
            {
                AbiWindow window = container.Windows![i];
                if (window.IsMapped)
                {
                    live.Add(new TableRange(container.WindowStart(i), window.Size, window.Target, window.Prot));
                }
            }

            return live;
        }

        /// <summary>A description without the LIODNs of the group that a call names.</summary>
        private static string Without(RecordedOp op, string description) => string.Join('\n', description.Split('\n').Where(line =>
            !op.Devices.SelectMany(device => device).Any(liodn => line.StartsWith($"0x{liodn:x} ", StringComparison.Ordinal))));

        private void Compare(RecordedLine line, string what)
        {
            Live += _machine.Engine.Containers.Any(container => container.Groups.Count > 0 && container.GetWindows().Any(window => window.IsLive)) ? 1 : 0;
            Check(line, $"tables after {what}", null, _machine.Difference());
        }

        private void Check(RecordedLine line, string what, string? expected, string? got)
        {
            if (expected != got && Differences.Count < 10)
            {
                Differences.Add($"line {line.Number}, {what}: {got}, not {expected}");
            }
        }
    }
}
