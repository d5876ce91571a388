// What an input reached: a map of branches, as AFL keeps one.
//
// Unsafe: owns the map that the instrumented code counts in. Invariant: it is there before any instrumented code runs, and until the process ends.

using System.Numerics;
using System.Runtime.InteropServices;

namespace PamuFastPath.Fuzz.Run;

/// <summary>
/// Counts which branches of the instrumented assemblies an input took, and how often in powers of two, and knows which of that is new. Counts of other
/// threads come in at random; who wants to be sure runs the input twice.
/// </summary>
internal sealed unsafe class Coverage
{
    private const int Bytes = 1 << 16;

    private readonly byte[] _seen = new byte[Bytes];
    private readonly byte* _map = (byte*)NativeMemory.AllocZeroed(Bytes);

    /// <summary>Has the instrumented code count here from now on.</summary>
    internal void Begin() => SharpFuzz.Common.Trace.SharedMem = _map;

    /// <summary>Forgets what was counted for the last input.</summary>
    internal void Clear()
    {
        new Span<byte>(_map, Bytes).Clear();
        SharpFuzz.Common.Trace.PrevLocation = 0;
    }

    /// <summary>Branches that any input took so far.</summary>
    internal int BranchCount => Bytes - _seen.AsSpan().Count((byte)0);

    /// <summary>What the last input reached: place and count class, packed.</summary>
    internal List<int> Reached()
    {
        var reached = new List<int>();
        var words = new ReadOnlySpan<ulong>(_map, Bytes / sizeof(ulong));
        for (int word = 0; word < words.Length; word++)
        {
            if (words[word] == 0)
            {
                continue;
            }

            for (int place = word * sizeof(ulong); place < (word + 1) * sizeof(ulong); place++)
            {
                if (_map[place] != 0)
                {
                    reached.Add(place << 8 | ClassOf(_map[place]));
                }
            }
        }

        return reached;
    }

    /// <summary>Whether nothing reached one of these before.</summary>
    internal bool HasNew(List<int> reached) => reached.Exists(one => (_seen[one >> 8] & one & 0xFF) == 0);

    /// <summary>What two runs of one input have in common that is new.</summary>
    internal List<int> NewInBoth(List<int> first, List<int> second)
    {
        var both = new HashSet<int>(first);
        both.IntersectWith(second);
        return [.. both.Where(one => (_seen[one >> 8] & one & 0xFF) == 0)];
    }

    internal void Add(List<int> reached) => reached.ForEach(one => _seen[one >> 8] |= (byte)one);

    /// <summary>A bit for 1, 2, 3, 4-7, 8-15, 16-31, 32-127 and more.</summary>
    private static int ClassOf(byte count) => count switch
    {
        <= 3 => 1 << (count - 1),
        < 8 => 8,
        < 16 => 16,
        < 32 => 32,
        < 128 => 64,
        _ => 128,
    };
}
