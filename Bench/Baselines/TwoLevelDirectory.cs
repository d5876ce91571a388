using System.Runtime.CompilerServices;
using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Baselines;

/// <summary>
/// (d) A two-level directory as SPDK's memory map has it: 1 GiB a directory entry, 2 MiB a leaf entry, 48-bit addresses. It checks nothing
/// (permission, length, mapping end, MSI) and protects no reader from a change; it answers something for every address, and the right
/// thing only for accesses that hit. SPDK at least looks whether the directory entry is there; here an absent one leads to an empty leaf.
/// </summary>
internal sealed unsafe class TwoLevelDirectory : IDisposable
{
    private const int DirectoryShift = 30;
    private const int LeafShift = 21;
    private const int DirectoryEntries = 1 << (48 - DirectoryShift);
    private const int LeafEntries = 1 << (DirectoryShift - LeafShift);

    private readonly NativeArray<nint> _directory = new(DirectoryEntries);
    private readonly NativeArray<ulong> _empty = new(LeafEntries);
    private readonly List<NativeArray<ulong>> _leaves = [];

    /// <param name="regions">Each a multiple of 2 MiB, from one, and below 2^48.</param>
    internal TwoLevelDirectory(NativeArray<Region> regions)
    {
        _directory.Span.Fill((nint)_empty.Pointer);
        foreach (ref readonly Region region in regions.Span)
        {
            ulong size = region.ReadLimit | region.WriteLimit;
            if (((region.Start | size) & ((1UL << LeafShift) - 1)) != 0)
            {
                throw new ArgumentException("a leaf entry holds 2 MiB and nothing smaller", nameof(regions));
            }

            for (ulong offset = 0; offset < size; offset += 1UL << LeafShift)
            {
                *Entry(region.Start + offset) = region.Delta & ~TableLayout.MsiTagMask;
            }
        }
    }

    internal Lookup Reader => new(_directory);

    public void Dispose()
    {
        _directory.Dispose();
        _empty.Dispose();
        _leaves.ForEach(leaf => leaf.Dispose());
    }

    private ulong* Entry(ulong iova)
    {
        ref nint leaf = ref _directory.Span[(int)(iova >> DirectoryShift)];
        if (leaf == (nint)_empty.Pointer)
        {
            var added = new NativeArray<ulong>(LeafEntries);
            _leaves.Add(added);
            leaf = (nint)added.Pointer;
        }

        return (ulong*)leaf + ((iova >> LeafShift) & (LeafEntries - 1));
    }

    internal readonly struct Lookup(NativeArray<nint> directory) : ISingleTranslation
    {
        private readonly ulong** _directory = (ulong**)directory.Pointer;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public ulong Target(ulong iova, ulong length, DmaAccess access) =>
            iova + _directory[(iova >> DirectoryShift) & (DirectoryEntries - 1)][(iova >> LeafShift) & (LeafEntries - 1)];
    }
}
