// The system calls of interrupt delivery: waiting for eventfds, taking and adding their counts.
//
// Unsafe: hands addresses to the kernel. Invariants:
//   - the descriptors in a poll array belong to SafeHandles that their owner keeps open while it polls;
//   - poll, not epoll: its structure has the same layout on every port, and it needs no descriptor of its own.

using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace PamuFastPath.Interop;

/// <summary>struct pollfd.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PollEntry
{
    internal const short Readable = 1; // POLLIN

    internal int File;
    internal short Asked;
    internal short Answered;
}

internal static unsafe partial class Syscalls
{
    /// <summary>Blocks until a descriptor is ready.</summary>
    /// <param name="entries">The descriptors; their answers are written.</param>
    /// <param name="milliseconds">How long at most; -1 has no end, 0 looks and returns.</param>
    /// <returns>How many are ready, or a negative errno.</returns>
    internal static long Poll(Span<PollEntry> entries, int milliseconds)
    {
        if (IsAnswered(new Syscall("poll"), out long answer))
        {
            return answer;
        }

        fixed (PollEntry* first = entries)
        {
            long result;
            do
            {
                result = Result(Libc.poll(first, (nuint)entries.Length, milliseconds));
            }
            while (result == -Interrupted);

            return result;
        }
    }

    /// <summary>Takes the count of an eventfd and leaves 0. Blocks while it is 0.</summary>
    /// <returns>0, or a negative errno.</returns>
    internal static long TakeEvents(SafeFileHandle events, out ulong count)
    {
        ulong taken = 0;
        long result;
        do
        {
            result = Math.Min(Result(Libc.read(events, &taken, sizeof(ulong))), 0);
        }
        while (result == -Interrupted);

        count = taken;
        return result;
    }

    /// <summary>Adds to the count of an eventfd. Blocks while the sum would be over 2^64 - 2.</summary>
    /// <returns>0, or a negative errno.</returns>
    internal static long AddEvents(SafeFileHandle events, ulong count)
    {
        long result;
        do
        {
            result = Math.Min(Result(Libc.write(events, &count, sizeof(ulong))), 0);
        }
        while (result == -Interrupted);

        return result;
    }
}
