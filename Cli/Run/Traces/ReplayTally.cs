using System.Numerics;
using PamuFastPath.Cli.Run.Scenarios;

namespace PamuFastPath.Cli.Run.Traces;

/// <summary>Counts what became of the accesses of a trace.</summary>
internal sealed class ReplayTally
{
    /// <summary>Fault records kept for the reports; the rest is counted.</summary>
    private const int FirstFaultsMax = 10;

    private readonly Scenario _scenario;
    private readonly ulong _apertureStart;
    private readonly ulong _apertureLast;
    private readonly int _windowShift;
    private readonly Counts[] _windows;
    private readonly Counts[] _devices;
    private readonly long[] _faultsByKind = new long[(int)Enum.GetValues<FaultKind>().Max() + 1];
    private readonly List<TraceFault> _firstFaults = [];
    private readonly Dictionary<(int Bank, int Offset, uint? Data), (uint Liodn, long Count)> _messages = [];
    private long _translated;
    private long _messageCount;
    private long _crossing;
    private UInt128 _bytesRead;
    private UInt128 _bytesWritten;

    public ReplayTally(PamuContainer container, Scenario scenario)
    {
        _scenario = scenario;
        (_apertureStart, _apertureLast) = container.Geometry;
        _windowShift = BitOperations.TrailingZeroCount(container.WindowSize);
        _windows = new Counts[container.WindowCount];
        _devices = new Counts[scenario.Devices.Count];
    }

    public void Add(TraceBlock block)
    {
        int crossing = 0;
        for (int row = 0; row < block.Count; row++)
        {
            Answer answer = BlockTranslator.AnswerOf(block, row, ref crossing);
            if (answer.Outcome == Outcome.Message)
            {
                AddMessage(block, row, answer);
            }
            else if (answer.Outcome == Outcome.Translated)
            {
                AddTranslated(block, row);
            }
            else
            {
                AddFault(block, row, answer);
            }
        }

        _crossing += crossing;
    }

    public ReplayResult Result(string file, long rows, long invalidations, TimeSpan translateTime, TimeSpan wallTime) => new(
        file,
        rows,
        invalidations,
        _translated,
        _messageCount,
        _faultsByKind.Sum(),
        _crossing,
        _bytesRead,
        _bytesWritten,
        [.. _devices.Select((c, i) => new DeviceHits(_scenario.Devices[i], c.Reads, c.Writes, c.Messages, c.Faults))],
        [.. _windows.Select(static (c, i) => new WindowHits(i, c.Reads, c.Writes, c.Messages, c.Faults))],
        [.. _messages.OrderBy(static pair => pair.Key).Select(Message)],
        [.. Enum.GetValues<FaultKind>().Select(kind => (kind, _faultsByKind[(int)kind])).Where(static pair => pair.Item2 > 0)],
        _firstFaults,
        translateTime,
        wallTime);

    private void AddTranslated(TraceBlock block, int row)
    {
        _translated++;
        bool reads = block.Access[row] == DmaAccess.Read;
        (reads ? ref _bytesRead : ref _bytesWritten) += block.Length[row];
        (reads ? ref _devices[block.Device[row]].Reads : ref _devices[block.Device[row]].Writes)++;
        int last = WindowOf(block.Iova[row] + (block.Length[row] - 1));
        for (int window = WindowOf(block.Iova[row]); window <= last; window++)
        {
            (reads ? ref _windows[window].Reads : ref _windows[window].Writes)++;
        }
    }

    private void AddMessage(TraceBlock block, int row, in Answer answer)
    {
        _messageCount++;
        _devices[block.Device[row]].Messages++;
        _windows[WindowOf(block.Iova[row])].Messages++;
        (int, int, uint?) key = (answer.MsiBank, answer.MsiOffset, block.Op[row] == 'M' ? block.Data[row] : null);
        _messages[key] = (block.Liodn[row], _messages.GetValueOrDefault(key).Count + 1);
    }

    private void AddFault(TraceBlock block, int row, in Answer answer)
    {
        FaultKind kind = answer.Outcome.Fault;
        _faultsByKind[(int)kind]++;
        _devices[block.Device[row]].Faults++;
        if (answer.FaultIova >= _apertureStart && answer.FaultIova <= _apertureLast)
        {
            _windows[WindowOf(answer.FaultIova)].Faults++;
        }

        if (_firstFaults.Count < FirstFaultsMax)
        {
            _firstFaults.Add(new TraceFault(
                block.Line[row],
                _scenario.Devices[block.Device[row]].Name,
                (char)block.Op[row],
                block.Iova[row],
                block.Length[row],
                kind,
                answer.FaultIova));
        }
    }

    private MessageHits Message(KeyValuePair<(int Bank, int Offset, uint? Data), (uint Liodn, long Count)> entry)
    {
        (int bank, int offset, uint? data) = entry.Key;
        bool isKnown = MsiDecoder.TryDecode(
            _scenario.Mpic, new MsiMessage(entry.Value.Liodn, bank, offset, data ?? 0), out MsiInterrupt interrupt);
        return new MessageHits(bank, offset, data, isKnown && data != null ? interrupt : null, entry.Value.Count);
    }

    private int WindowOf(ulong iova) => (int)((iova - _apertureStart) >> _windowShift);

    private struct Counts
    {
        public long Reads;
        public long Writes;
        public long Messages;
        public long Faults;
    }
}
