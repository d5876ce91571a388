using PamuFastPath.Diagnostics;
using PamuFastPath.Fuzz.Targets;
using PamuFastPath.Tests.Model;
using PamuFastPath.Tests.Properties;

namespace PamuFastPath.Fuzz.Sequences;

/// <summary>
/// A device's reads and writes through a port, compared with plain copies along the model's translation; and what is counted of them, while it is.
/// </summary>
internal sealed class DmaSteps : IDisposable
{
    /// <summary>Most targets that MAP_DMA steps make lie around here; RAM with a hole.</summary>
    private const ulong RamStart = 0x1_0000_0000;
    private const int RamBytes = 0x8000;
    private const ulong SecondStart = RamStart + 0x1_0000;

    private static readonly uint[] Liodns = [0x42, 0x51, 0x52, 0x10, 0x7, 0x77, 0, 0xFFFF];
    private static readonly int[] Lengths = [0, 1, 3, 4, 8, 64, 4095, 4096, 4097, 8192, 70_000];

    private readonly Lockstep _lockstep;
    private readonly GuestMemory _memory = new();
    private readonly byte[] _first = new byte[RamBytes];
    private readonly byte[] _second = new byte[RamBytes];
    private readonly Dictionary<ulong, byte> _model = [];
    private readonly Sink _sink = new();
    private DmaResult _result;

    internal DmaSteps(Lockstep lockstep)
    {
        _lockstep = lockstep;
        _memory.Add(RamStart, _first.AsMemory());
        _memory.Add(SecondStart, _second.AsMemory());
    }

    private sealed class Sink : IMsiSink
    {
        internal MsiMessage? Last { get; set; }

        public void Deliver(in MsiMessage message) => Last = message;
    }

    public void Dispose() => _memory.Dispose();

    internal void Make(in Call call)
    {
        uint liodn = Liodns[call.Window % Liodns.Length];
        int length = Lengths[call.Length % Lengths.Length];
        ulong iova = _lockstep.NearWindow(call);
        var port = new DmaPort(_lockstep.Reader, liodn, _memory, _sink);
        _sink.Last = null;
        ModelRange range = ModelTranslation.TranslateRange(_lockstep.HolderOf(liodn), iova, (ulong)length, call.IsByteDoor ? DmaAccess.Read : DmaAccess.Write);
        EngineStatistics before = _lockstep.Engine.GetStatistics();
        if (call.IsByteDoor)
        {
            Read(port, iova, length, range);
        }
        else
        {
            Write(port, iova, length, range, call.Wild);
        }

        if (before.IsCounting)
        {
            PlainAccess access = PlainAccess.Of(_lockstep.HolderOf(liodn), iova, (ulong)length, call.IsByteDoor ? DmaAccess.Read : DmaAccess.Write);
            CompareCounts(before.Accesses, access, range, _lockstep.HolderOf(liodn), iova, length, call.IsByteDoor);
        }
    }

    /// <summary>One access was counted, as what it was.</summary>
    private void CompareCounts(AccessCounts before, PlainAccess access, ModelRange range, ModelContainer? holder, ulong iova, int length, bool isRead)
    {
        AccessCounts after = _lockstep.Engine.GetStatistics().Accesses;
        string what = $"counted of {length} bytes at 0x{iova:x}, which are {_result}";
        int bank = access.Fault == FaultKind.None && (access.IsMessage || range.Segments is [{ IsMsi: true }]) ? range.Segments[0].MsiBank : -1;
        bool isMemory = access.Fault == FaultKind.None && bank < 0;
        Require(after.Translations - before.Translations == 1, $"{after.Translations - before.Translations} accesses are {what}");
        Require(after.MemoryHits - before.MemoryHits == (isMemory ? 1u : 0u), $"{after.MemoryHits - before.MemoryHits} hits are {what}");
        Require(access.Fault == FaultKind.None || after.Faults[(int)access.Fault] - before.Faults[(int)access.Fault] == 1, $"no {access.Fault} is {what}");
        Require(bank < 0 || after.MsiHits[bank] - before.MsiHits[bank] == 1, $"nothing of bank {bank} is {what}");
        if (_result.Status != DmaStatus.Done && isMemory)
        {
            return; // of memory that is not there all, how much is counted is the port's business
        }

        (ulong read, ulong written) = (after.BytesRead - before.BytesRead, after.BytesWritten - before.BytesWritten);
        ulong bytes = isMemory ? (ulong)length : 0;
        Require((read, written) == (isRead ? bytes : 0, isRead ? 0 : bytes), $"{read} and {written} bytes are {what}");
        if (_lockstep.Engine.CountsWindows && length <= DmaPort.PieceBytes)
        {
            for (int i = 0; i < after.WindowHits.Length; i++)
            {
                bool isTouched = access.Fault == FaultKind.None && i < holder!.Count
                    && holder.StartOf(i) < (UInt128)iova + (uint)length && holder.StartOf(i + 1) > iova;
                ulong hits = after.WindowHits[i] - before.WindowHits[i];
                Require(hits == (isTouched ? 1u : 0u), $"{hits} in window {i} are {what}");
            }
        }
    }

    private void Read(DmaPort port, ulong iova, int length, ModelRange range)
    {
        byte[] bytes = new byte[length];
        bytes.AsSpan().Fill(0xAA);
        DmaResult result = _result = port.Read(iova, bytes);
        if (Refused(port, iova, length, DmaAccess.Read, range, isMessage: false, result))
        {
            Require(bytes.All(one => one == 0xAA), "a refused read left its buffer alone");
            return;
        }

        int done = 0;
        foreach (DmaSegment segment in range.Segments)
        {
            for (ulong i = 0; i < segment.Length; i++)
            {
                ulong target = segment.Target + i;
                if (!segment.IsMsi && !IsRam(target))
                {
                    Require(result.Status == DmaStatus.NoMemory, $"a read of 0x{target:x}, where no RAM is, is {result}");
                    return;
                }

                byte expected = segment.IsMsi ? (byte)0 : _model.GetValueOrDefault(target);
                Require(result.Status == DmaStatus.NoMemory || bytes[done] == expected, $"byte {done} of a read at 0x{iova:x}");
                done++;
            }
        }

        Require(result == new DmaResult(DmaStatus.Done, length, FaultKind.None, 0), $"a read of {length} bytes at 0x{iova:x} is {result}");
    }

    private void Write(DmaPort port, ulong iova, int length, ModelRange range, ulong wild)
    {
        byte[] bytes = new byte[length];
        new Random((int)wild).NextBytes(bytes);
        DmaResult result = _result = port.Write(iova, bytes);
        bool isMessage = range.Segments is [{ IsMsi: true }] && length == 4 && iova % 4 == 0;
        if (Refused(port, iova, length, DmaAccess.Write, range, isMessage, result))
        {
            return;
        }

        if (isMessage)
        {
            DmaSegment segment = range.Segments[0];
            var expected = new MsiMessage(port.Liodn, segment.MsiBank, (int)(segment.Target % 4096), BitConverter.ToUInt32(bytes));
            Require(result.Status == DmaStatus.Message && _sink.Last == expected, $"a message at 0x{iova:x} is {result}, {_sink.Last}");
            return;
        }

        // Where a piece meets no RAM, how much of it was copied is the port's business: whole parts of it, from the front.
        int done = 0;
        foreach (DmaSegment segment in range.Segments)
        {
            for (ulong i = 0; i < segment.Length && done < result.BytesDone; i++)
            {
                Require(IsRam(segment.Target + i), $"a write to 0x{segment.Target + i:x}, where no RAM is, is {result}");
                _model[segment.Target + i] = bytes[done++];
            }
        }

        bool isAllRam = range.Segments.TrueForAll(segment => Enumerable.Range(0, (int)segment.Length).All(i => IsRam(segment.Target + (ulong)i)));
        Require(result.Status == (isAllRam ? DmaStatus.Done : DmaStatus.NoMemory), $"a write of {length} bytes at 0x{iova:x} is {result}");
        Require(!isAllRam || result.BytesDone == length, $"a write of {length} bytes at 0x{iova:x} is {result}");
        foreach ((ulong target, byte expected) in _model)
        {
            byte actual = target < SecondStart ? _first[target - RamStart] : _second[target - SecondStart];
            Require(actual == expected, $"RAM at 0x{target:x} after a write at 0x{iova:x}");
        }
    }

    /// <summary>Whether the model refuses the access; the answer and the record of the fault have to say the same.</summary>
    private bool Refused(DmaPort port, ulong iova, int length, DmaAccess access, ModelRange range, bool isMessage, DmaResult result)
    {
        (FaultKind kind, ulong at) = (range.Fault, range.FaultIova);
        if (kind == FaultKind.None && access == DmaAccess.Write && !isMessage && range.Segments.Exists(segment => segment.IsMsi))
        {
            (kind, at) = (FaultKind.BadLength, range.Segments.Find(segment => segment.IsMsi).Iova);
        }

        bool isRecorded = _lockstep.Engine.Faults.TryTake(out FaultRecord record);
        Require(isRecorded == (kind != FaultKind.None), $"{access} of {length} bytes at 0x{iova:x}: {kind}, and recorded is {record}");
        if (kind == FaultKind.None)
        {
            return false;
        }

        bool isAnswered = result == new DmaResult(DmaStatus.Fault, 0, kind, at);
        Require(isAnswered, $"{access} of {length} bytes at 0x{iova:x}: {kind} at 0x{at:x}, and the answer is {result}");
        Require(record == new FaultRecord(kind, port.Liodn, iova, (ulong)length, access, at), $"the record of {kind} at 0x{at:x} is {record}");
        Require(_sink.Last == null, "a refused access is no message");
        return true;
    }

    private static bool IsRam(ulong target) => target - RamStart < RamBytes || target - SecondStart < RamBytes;

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new FindingException(otherwise);
        }
    }
}
