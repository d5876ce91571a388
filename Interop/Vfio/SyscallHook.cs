using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace PamuFastPath.Interop;

/// <summary>A system call that is about to be made.</summary>
/// <param name="name">Its name, as in the manual.</param>
internal readonly ref struct Syscall(string name)
{
    internal string Name { get; } = name;

    /// <summary>The descriptor it is made on.</summary>
    internal SafeFileHandle? File { get; init; }

    /// <summary>What open is to open.</summary>
    internal string Path { get; init; } = "";

    /// <summary>The request of an ioctl, in its plain form.</summary>
    internal uint Request { get; init; }

    /// <summary>The argument of an ioctl that takes a value.</summary>
    internal nuint Value { get; init; }

    /// <summary>The argument of an ioctl that takes a structure.</summary>
    internal Span<byte> Argument { get; init; }
}

/// <summary>
/// Test hook: stands between the VFIO binding and the kernel, so that each system call can fail once, and descriptors are seen to be closed.
/// </summary>
internal abstract class SyscallHook
{
    private static readonly AsyncLocal<SyscallHook?> Flow = new();

    /// <summary>The hook of this flow of control and of the threads it starts; null, as always outside tests: calls go to the kernel.</summary>
    internal static SyscallHook? Current
    {
        get => Flow.Value;
        set => Flow.Value = value;
    }

    /// <summary>Asked before a call is made.</summary>
    /// <returns>What the call answers instead of being made, a failure as a negative errno; null: it is made.</returns>
    internal abstract long? Answer(in Syscall call);

    /// <summary>Told of each descriptor that a call has opened.</summary>
    internal abstract void Opened(SafeHandle descriptor);
}
