// The system calls of the VFIO binding.
//
// Unsafe: hands addresses to the kernel. Invariants:
//   - a descriptor reaches a call only inside its SafeHandle, which the marshaller keeps open for the call;
//   - ioctl(2) is variadic in C. On the supported 64-bit ports a third argument of register size is passed like a fixed one, which is what
//     the declaration in Libc says; anything else would need a native shim;
//   - an interrupted call (EINTR) is made again where that is harmless: none of these has done anything by then.

using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace PamuFastPath.Interop;

/// <summary>System calls as the VFIO binding uses them: results as the kernel gives them, failures as negative errnos.</summary>
[SupportedOSPlatform("linux")]
internal static unsafe partial class Syscalls
{
    private const int ReadWriteCloseOnExec = 0x2 | 0x80000; // O_RDWR | O_CLOEXEC: the same numbers on x86-64, arm64 and powerpc
    private const int EventCloseOnExec = 0x80000; // EFD_CLOEXEC
    private const int ProtectionReadWrite = 0x3;
    private const int MapShared = 0x1;
    private const int Interrupted = 4; // EINTR

    // All requests made here are _IO without a size. On powerpc _IOC_NONE is 1, and they have bit 29 set.
    private static readonly uint NoneBit =
        RuntimeInformation.ProcessArchitecture == Architecture.Ppc64le ? PamuRequests.PowerPcNone : 0;

    /// <summary>Opens a file for reading and writing.</summary>
    /// <returns>The descriptor; an invalid handle and the negative errno if that fails.</returns>
    internal static SafeFileHandle Open(string path, out int error)
    {
        long fd;
        do
        {
            if (!IsAnswered(new Syscall("open") { Path = path }, out fd))
            {
                fd = Result(Libc.open(path, ReadWriteCloseOnExec));
            }
        }
        while (fd == -Interrupted);

        return Descriptor(fd, out error);
    }

    /// <summary>An eventfd with the count 0.</summary>
    internal static SafeFileHandle Event(out int error)
    {
        if (!IsAnswered(new Syscall("eventfd"), out long fd))
        {
            fd = Result(Libc.eventfd(0, EventCloseOnExec));
        }

        return Descriptor(fd, out error);
    }

    /// <summary>Takes over what a call has opened.</summary>
    /// <param name="result">The descriptor, or a negative errno.</param>
    /// <param name="error">Receives the negative errno, or 0.</param>
    /// <returns>The descriptor; an invalid handle if there is none.</returns>
    internal static SafeFileHandle Descriptor(long result, out int error)
    {
        error = (int)Math.Min(result, 0);
        var descriptor = new SafeFileHandle((nint)Math.Max(result, -1), ownsHandle: true);
        if (result >= 0)
        {
            SyscallHook.Current?.Opened(descriptor);
        }

        return descriptor;
    }

    /// <summary>An ioctl.</summary>
    /// <param name="file">What it is made on.</param>
    /// <param name="request">The request in its plain form.</param>
    /// <param name="argument">The value or address.</param>
    /// <returns>0 or a positive result, or a negative errno.</returns>
    internal static long Ioctl(SafeFileHandle file, uint request, nuint argument) =>
        IsAnswered(new Syscall("ioctl") { File = file, Request = request, Value = argument }, out long answer) ? answer : Make(file, request, argument);

    internal static long Ioctl(SafeFileHandle file, uint request, Span<byte> argument)
    {
        if (IsAnswered(new Syscall("ioctl") { File = file, Request = request, Argument = argument }, out long answer))
        {
            return answer;
        }

        fixed (byte* bytes = argument)
        {
            return Make(file, request, (nuint)bytes);
        }
    }

    internal static long Ioctl<T>(SafeFileHandle file, uint request, ref T argument)
        where T : unmanaged => Ioctl(file, request, MemoryMarshal.AsBytes(new Span<T>(ref argument)));

    /// <summary>Reads at an offset. Fewer bytes than asked for is a result, not a failure.</summary>
    internal static long ReadAt(SafeFileHandle file, Span<byte> destination, long offset)
    {
        if (IsAnswered(new Syscall("pread") { File = file }, out long answer))
        {
            return answer;
        }

        fixed (byte* bytes = destination)
        {
            long result;
            do
            {
                result = Result(Libc.pread(file, bytes, (nuint)destination.Length, offset));
            }
            while (result == -Interrupted);

            return result;
        }
    }

    /// <summary>Writes at an offset.</summary>
    internal static long WriteAt(SafeFileHandle file, ReadOnlySpan<byte> source, long offset)
    {
        if (IsAnswered(new Syscall("pwrite") { File = file }, out long answer))
        {
            return answer;
        }

        fixed (byte* bytes = source)
        {
            long result;
            do
            {
                result = Result(Libc.pwrite(file, bytes, (nuint)source.Length, offset));
            }
            while (result == -Interrupted);

            return result;
        }
    }

    /// <summary>Maps a part of a file, shared, for reading and writing.</summary>
    /// <returns>The address, or 0 and the negative errno.</returns>
    internal static nint MapFile(SafeFileHandle file, long offset, nuint length, out int error)
    {
        if (IsAnswered(new Syscall("mmap") { File = file }, out long answer))
        {
            error = (int)answer;
            return 0;
        }

        nint address = Libc.mmap(0, length, ProtectionReadWrite, MapShared, file, offset);
        error = address == -1 ? -Marshal.GetLastPInvokeError() : 0;
        return address == -1 ? 0 : address;
    }

    internal static void Unmap(nint address, nuint length) => _ = Libc.munmap(address, length);

    private static bool IsAnswered(in Syscall call, out long result)
    {
        long? answer = SyscallHook.Current?.Answer(call);
        result = answer ?? 0;
        return answer != null;
    }

    /// <summary>What libc answered, with the errno in it.</summary>
    private static long Result(long result) => result < 0 ? -Marshal.GetLastPInvokeError() : result;

    private static long Make(SafeFileHandle file, uint request, nuint argument)
    {
        long result;
        do
        {
            result = Result(Libc.ioctl(file, request | NoneBit, argument));
        }
        while (result == -Interrupted);

        return result;
    }
}
