// A part of a device region in the process's address space.
//
// Unsafe: loads from and stores to device memory. Invariants:
//   - an access is inside [0, Length) and naturally aligned; that is checked before the address is formed;
//   - every access holds a reference to the handle, so that a Dispose on another thread unmaps after it, not under it;
//   - an access is one load or store of the size asked for: Volatile, never a span, which the runtime may split, merge or repeat; and a
//     load is never inlined: of "read & 1" the compiler makes a load of one byte, volatile or not, and devices refuse or misread that.

using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace PamuFastPath.Interop;

/// <summary>
/// A mapped part of a <see cref="VfioRegion"/>. Each call is exactly one access of the size asked for, in program order on its thread.
/// </summary>
/// <remarks>
/// Thread-safe; offsets are relative to the mapping's first byte; values are little-endian in the device. A bad offset is EINVAL
/// (<see cref="PamuException"/>) and no access. The device's memory space must be on (<see cref="VfioDevice.EnableBusMaster"/>): an access without
/// it is a SIGBUS, which ends the process.
/// </remarks>
[SupportedOSPlatform("linux")]
public sealed unsafe class VfioMapping : SafeHandle
{
    internal VfioMapping(nint address, ulong length)
        : base(0, ownsHandle: true)
    {
        Length = length;
        SetHandle(address);
    }

    /// <summary>Bytes.</summary>
    public ulong Length { get; }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Reads 32 bits in one access.</summary>
    /// <param name="offset">Offset in the mapping, a multiple of 4.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public uint Read32(ulong offset)
    {
        nint place = Enter(offset, sizeof(uint));
        try
        {
            uint value = Volatile.Read(ref *(uint*)place);
            return BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value);
        }
        finally
        {
            DangerousRelease();
        }
    }

    /// <summary>Reads 64 bits in one access.</summary>
    /// <param name="offset">Offset in the mapping, a multiple of 8.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public ulong Read64(ulong offset)
    {
        nint place = Enter(offset, sizeof(ulong));
        try
        {
            ulong value = Volatile.Read(ref *(ulong*)place);
            return BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value);
        }
        finally
        {
            DangerousRelease();
        }
    }

    /// <summary>Writes 32 bits in one access.</summary>
    /// <param name="offset">Offset in the mapping, a multiple of 4.</param>
    /// <param name="value">The value.</param>
    public void Write32(ulong offset, uint value)
    {
        nint place = Enter(offset, sizeof(uint));
        try
        {
            Volatile.Write(ref *(uint*)place, BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value));
        }
        finally
        {
            DangerousRelease();
        }
    }

    /// <summary>Writes 64 bits in one access.</summary>
    /// <param name="offset">Offset in the mapping, a multiple of 8.</param>
    /// <param name="value">The value.</param>
    public void Write64(ulong offset, ulong value)
    {
        nint place = Enter(offset, sizeof(ulong));
        try
        {
            Volatile.Write(ref *(ulong*)place, BitConverter.IsLittleEndian ? value : BinaryPrimitives.ReverseEndianness(value));
        }
        finally
        {
            DangerousRelease();
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        Syscalls.Unmap(handle, (nuint)Length);
        return true;
    }

    /// <summary>The place of an access; the caller releases the reference this takes.</summary>
    private nint Enter(ulong offset, uint size)
    {
        if (offset % size != 0 || offset > Length || size > Length - offset)
        {
            throw new PamuException(
                Errno.EINVAL, nameof(offset), $"a {size}-byte access at 0x{offset:x} must be aligned and inside the mapping of 0x{Length:x} bytes");
        }

        bool entered = false;
        DangerousAddRef(ref entered);
        return handle + (nint)offset;
    }
}
