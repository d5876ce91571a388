using System.Runtime.InteropServices;

namespace PamuFastPath.Native;

/// <summary>How C names a thread. Cheaper to ask for than the runtime's own name; a name may come again when its thread has died.</summary>
internal static partial class Threads
{
    /// <summary>pthread_self().</summary>
    internal static ulong Self() => pthread_self();

    [LibraryImport("libc")]
    [SuppressGCTransition]
    private static partial nuint pthread_self();
}
