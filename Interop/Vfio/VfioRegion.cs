using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace PamuFastPath.Interop;

/// <summary>A part of a region.</summary>
/// <param name="Offset">Offset in the region, in bytes.</param>
/// <param name="Size">Its bytes.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct VfioArea(ulong Offset, ulong Size);

/// <summary>
/// A region of a VFIO device: a BAR, the expansion ROM, config space. Read and written through system calls, or mapped with <see cref="Map"/>.
/// </summary>
/// <remarks>
/// Thread-safe; usable until its <see cref="VfioDevice"/> is disposed. Values are little-endian in the device, as PCI has it. Every access is
/// checked against the region: EINVAL if it leaves it or is not aligned to its size, EACCES if the region does not allow it, and the kernel's
/// errno if the kernel refuses (EIO: the device's memory space is off; see <see cref="VfioDevice.EnableBusMaster"/>). All as
/// <see cref="PamuException"/>. An access that was refused was not made.
/// </remarks>
[SupportedOSPlatform("linux")]
public sealed class VfioRegion
{
    private readonly SafeFileHandle _file;
    private readonly long _start;
    private readonly string _name;

    /// <summary>Describes a part of a file as a region.</summary>
    /// <param name="file">The device.</param>
    /// <param name="name">What errors call the region.</param>
    /// <param name="answer">struct vfio_region_info, as the kernel filled it in, with the capabilities behind it.</param>
    /// <exception cref="PamuException">EPROTO: the description contradicts itself.</exception>
    internal VfioRegion(SafeFileHandle file, string name, ReadOnlySpan<byte> answer)
    {
        var info = MemoryMarshal.Read<VfioDeviceAbi.RegionInfo>(answer);
        if (info.Size > long.MaxValue || info.Offset > long.MaxValue - info.Size)
        {
            throw new PamuException(Errno.EPROTO, name, $"0x{info.Size:x} bytes at 0x{info.Offset:x} leave the device's file");
        }

        _file = file;
        _name = name;
        _start = (long)info.Offset;
        Size = info.Size;
        CanRead = (info.Flags & VfioDeviceAbi.RegionRead) != 0;
        CanWrite = (info.Flags & VfioDeviceAbi.RegionWrite) != 0;
        MappableAreas = RegionCapabilities.MappableAreas(answer);
    }

    /// <summary>Bytes; 0 if the device has no such region.</summary>
    public ulong Size { get; }

    /// <summary>Whether the region can be read.</summary>
    public bool CanRead { get; }

    /// <summary>Whether the region can be written.</summary>
    public bool CanWrite { get; }

    /// <summary>Whether a part of the region can be mapped.</summary>
    public bool CanMap => !MappableAreas.IsEmpty;

    /// <summary>The parts that can be mapped: the whole region, or less where the kernel keeps some to itself (an MSI-X table).</summary>
    public ImmutableArray<VfioArea> MappableAreas { get; }

    /// <summary>Reads a byte.</summary>
    /// <param name="offset">Offset in the region.</param>
    public byte Read8(ulong offset)
    {
        Span<byte> bytes = stackalloc byte[1];
        ReadOnce(offset, bytes);
        return bytes[0];
    }

    /// <summary>Reads 16 bits.</summary>
    /// <param name="offset">Offset in the region, a multiple of 2.</param>
    public ushort Read16(ulong offset)
    {
        Span<byte> bytes = stackalloc byte[2];
        ReadOnce(offset, bytes);
        return BinaryPrimitives.ReadUInt16LittleEndian(bytes);
    }

    /// <summary>Reads 32 bits.</summary>
    /// <param name="offset">Offset in the region, a multiple of 4.</param>
    public uint Read32(ulong offset)
    {
        Span<byte> bytes = stackalloc byte[4];
        ReadOnce(offset, bytes);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    /// <summary>Reads 64 bits. Some kernels make two 32-bit accesses of it; a mapping never does.</summary>
    /// <param name="offset">Offset in the region, a multiple of 8.</param>
    public ulong Read64(ulong offset)
    {
        Span<byte> bytes = stackalloc byte[8];
        ReadOnce(offset, bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>Writes a byte.</summary>
    /// <param name="offset">Offset in the region.</param>
    /// <param name="value">The value.</param>
    public void Write8(ulong offset, byte value) => WriteOnce(offset, [value]);

    /// <summary>Writes 16 bits.</summary>
    /// <param name="offset">Offset in the region, a multiple of 2.</param>
    /// <param name="value">The value.</param>
    public void Write16(ulong offset, ushort value)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, value);
        WriteOnce(offset, bytes);
    }

    /// <summary>Writes 32 bits.</summary>
    /// <param name="offset">Offset in the region, a multiple of 4.</param>
    /// <param name="value">The value.</param>
    public void Write32(ulong offset, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        WriteOnce(offset, bytes);
    }

    /// <summary>Writes 64 bits. Some kernels make two 32-bit accesses of it; a mapping never does.</summary>
    /// <param name="offset">Offset in the region, a multiple of 8.</param>
    /// <param name="value">The value.</param>
    public void Write64(ulong offset, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        WriteOnce(offset, bytes);
    }

    /// <summary>Reads bytes at any alignment. In how many accesses is the kernel's choice: not for registers with side effects.</summary>
    /// <param name="offset">Offset in the region.</param>
    /// <param name="destination">Where the bytes go; its content is undefined if the kernel refuses half way.</param>
    public void Read(ulong offset, Span<byte> destination)
    {
        Check(offset, destination.Length, CanRead, "read");
        for (int done = 0; done < destination.Length;)
        {
            done += Moved(Syscalls.ReadAt(_file, destination[done..], _start + (long)offset + done), offset + (ulong)done);
        }
    }

    /// <summary>Writes bytes at any alignment. In how many accesses is the kernel's choice: not for registers with side effects.</summary>
    /// <param name="offset">Offset in the region.</param>
    /// <param name="source">The bytes; a part of them may have been written if the kernel refuses half way.</param>
    public void Write(ulong offset, ReadOnlySpan<byte> source)
    {
        Check(offset, source.Length, CanWrite, "written");
        for (int done = 0; done < source.Length;)
        {
            done += Moved(Syscalls.WriteAt(_file, source[done..], _start + (long)offset + done), offset + (ulong)done);
        }
    }

    /// <summary>Maps a part of the region into the process, for reading and writing.</summary>
    /// <param name="offset">Offset in the region, a multiple of the page size.</param>
    /// <param name="length">Bytes, at least 1; the range lies in one of <see cref="MappableAreas"/>.</param>
    /// <returns>The mapping, which the caller disposes. It keeps the device open in the kernel, even when the <see cref="VfioDevice"/> is disposed.</returns>
    /// <exception cref="PamuException">EINVAL: a bad range; EACCES: the region is not both readable and writable; or the kernel's errno.</exception>
    public VfioMapping Map(ulong offset, ulong length)
    {
        if (!CanRead || !CanWrite)
        {
            throw new PamuException(Errno.EACCES, _name, "only a region that can be read and written is mapped");
        }

        if (length == 0 || offset % (ulong)Environment.SystemPageSize != 0
            || !MappableAreas.Any(area => offset >= area.Offset && offset - area.Offset <= area.Size && length <= area.Size - (offset - area.Offset)))
        {
            string areas = CanMap ? string.Join(", ", MappableAreas.Select(area => $"0x{area.Size:x} bytes at 0x{area.Offset:x}")) : "none";
            throw new PamuException(
                Errno.EINVAL, _name, $"0x{length:x} bytes at 0x{offset:x} must start on a page and lie in one mappable area (there are: {areas})");
        }

        nint address = Syscalls.MapFile(_file, _start + (long)offset, (nuint)length, out int error);
        return address != 0 ? new VfioMapping(address, length) : throw new PamuException((Errno)(-error), _name, "the kernel does not map this range");
    }

    private void ReadOnce(ulong offset, Span<byte> bytes)
    {
        CheckAligned(offset, bytes.Length);
        Check(offset, bytes.Length, CanRead, "read");
        Whole(Syscalls.ReadAt(_file, bytes, _start + (long)offset), offset, bytes.Length);
    }

    private void WriteOnce(ulong offset, ReadOnlySpan<byte> bytes)
    {
        CheckAligned(offset, bytes.Length);
        Check(offset, bytes.Length, CanWrite, "written");
        Whole(Syscalls.WriteAt(_file, bytes, _start + (long)offset), offset, bytes.Length);
    }

    private void CheckAligned(ulong offset, int length)
    {
        if (offset % (ulong)length != 0)
        {
            throw new PamuException(Errno.EINVAL, _name, $"a {length}-byte access at 0x{offset:x} is not aligned to its size");
        }
    }

    private void Check(ulong offset, int length, bool isAllowed, string how)
    {
        if (offset > Size || (ulong)length > Size - offset)
        {
            throw new PamuException(Errno.EINVAL, _name, $"{length} bytes at 0x{offset:x} leave the region of 0x{Size:x} bytes");
        }

        if (!isAllowed)
        {
            throw new PamuException(Errno.EACCES, _name, $"the region cannot be {how}");
        }
    }

    private int Moved(long result, ulong offset) => result switch
    {
        < 0 => throw new PamuException((Errno)(-result), _name, $"the kernel refuses the access at 0x{offset:x}"),
        0 => throw new PamuException(Errno.EIO, _name, $"the device's file ends at 0x{offset:x}"),
        _ => (int)result,
    };

    // A register must not be accessed again for the bytes that are missing.
    private void Whole(long result, ulong offset, int length)
    {
        if (Moved(result, offset) != length)
        {
            throw new PamuException(Errno.EIO, _name, $"{result} of {length} bytes moved at 0x{offset:x}");
        }
    }
}
