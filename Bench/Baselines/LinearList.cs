using System.Runtime.CompilerServices;
using PamuFastPath.Bench.Workloads;

namespace PamuFastPath.Bench.Baselines;

/// <summary>(a) Asks one region after the other: what one writes first. Good for a handful.</summary>
internal readonly unsafe struct LinearList(NativeArray<Region> regions) : ISingleTranslation
{
    private readonly Region* _first = regions.Pointer;
    private readonly Region* _end = regions.Pointer + regions.Length;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Translation Translate(ulong iova, ulong length, DmaAccess access)
    {
        nuint column = (nuint)access & 1;
        for (Region* region = _first; region < _end; region++)
        {
            ulong offset = iova - region->Start;
            ulong limit = (&region->ReadLimit)[column];
            if (offset < limit && length - 1 < limit - offset)
            {
                return Translation.Hit(iova, region->Delta);
            }
        }

        return Region.Refuse(iova);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Target(ulong iova, ulong length, DmaAccess access) => Translate(iova, length, access).Target;
}
