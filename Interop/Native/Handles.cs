using System.Collections.Concurrent;

namespace PamuFastPath.Native;

/// <summary>
/// What C callers hold: engines, groups, memories and ports by numbers that are never used twice and are no addresses; containers by the address
/// of their block. Whatever a caller passes is looked up before anything else is done with it.
/// </summary>
internal static class Handles
{
    /// <summary>Above all user addresses, so that a number is never taken for a block, and one that is dereferenced crashes at once.</summary>
    private const long First = 0x5000_0000_0000_0000;

    private static readonly ConcurrentDictionary<nint, object> Targets = new();
    private static long Last = First;

    /// <summary>A number that no handle had before.</summary>
    internal static nint NewNumber() => (nint)Interlocked.Add(ref Last, 16);

    /// <summary>Makes a number, or an address that is the object's own as long as the process lives, lead to an object.</summary>
    internal static void Open(nint handle, object target) => Targets[handle] = target;

    /// <summary>The object, or null if the handle is null, closed, or of another kind.</summary>
    internal static T? Find<T>(nint handle)
        where T : class =>
        Targets.TryGetValue(handle, out object? target) ? target as T : null;

    /// <summary>Closes a handle.</summary>
    /// <returns>Whether it was open: of two callers only one hears so.</returns>
    internal static bool Close(nint handle) => Targets.TryRemove(handle, out _);
}
