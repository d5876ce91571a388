using System.Numerics;
using System.Runtime.CompilerServices;
using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Baselines;

/// <summary>
/// (b) Binary search without branches over the starts, in an array of their own and padded to a power of two: the same steps for every
/// IOVA, and nothing to mispredict.
/// </summary>
internal sealed unsafe class SortedRanges : IDisposable
{
    private readonly NativeArray<Region> _regions;
    private readonly NativeArray<ulong> _starts;

    /// <param name="regions">By start.</param>
    internal SortedRanges(NativeArray<Region> regions)
    {
        int size = (int)BitOperations.RoundUpToPowerOf2((uint)regions.Length);
        _regions = new NativeArray<Region>(size);
        _regions.Span.Fill(regions.Span[^1]); // IOVA 2^64 - 1 finds the padding, and may be the last region's
        _starts = new NativeArray<ulong>(size);
        _starts.Span.Fill(ulong.MaxValue);
        for (int i = 0; i < regions.Length; i++)
        {
            _regions.Pointer[i] = regions.Pointer[i];
            _starts.Pointer[i] = regions.Pointer[i].Start;
        }
    }

    internal Search Searcher => new(_starts, _regions);

    public void Dispose()
    {
        _starts.Dispose();
        _regions.Dispose();
    }

    internal readonly struct Search(NativeArray<ulong> starts, NativeArray<Region> regions) : ISingleTranslation
    {
        private readonly ulong* _starts = starts.Pointer;
        private readonly Region* _regions = regions.Pointer;
        private readonly nuint _half = (nuint)starts.Length / 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal Translation Translate(ulong iova, ulong length, DmaAccess access)
        {
            nuint at = 0;
            for (nuint half = _half; half != 0; half >>= 1)
            {
                // By arithmetic: of a condition in a loop the JIT makes a branch, which random addresses mispredict half the time.
                at += half & (0 - (nuint)(_starts[at + half] <= iova ? 1 : 0));
            }

            return Region.Translate(_regions + at, iova, length, access);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public ulong Target(ulong iova, ulong length, DmaAccess access) => Translate(iova, length, access).Target;
    }
}
