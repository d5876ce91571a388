using System.Globalization;
using System.Text.Json.Nodes;
using PamuFastPath.Cli.Conform;
using PamuFastPath.Tests.Conformance;

namespace PamuFastPath.Tests.Mirror;

/// <summary>That the simulated kernel is the recorded driver: answers, state and tables, on every recorded line.</summary>
public class RecordedPamuKernelTests
{
    [Theory]
    [InlineData("ops.jsonl.gz", 24_514, 706, 49, 490, 360)]
    [InlineData("directed-ops.jsonl.gz", 242, 4, 0, 67, 25)]
    public void It_answers_every_recorded_call_as_recorded_and_is_where_the_driver_was_after_it(
        string file, int answered, int faults, int undefined, int states, int probes)
    {
        var replay = new KernelReplay(file, new Dictionary<long, JsonObject>());
        Assert.Empty(replay.Differences);
        Assert.Equal((answered, faults, undefined), (replay.Answered, replay.Faults, replay.Undefined));
        Assert.Equal((states, probes), (replay.States, replay.ProbeLines));
    }

    [Theory]
    [InlineData("ops.jsonl.gz", "paact.jsonl.gz", 78, 343)]
    [InlineData("directed-ops.jsonl.gz", "directed-paact.jsonl.gz", 25, 30)]
    public void Its_tables_translate_as_the_recorded_tables_do(string file, string tables, int sequences, int liodns)
    {
        Dictionary<long, JsonObject> dumps = Recordings.ReadLines(Recordings.PathOf(tables))
            .Select(Recordings.Parse)
            .ToDictionary(dump => (long)dump["seq"]!);
        var replay = new KernelReplay(file, dumps);
        Assert.Empty(replay.Differences);
        Assert.Equal((sequences, liodns), (replay.Dumps, replay.Liodns));
    }

    /// <summary>All lines of a recording, through the kernel's byte door.</summary>
    private sealed class KernelReplay
    {
        private readonly Dictionary<long, JsonObject> _dumps;
        private readonly Dictionary<int, RecordedPamuKernel> _kernels = [];
        private RecordedPamuMachine _machine = new(1);

        internal KernelReplay(string file, Dictionary<long, JsonObject> dumps)
        {
            _dumps = dumps;
            using var recording = new Recording(Recordings.PathOf(file));
            foreach (RecordedLine line in recording.ReadLines())
            {
                Take(line);
            }
        }

        internal List<string> Differences { get; } = [];

        internal int Answered { get; private set; }

        /// <summary>Calls that do not return: the kernel has to fault in the same way. What it would leave behind was not recorded.</summary>
        internal int Faults { get; private set; }

        /// <summary>Answers that are an uninitialised variable in the driver, among the answered; the recorder's compiler made them 0.</summary>
        internal int Undefined { get; private set; }

        internal int States { get; private set; }

        internal int ProbeLines { get; private set; }

        internal int Dumps { get; private set; }

        internal int Liodns { get; private set; }

        private void Take(RecordedLine line)
        {
            switch (line)
            {
                case BeginLine begin:
                    _machine = new RecordedPamuMachine(begin.MaxWindows);
                    _kernels.Clear();
                    break;
                case OpenLine open:
                    _kernels[open.Container] = new RecordedPamuKernel(_machine, open.Container);
                    _kernels[open.Container].Open();
                    break;
                case OpLine { Op.Fault: string fault } op:
                    Faults++;
                    DriverMachine before = _machine.Driver;
                    _machine.Driver = before.Clone();
                    Check(line, fault, Try(op.Op, out _));
                    _machine.Driver = before;
                    break;
                case OpLine op:
                    Take(op);
                    break;
                case StateLine state:
                    States++;
                    DriverContainer driver = _machine.Driver[state.State.Container];
                    Check(line, null, DriverState.VisibleDifference(driver, state.State));
                    Check(line, null, DriverState.InnerDifference(_machine.Driver, driver, state.State, areTablesKnown: true));
                    break;
                case ProbesLine probes:
                    ProbeLines++;
                    foreach (Probe probe in probes.Probes)
                    {
                        Check(line, Hex(probe.Phys), Hex(_machine.Driver[probes.Container].Domain.IovaToPhys(probe.Iova)));
                    }

                    break;
                case EndLine end when _dumps.TryGetValue(end.Sequence, out JsonObject? dump):
                    Take(end, dump);
                    break;
            }
        }

        private void Take(OpLine line)
        {
            RecordedOp op = line.Op;
            Answered++;
            Undefined += op.IsUndefined ? 1 : 0;
            Check(line, $"{op.IoctlRet}", Try(op, out (ulong, ulong)? output));
            DriverDomain domain = _machine.Driver[op.Container].Domain;
            Check(line, $"{op.IsEnabledAfter} {op.MappedAfter}", $"{domain.IsEnabled} {domain.Mapped}");
            if (op.IsGet)
            {
                Check(line, $"{op.Out}", $"{output}");
            }
        }

        /// <summary>What the call answers, or how it does not return; and what it wrote.</summary>
        private string Try(RecordedOp op, out (ulong First, ulong Second)? output)
        {
            RecordedPamuKernel kernel = _kernels[op.Container];
            output = null;
            try
            {
                switch (op.Kind)
                {
                    case OpKind.AttachGroup:
                        return $"{-(int)kernel.Attach(op.Group).Errno}";
                    case OpKind.DetachGroup:
                        kernel.Detach(op.Group);
                        return "0";
                    case OpKind.GetMsiBankCount:
                        return $"{kernel.Ioctl(PamuRequests.PamuGetMsiBankCount)}";
                    case OpKind.Ioctl:
                        return $"{kernel.Ioctl(op.Command, op.Argument)}";
                }

                Span<byte> bytes = stackalloc byte[SubjectDoor.BufferBytes];
                SubjectDoor.Fill(op, bytes);
                byte[] before = bytes.ToArray();
                long result = kernel.Ioctl(SubjectDoor.RequestOf(op), bytes);
                output = op.IsGet && !bytes.SequenceEqual(before) ? SubjectDoor.Read(op, bytes) : null;
                return $"{result}";
            }
            catch (KernelFaultException fault)
            {
                return fault.Message;
            }
        }

        private void Take(EndLine line, JsonObject dump)
        {
            Dumps++;
            foreach (JsonObject recorded in dump["liodns"]!.AsArray().Cast<JsonObject>())
            {
                Liodns++;
                int liodn = (int)recorded["liodn"]!;
                Check(line, $"0x{liodn:x} {(int)recorded["ppaace_valid"]! == 1}", $"0x{liodn:x} {_machine.Driver.Tables[liodn].IsValid}");
                IReadOnlyList<TableRange> reach = _machine.Reach(liodn);
                foreach (JsonArray probe in recorded["probes"]!.AsArray().Cast<JsonArray>())
                {
                    ulong iova = Number(probe[0]!);
                    string expected = probe[1] == null ? "nothing" : $"0x{Number(probe[1]!):x} {(uint)probe[2]!}";
                    TableRange range = reach.FirstOrDefault(range => iova >= range.Iova && iova - range.Iova < range.Size);
                    string got = range.Access == 0 ? "nothing" : $"0x{range.Target + (iova - range.Iova):x} {range.Access}";
                    Check(line, $"0x{liodn:x} 0x{iova:x} {expected}", $"0x{liodn:x} 0x{iova:x} {got}");
                }
            }
        }

        private void Check(RecordedLine line, string? expected, string? got)
        {
            if (expected != got && Differences.Count < 20)
            {
                Differences.Add($"line {line.Number}: recorded {expected}, simulated {got}");
            }
        }

        private static string Hex(ulong? phys) => phys is ulong address ? $"0x{address:x}" : "oops";

        private static ulong Number(JsonNode hex) => ulong.Parse(((string)hex!).AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }
}
