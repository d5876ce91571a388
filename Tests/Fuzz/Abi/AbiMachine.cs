// One library and what was made with it, by the calls of pamu.h.
//
// Unsafe: calls through function pointers, and does what the inline half of pamu.h does. Invariants:
//   - signatures are those of pamu.h;
//   - handles are whatever the library gave or the fuzzer made up; memory behind pointers that the library may follow is ours and lives as long as this.

using System.Runtime.InteropServices;
using PamuFastPath.Tests.ByteDoor;

namespace PamuFastPath.Fuzz.Abi;

/// <summary>An engine behind one library, with a few places for containers and groups, one reader, one memory, one port.</summary>
internal sealed unsafe class AbiMachine : IDisposable
{
    internal const int Containers = 4;
    internal const int RamBytes = 0x4000;
    internal const ulong RamTarget = 0x1_0000_0000;

    private const int ReaderBytes = 128;
    private const int BufferBytes = 4096;

    private readonly AbiLibrary _library;
    private readonly GuardedMemory _memory;
    private readonly byte* _reader = (byte*)NativeMemory.AlignedAlloc(ReaderBytes, 64);
    private readonly byte* _ram = (byte*)NativeMemory.AllocZeroed(RamBytes);
    private readonly byte* _buffer = (byte*)NativeMemory.AllocZeroed(BufferBytes);
    private readonly nint[] _section = new nint[3];
    private nint _engine;
    private nint _ramHandle;
    private nint _port;

    internal AbiMachine(AbiLibrary library, GuardedMemory memory)
    {
        _library = library;
        _memory = memory;
        NativeMemory.Clear(_reader, ReaderBytes);
        Create();
    }

    internal string Name => _library.Name;

    internal nint[] Container { get; } = new nint[Containers];

    internal nint[] Group { get; } = new nint[AbiModel.GroupCount];

    /// <summary>A handle that was closed last.</summary>
    internal nint Closed { get; private set; }

    /// <summary>What calls have written, besides their results: compared between libraries.</summary>
    internal List<string> Written { get; } = [];

    internal bool IsReader => *(ulong*)(_reader + 56) != 0;

    public void Dispose()
    {
        _ = Unregister();
        _ = ((delegate* unmanaged[Cdecl]<nint, int>)_library["pamu_engine_destroy"])(_engine);
        NativeMemory.AlignedFree(_reader);
        NativeMemory.Free(_ram);
        NativeMemory.Free(_buffer);
    }

    /// <summary>An engine with nothing in it but memory and a port for the reader.</summary>
    private void Create()
    {
        nint engine = 0;
        Ok(((delegate* unmanaged[Cdecl]<void*, nint*, int>)_library["pamu_engine_create"])(null, &engine));
        _engine = engine;
        Ok(Register());
        nint ram = 0;
        Ok(((delegate* unmanaged[Cdecl]<nint, nint*, int>)_library["pamu_memory_create"])(_engine, &ram));
        _ramHandle = ram;
        Ok(((delegate* unmanaged[Cdecl]<nint, ulong, void*, ulong, int>)_library["pamu_memory_add"])(_ramHandle, RamTarget, _ram, RamBytes));
    }

    internal int Register()
    {
        fixed (byte* name = "fuzz\0"u8)
        {
            return ((delegate* unmanaged[Cdecl]<nint, byte*, void*, int>)_library["pamu_reader_register"])(_engine, name, _reader);
        }
    }

    internal int Unregister() => OfReader("pamu_reader_unregister");

    internal int TakeOver() => OfReader("pamu_reader_take_over");

    internal int RemoveByForce() => OfReader("pamu_reader_remove_by_force");

    internal int CreateContainer(int place)
    {
        nint made = Container[place];
        int result = ((delegate* unmanaged[Cdecl]<nint, nint*, int>)_library["pamu_container_create"])(_engine, &made);
        Container[place] = made;
        return result;
    }

    internal int DestroyContainer(int place)
    {
        int result = Of("pamu_container_destroy", Container[place]);
        Closed = result == 0 ? Container[place] : Closed;
        return result;
    }

    internal int ContainerFd(int place) => Of("pamu_container_fd", Container[place]);

    internal int CreateGroup(int place, int id, uint[] liodns, uint[] banks)
    {
        nint made = Group[place];
        int result;
        fixed (uint* ownLiodns = liodns)
        {
            fixed (uint* ownBanks = banks)
            {
                result = ((delegate* unmanaged[Cdecl]<nint, int, uint*, nuint, uint*, nuint, nint*, int>)_library["pamu_group_create"])(
                    _engine, id, ownLiodns, (nuint)liodns.Length, ownBanks, (nuint)banks.Length, &made);
            }
        }

        Group[place] = made;
        return result;
    }

    internal int DestroyGroup(int place)
    {
        int result = Of("pamu_group_destroy", Group[place]);
        Closed = result == 0 ? Group[place] : Closed;
        return result;
    }

    internal int FindGroup(int id)
    {
        nint found = 0;
        int result = ((delegate* unmanaged[Cdecl]<nint, int, nint*, int>)_library["pamu_group_find"])(_engine, id, &found);
        Written.Add($"place {Array.IndexOf(Group, found)}");
        return result;
    }

    /// <summary>A container request with an argument right before an inaccessible page, or with any address.</summary>
    internal long Ioctl(int place, uint request, byte[]? argument, ulong address)
    {
        nuint pointer = Place(argument, address);
        long result = ((delegate* unmanaged[Cdecl]<nint, uint, nuint, long>)_library["pamu_ioctl"])(Container[place], request, pointer);
        WriteBack(argument);
        return result;
    }

    internal long GroupIoctl(int place, uint request, byte[]? argument, ulong address)
    {
        nuint pointer = Place(argument, address);
        long result = ((delegate* unmanaged[Cdecl]<nint, uint, nuint, long>)_library["pamu_group_ioctl"])(Group[place], request, pointer);
        WriteBack(argument);
        return result;
    }

    internal int SetGeometry(int place, ulong start, ulong last) =>
        ((delegate* unmanaged[Cdecl]<nint, ulong, ulong, int>)_library["pamu_set_geometry"])(Container[place], start, last);

    internal int SetWindows(int place, uint count) =>
        ((delegate* unmanaged[Cdecl]<nint, uint, int>)_library["pamu_set_windows"])(Container[place], count);

    internal int SetStash(int place, uint cpu, uint cache) =>
        ((delegate* unmanaged[Cdecl]<nint, uint, uint, int>)_library["pamu_set_stash"])(Container[place], cpu, cache);

    internal int MapDma(int place, ulong vaddr, ulong iova, ulong size, uint allowed) =>
        ((delegate* unmanaged[Cdecl]<nint, ulong, ulong, ulong, uint, int>)_library["pamu_map_dma"])(Container[place], vaddr, iova, size, allowed);

    internal int UnmapDma(int place, ulong iova, ulong size, out ulong unmapped)
    {
        ulong bytes = 0;
        int result = ((delegate* unmanaged[Cdecl]<nint, ulong, ulong, ulong*, int>)_library["pamu_unmap_dma"])(Container[place], iova, size, &bytes);
        unmapped = bytes;
        return result;
    }

    internal int MapMsiBank(int place, uint bank, ulong iova, uint allowed) =>
        ((delegate* unmanaged[Cdecl]<nint, uint, ulong, uint, int>)_library["pamu_map_msi_bank"])(Container[place], bank, iova, allowed);

    internal int UnmapMsiBank(int place, ulong iova) =>
        ((delegate* unmanaged[Cdecl]<nint, ulong, int>)_library["pamu_unmap_msi_bank"])(Container[place], iova);

    internal int Attach(int group, int container) =>
        ((delegate* unmanaged[Cdecl]<nint, nint, int>)_library["pamu_attach"])(Group[group], Container[container]);

    internal int Detach(int group) => Of("pamu_detach", Group[group]);

    /// <summary>As pamu_enter(): the announcement, then the table. False if the reader is closed or there was never such a container.</summary>
    internal bool Enter(int place)
    {
        ulong* slot = *(ulong**)_reader;
        if (!IsReader || Container[place] == 0 || *slot != 0)
        {
            return false;
        }

        *slot = **(ulong**)(_reader + 8);
        _section[0] = *(nint*)*(nint*)Container[place];
        _section[1] = (nint)_reader;
        _section[2] = (nint)slot;
        return true;
    }

    internal void Leave()
    {
        Volatile.Write(ref *(ulong*)_section[2], 0); // where it was announced: the reader may have been closed since
        _section[0] = 0;
    }

    /// <summary>A batch inside the section that was entered, or with none; of one length, or each of its own.</summary>
    internal int Batch(ulong[] iovas, uint[]? lengths, ulong length, int access)
    {
        int words = (iovas.Length + 63) / 64;
        nuint count = (nuint)iovas.Length;
        ulong[] targets = new ulong[iovas.Length];
        ulong[] masks = new ulong[3 * words];
        ulong* counts = stackalloc ulong[3];
        int result;
        fixed (nint* section = _section)
        fixed (ulong* from = iovas, to = targets, mask = masks)
        fixed (uint* each = lengths)
        {
            if (lengths == null)
            {
                var batch = (delegate* unmanaged[Cdecl]<nint*, ulong*, nuint, ulong, int, ulong*, ulong*, ulong*, ulong*, ulong*, int>)
                    _library["pamu_translate_batch"];
                result = batch(section, from, count, length, access, to, mask, mask + words, mask + 2 * words, counts);
            }
            else
            {
                var batch = (delegate* unmanaged[Cdecl]<nint*, ulong*, uint*, nuint, int, ulong*, ulong*, ulong*, ulong*, ulong*, int>)
                    _library["pamu_translate_batch_lengths"];
                result = batch(section, from, each, count, access, to, mask, mask + words, mask + 2 * words, counts);
            }
        }

        Targets = targets;
        Masks = masks;
        Written.Add(string.Join(' ', targets) + "|" + string.Join(' ', masks) + $"|{counts[0]} {counts[1]} {counts[2]}");
        return result;
    }

    /// <summary>What the last batch gave.</summary>
    internal ulong[] Targets { get; private set; } = [];

    internal ulong[] Masks { get; private set; } = [];

    internal int OpenPort(uint liodn)
    {
        nint made = _port;
        int result = ((delegate* unmanaged[Cdecl]<void*, uint, nint, nint*, int>)_library["pamu_port_create"])(_reader, liodn, _ramHandle, &made);
        _port = made;
        return result;
    }

    internal int ClosePort() => Of("pamu_port_destroy", _port);

    internal int Port(bool writes, ulong iova, int length)
    {
        length = Math.Min(length, BufferBytes);
        ulong* result = stackalloc ulong[3];
        int answer = ((delegate* unmanaged[Cdecl]<nint, ulong, void*, nuint, void*, int>)_library[writes ? "pamu_port_write" : "pamu_port_read"])(
            _port, iova, _buffer, (nuint)length, result);
        Written.Add($"{result[0]:x} {result[1]:x} {result[2]:x} " + Convert.ToHexString(new ReadOnlySpan<byte>(_buffer, Math.Min(length, 32))));
        return answer;
    }

    internal long TakeFaults(int room)
    {
        const int faultBytes = 48;
        room = Math.Min(room, BufferBytes / faultBytes);
        NativeMemory.Clear(_buffer, BufferBytes);
        long result = ((delegate* unmanaged[Cdecl]<nint, void*, nuint, long>)_library["pamu_fault_take"])(_engine, _buffer, (nuint)room);
        Written.Add(Convert.ToHexString(new ReadOnlySpan<byte>(_buffer, (int)Math.Max(result, 0) * faultBytes)));
        return result;
    }

    internal int AddFault(ReadOnlySpan<byte> fault)
    {
        fault.CopyTo(new Span<byte>(_buffer, BufferBytes));
        return ((delegate* unmanaged[Cdecl]<nint, void*, int>)_library["pamu_fault_record_add"])(_engine, _buffer);
    }

    internal int LastError(int size)
    {
        NativeMemory.Fill(_buffer, BufferBytes, 0xEE);
        int result = ((delegate* unmanaged[Cdecl]<void*, nuint, int>)_library["pamu_last_error"])(_buffer, (nuint)size);
        Written.Add(Convert.ToHexString(new ReadOnlySpan<byte>(_buffer, 256)));
        return result;
    }

    internal long Save(int place, out byte[] snapshot)
    {
        long result = ((delegate* unmanaged[Cdecl]<nint, void*, nuint, long>)_library["pamu_snapshot_save"])(Container[place], null, 0);
        snapshot = new byte[Math.Max(result, 0)];
        fixed (byte* bytes = snapshot)
        {
            result = ((delegate* unmanaged[Cdecl]<nint, void*, nuint, long>)_library["pamu_snapshot_save"])(Container[place], bytes, (nuint)snapshot.Length);
        }

        Written.Add(Convert.ToHexString(snapshot));
        return result;
    }

    internal int Restore(int place, byte[] snapshot)
    {
        fixed (byte* bytes = snapshot)
        {
            return ((delegate* unmanaged[Cdecl]<nint, void*, nuint, int>)_library["pamu_snapshot_restore"])(Container[place], bytes, (nuint)snapshot.Length);
        }
    }

    /// <summary>A function that takes a handle first, with one that is none of its kind.</summary>
    internal long WithBadHandle(int function, nint handle)
    {
        nint output = 0;
        return (function % 14) switch
        {
            0 => Of("pamu_container_destroy", handle),
            1 => Of("pamu_container_fd", handle),
            2 => Of("pamu_engine_destroy", handle),
            3 => Of("pamu_group_destroy", handle),
            4 => Of("pamu_memory_destroy", handle),
            5 => Of("pamu_port_destroy", handle),
            6 => Of("pamu_detach", handle),
            7 => ((delegate* unmanaged[Cdecl]<nint, uint, nuint, long>)_library["pamu_ioctl"])(handle, PamuRequests.GetApiVersion, 0),
            8 => ((delegate* unmanaged[Cdecl]<nint, uint, nuint, long>)_library["pamu_group_ioctl"])(handle, PamuRequests.GroupUnsetContainer, 0),
            9 => ((delegate* unmanaged[Cdecl]<nint, nint*, int>)_library["pamu_container_create"])(handle, &output),
            10 => ((delegate* unmanaged[Cdecl]<nint, ulong, void*, nuint, void*, int>)_library["pamu_port_read"])(handle, 0, _buffer, 4, null),
            11 => ((delegate* unmanaged[Cdecl]<nint, void*, nuint, long>)_library["pamu_snapshot_save"])(handle, null, 0),
            12 => ((delegate* unmanaged[Cdecl]<nint, ulong, void*, ulong, int>)_library["pamu_memory_add"])(handle, 0, _buffer, 1),
            _ => ((delegate* unmanaged[Cdecl]<nint, void*, nuint, long>)_library["pamu_fault_take"])(handle, _buffer, 1),
        };
    }

    private int Of(string function, nint handle) => ((delegate* unmanaged[Cdecl]<nint, int>)_library[function])(handle);

    private int OfReader(string function) => ((delegate* unmanaged[Cdecl]<void*, int>)_library[function])(_reader);

    private nuint Place(byte[]? argument, ulong address)
    {
        if (argument == null)
        {
            return (nuint)address;
        }

        argument.CopyTo(_memory.Last(argument.Length));
        return _memory.AddressOfLast(argument.Length);
    }

    private void WriteBack(byte[]? argument)
    {
        if (argument != null)
        {
            Written.Add(Convert.ToHexString(_memory.Last(argument.Length)));
        }
    }

    private static void Ok(int result)
    {
        if (result != 0)
        {
            throw new Targets.FindingException($"the machine is not made: {result}");
        }
    }
}
