using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Baselines;

/// <summary>
/// (c) A B-tree of regions, eight keys to a node of one cache line, with a hint for each thread: the region found last. The tree is complete, so
/// children are found by arithmetic; a node is searched with one compare of all its keys.
/// </summary>
internal sealed unsafe class RegionTree : IDisposable
{
    private const int Fanout = 8;

    private readonly NativeArray<Region> _regions;
    private readonly List<NativeArray<ulong>> _levels = [];
    private readonly List<NativeArray<nint>> _hints = [];
    private readonly NativeArray<nint> _levelPointers;

    /// <param name="regions">By start. Owned by the caller.</param>
    internal RegionTree(NativeArray<Region> regions)
    {
        _regions = regions;
        ulong[] keys = [.. regions.Span.ToArray().Select(region => region.Start)];
        do
        {
            // From the leaves up: each level holds the first key of every node below.
            var level = new NativeArray<ulong>((keys.Length + Fanout - 1) / Fanout * Fanout);
            level.Span.Fill(ulong.MaxValue);
            keys.CopyTo(level.Span);
            _levels.Insert(0, level);
            keys = [.. keys.Chunk(Fanout).Select(node => node[0])];
        }
        while (_levels[0].Length > Fanout);

        _levelPointers = new NativeArray<nint>(_levels.Count);
        for (int i = 0; i < _levels.Count; i++)
        {
            _levelPointers.Pointer[i] = (nint)_levels[i].Pointer;
        }
    }

    /// <summary>A searcher with a hint of its own, for one thread.</summary>
    internal Search NewSearcher()
    {
        var hint = new NativeArray<nint>(Fanout); // a cache line of its own
        *hint.Pointer = (nint)_regions.Pointer;
        lock (_hints)
        {
            _hints.Add(hint);
        }

        return new Search((Region**)hint.Pointer, (ulong**)_levelPointers.Pointer, _levels.Count, _regions);
    }

    public void Dispose()
    {
        _levelPointers.Dispose();
        _levels.ForEach(level => level.Dispose());
        _hints.ForEach(hint => hint.Dispose());
    }

    internal readonly struct Search(Region** hint, ulong** levels, int depth, NativeArray<Region> regions) : ISingleTranslation
    {
        private readonly Region** _hint = hint;
        private readonly ulong** _levels = levels;
        private readonly nuint _depth = (nuint)depth;
        private readonly Region* _regions = regions.Pointer;
        private readonly nuint _last = (nuint)regions.Length - 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal Translation Translate(ulong iova, ulong length, DmaAccess access)
        {
            Region* region = *_hint;
            ulong offset = iova - region->Start;
            ulong limit = (&region->ReadLimit)[(nuint)access & 1];
            return offset < limit && length - 1 < limit - offset
                ? Translation.Hit(iova, region->Delta)
                : Descend(iova, length, access);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public ulong Target(ulong iova, ulong length, DmaAccess access) => Translate(iova, length, access).Target;

        [MethodImpl(MethodImplOptions.NoInlining)]
        private Translation Descend(ulong iova, ulong length, DmaAccess access)
        {
            nuint at = 0;
            Vector512<ulong> wanted = Vector512.Create(Math.Min(iova, ulong.MaxValue - 1)); // never finds the padding
            for (nuint level = 0; level < _depth; level++)
            {
                // The child before the first key that is greater. An IOVA below all keys takes the first one, which then refuses it.
                Vector512<ulong> keys = Vector512.LoadAligned(_levels[level] + at * Fanout);
                ulong notGreater = Vector512.LessThanOrEqual(keys, wanted).ExtractMostSignificantBits();
                at = at * Fanout + (nuint)Math.Max(ulong.PopCount(notGreater), 1) - 1;
            }

            Region* region = _regions + Math.Min(at, _last);
            *_hint = region;
            return Region.Translate(region, iova, length, access);
        }
    }
}
