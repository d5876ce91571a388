using System.Runtime.InteropServices;

namespace PamuFastPath.Native;

/// <summary>How C names a thread.</summary>
internal static partial class Threads
{
    /// <summary>pthread_self().</summary>
    internal static ulong Self() => pthread_self();

    [LibraryImport("libc")]
    [SuppressGCTransition]
    private static partial nuint pthread_self();
}
