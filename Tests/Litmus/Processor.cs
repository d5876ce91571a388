// Unsafe: passes a bit mask to the kernel.

using System.Runtime.InteropServices;

namespace PamuFastPath.Litmus;

/// <summary>
/// Keeps threads apart: on a busy machine the scheduler may leave all threads of a process on one processor, and then nothing races.
/// </summary>
internal static unsafe partial class Processor
{
    private const int MaskWords = 16; // 1,024 processors, as in cpu_set_t

    /// <summary>Those that the process may use: read before the first thread is bound. Empty where threads cannot be.</summary>
    private static readonly int[] Allowed = ReadAllowed();

    /// <summary>Binds the calling thread to a processor. Does nothing but on Linux.</summary>
    /// <param name="place">Which of those that the process may use, counted round and round.</param>
    internal static void Bind(int place)
    {
        if (Allowed.Length > 0)
        {
            int chosen = Allowed[place % Allowed.Length];
            ulong* mask = stackalloc ulong[MaskWords];
            mask[chosen / 64] = 1UL << (chosen % 64);
            _ = SetAffinity(0, MaskWords * sizeof(ulong), mask); // 0 is the calling thread; refused, it stays where it is
        }
    }

    private static int[] ReadAllowed()
    {
        ulong* mask = stackalloc ulong[MaskWords];
        return OperatingSystem.IsLinux() && GetAffinity(Environment.ProcessId, MaskWords * sizeof(ulong), mask) >= 0
            ? [.. Enumerable.Range(0, MaskWords * 64).Where(i => (mask[i / 64] >> (i % 64) & 1) != 0)]
            : [];
    }

    [LibraryImport("libc", EntryPoint = "sched_getaffinity")]
    private static partial int GetAffinity(int thread, nuint bytes, ulong* mask);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int thread, nuint bytes, ulong* mask);
}
