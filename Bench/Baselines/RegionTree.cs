using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Baselines;

/// <summary>
/// (c) A B-tree of regions, eight keys to a node of one cache line, with a hint for each thread: the region found last. All levels are
/// complete (padded with the last region), so children are found by arithmetic, and a node is searched with one compare of
/// all its keys.
/// </summary>
internal sealed unsafe class RegionTree : IDisposable
{
    private const int Fanout = 8;
    private const int DepthMax = 3; // 512 regions

    private readonly NativeArray<Region> _regions;
    private readonly NativeArray<ulong>[] _levels;
    private readonly List<NativeArray<ThreadState>> _threads = [];

    /// <param name="regions">By start.</param>
    internal RegionTree(NativeArray<Region> regions)
    {
        int depth = 1;
        int size = Fanout;
        while (size < regions.Length)
        {
            depth++;
            size *= Fanout;
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan(depth, DepthMax, nameof(regions));
        _regions = new NativeArray<Region>(size);
        _regions.Span.Fill(regions.Span[^1]); // IOVA 2^64 - 1 finds the padding, and may be the last region's
        regions.Span.CopyTo(_regions.Span);
        _levels = new NativeArray<ulong>[depth];
        for (int level = depth - 1, stride = 1; level >= 0; level--, stride *= Fanout)
        {
            // The first key of every node below, from the leaves up.
            _levels[level] = new NativeArray<ulong>(size / stride);
            _levels[level].Span.Fill(ulong.MaxValue);
            for (int i = 0; i * stride < regions.Length; i++)
            {
                _levels[level].Pointer[i] = regions.Pointer[i * stride].Start;
            }
        }
    }

    /// <summary>A searcher with a hint of its own, for one thread.</summary>
    internal Search NewSearcher()
    {
        var thread = new NativeArray<ThreadState>(1);
        ThreadState* state = thread.Pointer;
        state->Hint = _regions.Pointer;
        state->Regions = _regions.Pointer;
        state->Depth = (nuint)_levels.Length;
        for (int i = 0; i < _levels.Length; i++)
        {
            state->Levels[i] = (ulong)_levels[i].Pointer;
        }

        lock (_threads)
        {
            _threads.Add(thread);
        }

        return new Search(state);
    }

    public void Dispose()
    {
        Array.ForEach(_levels, level => level.Dispose());
        _threads.ForEach(thread => thread.Dispose());
        _regions.Dispose();
    }

    /// <summary>
    /// All a search needs, behind one pointer, so that a loop around it keeps its registers. A cache line of its own: the hint is
    /// written.
    /// </summary>
    [StructLayout(LayoutKind.Sequential, Size = 64)]
    internal struct ThreadState
    {
        internal Region* Hint;
        internal Region* Regions;
        internal nuint Depth;
        internal fixed ulong Levels[DepthMax];
    }

    internal readonly struct Search(ThreadState* state) : ISingleTranslation
    {
        private readonly ThreadState* _state = state;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal Translation Translate(ulong iova, ulong length, DmaAccess access)
        {
            Region* region = _state->Hint;
            ulong offset = iova - region->Start;
            ulong limit = (&region->ReadLimit)[(nuint)access & 1];
            return offset < limit && length - 1 < limit - offset
                ? Translation.Hit(iova, region->Delta)
                : Descend(_state, iova, length, access);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public ulong Target(ulong iova, ulong length, DmaAccess access) => Translate(iova, length, access).Target;

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static Translation Descend(ThreadState* state, ulong iova, ulong length, DmaAccess access)
        {
            nuint at = 0;
            Vector512<ulong> wanted = Vector512.Create(iova);
            for (nuint level = 0; level < state->Depth; level++)
            {
                // The child before the first key that is greater. An IOVA below all keys takes the first one, whose region then refuses it.
                Vector512<ulong> keys = Vector512.LoadAligned((ulong*)state->Levels[level] + at * Fanout);
                ulong notGreater = Vector512.LessThanOrEqual(keys, wanted).ExtractMostSignificantBits();
                at = at * Fanout + (nuint)Math.Max(ulong.PopCount(notGreater), 1) - 1;
            }

            Region* region = state->Regions + at;
            state->Hint = region;
            return Region.Translate(region, iova, length, access);
        }
    }
}
