// Argument memory behind raw pointers.
//
// Unsafe: hands addresses to the kernel and never dereferences one itself. process_vm_readv and process_vm_writev on the own process
// copy what is accessible and fail with EFAULT where a load or store would have been a SIGSEGV.

using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace PamuFastPath.Interop;

/// <summary>
/// The own process's memory as ioctl argument memory: a bad pointer is EFAULT, not a crash. Alignment does not matter.
/// </summary>
/// <remarks>Thread-safe. Linux only. Costs two system calls per access, which an ioctl can afford and a translation never needs.</remarks>
[SupportedOSPlatform("linux")]
public readonly unsafe partial struct ProcessMemory : IArgumentMemory
{
    /// <inheritdoc/>
    public bool TryRead(ulong address, scoped Span<byte> destination)
    {
        fixed (byte* bytes = destination)
        {
            var local = new IoVector { Base = bytes, Length = (nuint)destination.Length };
            var remote = new IoVector { Base = (void*)address, Length = (nuint)destination.Length };
            return process_vm_readv(Environment.ProcessId, &local, 1, &remote, 1, 0) == destination.Length;
        }
    }

    /// <inheritdoc/>
    public bool TryWrite(ulong address, scoped ReadOnlySpan<byte> source)
    {
        fixed (byte* bytes = source)
        {
            var local = new IoVector { Base = bytes, Length = (nuint)source.Length };
            var remote = new IoVector { Base = (void*)address, Length = (nuint)source.Length };
            return process_vm_writev(Environment.ProcessId, &local, 1, &remote, 1, 0) == source.Length;
        }
    }

    [LibraryImport("libc")]
    private static partial nint process_vm_readv(int pid, IoVector* local, nuint localCount, IoVector* remote, nuint remoteCount, nuint flags);

    [LibraryImport("libc")]
    private static partial nint process_vm_writev(int pid, IoVector* local, nuint localCount, IoVector* remote, nuint remoteCount, nuint flags);

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct IoVector
    {
        internal void* Base;
        internal nuint Length;
    }
}
