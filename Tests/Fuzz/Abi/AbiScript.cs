using System.Buffers.Binary;
using PamuFastPath.Fuzz.Targets;
using PamuFastPath.Tests.ByteDoor;
using PamuFastPath.Tests.Model;
using PamuFastPath.Tests.Properties;

namespace PamuFastPath.Fuzz.Abi;

/// <summary>An input read as calls of pamu.h, 16 bytes each, made with every library and with the model. Any bytes are such a script.</summary>
internal sealed class AbiScript : IDisposable
{
    internal const int StepBytes = 16;

    private static readonly Op[] Ops =
    [
        Op.SetGeometry, Op.SetWindows, Op.SetStash, Op.MapDma, Op.MapDma, Op.MapDma, Op.MapDma, Op.UnmapDma, Op.UnmapDma,
        Op.MapMsiBank, Op.MapMsiBank, Op.UnmapMsiBank,
    ];

    private static readonly ulong[] BadHandles = [0, 1, 8, 0x1001, 0x7FFF_FFFF_FFF9, 0x5000_0000_0000_0001, ulong.MaxValue];

    private readonly byte[] _input;
    private readonly AbiMachine[] _machines;
    private readonly AbiModel _model = new();
    private byte[]? _snapshot;

    internal AbiScript(byte[] input, AbiLibrary[] libraries, GuardedMemory memory)
    {
        _input = input;
        _machines = Array.ConvertAll(libraries, library => new AbiMachine(library, memory));
    }

    /// <summary>Containers that one library opened.</summary>
    internal int ContainersOpened { get; private set; }

    internal static IEnumerable<byte[]> Seeds()
    {
        var random = new Random(1);
        for (byte kind = 0; kind < 32; kind++)
        {
            List<byte> script = [.. Step(random, kind: 10, flags: 0)]; // a container
            script.AddRange(Step(random, kind: 12, flags: 0)); // a group
            foreach (byte op in (byte[])[0, 1, 3, 9])
            {
                byte[] call = Step(random, kind: 5, flags: 0);
                (call[1], call[6]) = (op, (byte)random.Next(60));
                script.AddRange(call);
            }

            script.AddRange(Step(random, kind: 8, flags: 0)); // attach
            script.AddRange(Step(random, kind, flags: 0));
            script.AddRange(Step(random, kind, flags: 1));
            yield return [.. script];
        }
    }

    public void Dispose() => Array.ForEach(_machines, machine => machine.Dispose());

    internal void Run()
    {
        for (int at = 0; at + StepBytes <= _input.Length; at += StepBytes)
        {
            ReadOnlySpan<byte> step = _input.AsSpan(at, StepBytes);
            bool isInSection = (step[2] & 1) != 0 && Array.TrueForAll(_machines, machine => machine.Enter(0));
            if (isInSection)
            {
                _model.Enter();
            }

            Take(CallOf(step), step, isInSection);
            if (isInSection)
            {
                _model.Leave();
                Array.ForEach(_machines, machine => machine.Leave());
            }

            Agree(step);
        }
    }

    private static byte[] Step(Random random, byte kind, byte flags)
    {
        byte[] step = new byte[StepBytes];
        random.NextBytes(step);
        (step[0], step[2], step[3], step[4]) = (kind, flags, 0, 0);
        return step;
    }

    private static Call CallOf(ReadOnlySpan<byte> step) => new(
        Ops[step[1] % Ops.Length],
        IsByteDoor: false,
        step[3] % AbiMachine.Containers,
        step[4],
        step[5] % 100,
        step[6] % 100,
        BinaryPrimitives.ReadUInt64LittleEndian(step[8..]));

    private void Take(in Call call, ReadOnlySpan<byte> step, bool isInSection)
    {
        int place = call.Container;
        int group = call.Window % AbiModel.GroupCount;
        byte how = step[7];
        switch (step[0] % 24)
        {
            case < 5:
                Ioctl(call, step);
                break;
            case < 8:
                Typed(call);
                break;
            case 8:
                Same(_model.Attach(group, place), machine => machine.Attach(group, place), "pamu_attach");
                break;
            case 9:
                Same(_model.Detach(group), machine => machine.Detach(group), "pamu_detach");
                break;
            case 10 when _model.Container(place) == null:
                ContainersOpened++;
                Same(_model.CreateContainer(place), machine => machine.CreateContainer(place), "pamu_container_create");
                Same(_model.ContainerFd(place), machine => machine.ContainerFd(place), "pamu_container_fd");
                break;
            case 11 when how > 128: // else containers would not live long enough
                Same(_model.DestroyContainer(place), machine => machine.DestroyContainer(place), "pamu_container_destroy");
                break;
            case 12:
                (int id, uint[] liodns, uint[] banks) = AbiModel.GroupShapes[group];
                Same(_model.CreateGroup(group), machine => machine.CreateGroup(group, id, liodns, banks), "pamu_group_create");
                break;
            case 13 when how > 128:
                Same(_model.DestroyGroup(group), machine => machine.DestroyGroup(group), "pamu_group_destroy");
                break;
            case 14:
                Same(_model.FindGroup(group), machine => machine.FindGroup(AbiModel.GroupShapes[group].Id), "pamu_group_find");
                break;
            case 15:
                Reader(how, isInSection);
                break;
            case 16 or 17:
                Batch(call, isInSection);
                break;
            case 18:
                Twins(machine => how < 128 ? machine.OpenPort(AbiModel.GroupShapes[group].Liodns.FirstOrDefault(0xFFu)) : machine.ClosePort(), "a port");
                break;
            case 19 or 20:
                ulong iova = NearWindow(call);
                bool writes = (step[2] & 2) != 0;
                int length = call.Length * 41 % 5000;
                Twins(machine => machine.Port(writes, iova, length), "an access of a port");
                break;
            case 21:
                Faults(step);
                break;
            case 22:
                Snapshot(place, how);
                break;
            case 23:
                BadHandle(how, call.Window % 8);
                break;
        }
    }

    /// <summary>A handle that was never one, or is closed.</summary>
    private void BadHandle(int function, int which) => Same(
        -(long)Errno.EBADF,
        machine => machine.WithBadHandle(function, which < BadHandles.Length ? (nint)BadHandles[which] : machine.Closed),
        $"function {function} with bad handle {which}");

    private void Ioctl(in Call call, ReadOnlySpan<byte> step)
    {
        byte[] bytes = new byte[32];
        Call by = step[1] switch
        {
            > 240 => call with { Op = Op.SetIommu },
            > 225 => call with { Op = Op.Attach },
            > 215 => call with { Op = Op.Detach },
            _ => call,
        };
        uint request = Structs.Write(by.Op, CallArguments.Of(by, _model.Machine, _model.Shape(call.Container)), bytes);
        request = step[1] is > 200 and <= 215 ? PamuRequests.IommuGetInfo + step[1] % 10u : request;
        if ((step[7] & 0xE0) == 0xE0)
        {
            bytes[step[7] & 0x1F] ^= step[6];
        }

        bool isGroup = PamuRequests.Plain(request) is PamuRequests.GroupGetStatus or PamuRequests.GroupSetContainer or PamuRequests.GroupUnsetContainer;
        bool isByValue = request is PamuRequests.CheckExtension or PamuRequests.SetIommu;
        bool isNowhere = (step[2] & 0x70) == 0x70;
        byte[]? argument = isNowhere || isByValue ? null : bytes[..Math.Min(32, (step[2] & 0x0C) == 0x0C ? step[6] % 33 : 32)];
        ulong address = isByValue ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : call.Window % 2 == 0 ? 0 : ulong.MaxValue - 3;
        byte[]? expectedBytes = (byte[]?)argument?.Clone();
        int group = call.Window % AbiModel.GroupCount;
        int place = call.Container;
        long expected = isGroup ? _model.GroupIoctl(group, request, expectedBytes) : _model.Ioctl(place, request, expectedBytes, address);
        Same(
            expected,
            machine => isGroup ? machine.GroupIoctl(group, request, argument, address) : machine.Ioctl(place, request, argument, address),
            $"request 0x{request:x}");
        if (argument != null)
        {
            string bytesAfter = Convert.ToHexString(expected < 0 ? argument : expectedBytes!);
            Require(_machines[0].Written[^1] == bytesAfter, $"request 0x{request:x}: the argument is {_machines[0].Written[^1]}, not {bytesAfter}");
        }
    }

    private void Typed(in Call call)
    {
        Arguments a = CallArguments.Of(call, _model.Machine, _model.Shape(call.Container));
        int place = call.Container;
        long expected = _model.Call(place, call.Op, a, out ulong expectedBytes);
        expectedBytes = expected < 0 ? 0 : expectedBytes;
        Op op = call.Op;
        ulong unmapped = 0;
        Same(
            expected,
            machine => op switch
            {
                Op.SetGeometry => machine.SetGeometry(place, a.First, a.Second),
                Op.SetWindows => machine.SetWindows(place, (uint)a.First),
                Op.SetStash => machine.SetStash(place, (uint)a.First, (uint)a.Second),
                Op.MapDma => machine.MapDma(place, a.Third, a.First, a.Second, a.Flags),
                Op.UnmapDma => machine.UnmapDma(place, a.First, a.Second, out unmapped),
                Op.MapMsiBank => machine.MapMsiBank(place, (uint)a.First, a.Second, a.Flags),
                _ => machine.UnmapMsiBank(place, a.Second),
            },
            $"{op}({a})");
        Require(unmapped == expectedBytes, $"{op}({a}) unmapped {unmapped} bytes, not {expectedBytes}");
    }

    private void Reader(byte what, bool isInSection)
    {
        switch (what % 8)
        {
            case < 4:
                Twins(machine => machine.Register(), "pamu_reader_register");
                break;
            case < 6:
                Twins(machine => machine.TakeOver(), "pamu_reader_take_over");
                break;
            case 6:
                Twins(machine => machine.Unregister(), "pamu_reader_unregister");
                break;
            case 7 when !isInSection:
                Twins(machine => machine.RemoveByForce(), "pamu_reader_remove_by_force");
                break;
        }
    }

    private void Batch(in Call call, bool isInSection)
    {
        ulong[] iovas = new ulong[67];
        for (int i = 0; i < iovas.Length; i++)
        {
            iovas[i] = NearWindow(call with { Container = 0, Window = call.Window + i, Wild = ulong.RotateLeft(call.Wild, i) });
        }

        ulong length = call.Length < 90 ? 1UL << call.Length % 16 : call.Length < 95 ? 0 : call.Wild;
        int first = call.Length;
        uint[]? lengths = (call.Shape & 2) != 0 ? [.. iovas.Select((_, i) => (first + i) % 23 == 0 ? 0 : 1u << (first + 7 * i) % 18)] : null;
        DmaAccess access = (call.Shape & 1) != 0 ? DmaAccess.Write : DmaAccess.Read;
        Same(isInSection ? 0 : -(long)Errno.EBADF, machine => machine.Batch(iovas, lengths, length, (int)access), "a batch");
        for (int i = 0; isInSection && i < iovas.Length; i++)
        {
            // A closed container's table refuses everything as out of the aperture, and so does the model's lack of one.
            ModelAnswer expected = _model.Container(0) is ModelContainer open
                ? ModelTranslation.Translate(open, iovas[i], lengths?[i] ?? length, access)
                : ModelAnswer.Refused(FaultKind.OutOfAperture, iovas[i]);
            foreach (AbiMachine machine in _machines)
            {
                bool isFault = (machine.Masks[i / 64] >> (i % 64) & 1) != 0;
                Require(
                    machine.Targets[i] == expected.Target && isFault == (expected.Kind == TranslationKind.Fault),
                    $"{machine.Name}: {access} of {lengths?[i] ?? length} bytes at 0x{iovas[i]:x}: {expected}, and got 0x{machine.Targets[i]:x}");
            }
        }
    }

    private void Faults(ReadOnlySpan<byte> step)
    {
        byte[] fault = new byte[48];
        step.CopyTo(fault);
        fault.AsSpan(0, 4).Clear();
        fault[0] = (byte)(step[7] % 9);
        int room = step[6] % 8;
        int size = step[5] < 100 ? step[5] : 256;
        switch (step[4] % 3)
        {
            case 0:
                Twins(machine => machine.AddFault(fault), "pamu_fault_record_add");
                break;
            case 1:
                Twins(machine => machine.TakeFaults(room), "pamu_fault_take");
                break;
            default:
                Twins(machine => machine.LastError(size), "pamu_last_error");
                break;
        }
    }

    /// <summary>Saves, or restores what was saved last, damaged: one that is whole would put the container ahead of the model.</summary>
    private void Snapshot(int place, byte how)
    {
        if (how < 128 || _snapshot == null)
        {
            Twins(machine => machine.Save(place, out _snapshot), "pamu_snapshot_save");
            return;
        }

        byte[] snapshot = [.. _snapshot];
        if (snapshot.Length > 0)
        {
            snapshot[how % snapshot.Length] ^= 1;
        }

        Twins(machine => machine.Restore(place, snapshot), "pamu_snapshot_restore");
    }

    private ulong NearWindow(in Call call)
    {
        ModelContainer shape = _model.Shape(call.Container);
        ulong start = unchecked((ulong)shape.StartOf((int)((uint)call.Window % shape.Count)));
        return (call.Wild & 7) switch
        {
            < 4 => start + (call.Wild >> 8 & 0xFFC),
            < 6 => unchecked(start + (ulong)shape.WindowSize - 1 - (call.Wild >> 8 & 0x1F)),
            6 => unchecked((ulong)shape.End + (call.Wild >> 8 & 7)),
            _ => call.Wild,
        };
    }

    /// <summary>Both libraries answer what the model does.</summary>
    private void Same(long expected, Func<AbiMachine, long> call, string what)
    {
        foreach (AbiMachine machine in _machines)
        {
            long actual = call(machine);
            Require(actual == expected, $"{machine.Name}: {what}: the model says {expected}, the library {actual}");
        }
    }

    /// <summary>Both libraries answer the same.</summary>
    private void Twins(Func<AbiMachine, long> call, string what)
    {
        long[] answers = Array.ConvertAll(_machines, machine => call(machine));
        Require(Array.TrueForAll(answers, answer => answer == answers[0]), $"{what}: {string.Join(" and ", answers)}");
    }

    private void Agree(ReadOnlySpan<byte> step)
    {
        string first = string.Join('\n', _machines[0].Written);
        foreach (AbiMachine machine in _machines)
        {
            string written = string.Join('\n', machine.Written);
            Require(written == first, $"step {Convert.ToHexString(step)}: {machine.Name} has written\n{written}\nand the other\n{first}");
            machine.Written.Clear();
        }
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new FindingException(otherwise);
        }
    }
}
