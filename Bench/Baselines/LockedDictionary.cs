using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Baselines;

/// <summary>
/// (e) A dictionary keyed by window under a ReaderWriterLockSlim: what .NET offers without thinking. Safe against changes.
/// </summary>
internal sealed class LockedDictionary : IDisposable
{
    private readonly ReaderWriterLockSlim _lock = new(LockRecursionPolicy.NoRecursion);
    private readonly Dictionary<ulong, Region> _byWindow = [];
    private readonly int _windowShift;

    /// <param name="regions">At most one in a window.</param>
    /// <param name="windowShift">log2 of the window size.</param>
    internal LockedDictionary(NativeArray<Region> regions, int windowShift)
    {
        _windowShift = windowShift;
        foreach (ref readonly Region region in regions.Span)
        {
            _byWindow.Add(region.Start >> windowShift, region);
        }
    }

    internal Lookup Reader => new(this);

    public void Dispose() => _lock.Dispose();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private unsafe Translation Translate(ulong iova, ulong length, DmaAccess access)
    {
        _lock.EnterReadLock(); // no try: nothing up to the exit throws
        ref Region region = ref CollectionsMarshal.GetValueRefOrNullRef(_byWindow, iova >> _windowShift);
        Region found = Unsafe.IsNullRef(ref region) ? default : region;
        _lock.ExitReadLock();
        return Region.Translate(&found, iova, length, access);
    }

    internal readonly struct Lookup(LockedDictionary dictionary) : ISingleTranslation
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal Translation Translate(ulong iova, ulong length, DmaAccess access) => dictionary.Translate(iova, length, access);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public ulong Target(ulong iova, ulong length, DmaAccess access) => dictionary.Translate(iova, length, access).Target;
    }
}
