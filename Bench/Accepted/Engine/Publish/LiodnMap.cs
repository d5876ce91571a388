// LIODN -> cell of the container that holds it.
//
// Unsafe: owns a native array of cell pointers. Invariants:
//   - every entry points at a live cell: a container's, or the `unknown` cell, whose table answers UnknownLiodn;
//   - entries are read inside sections only, after the announcement, so that a grace period after an entry was changed
//     outlives every use of the old cell (Publisher.cs, where the entry takes the place of the table pointer);
//   - the array has a power of two of entries and the index is masked, so that a processor which guesses the bounds check wrong loads a live cell too.

using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace PamuFastPath;

internal sealed unsafe class LiodnMap
{
    private readonly TableCell** _cells;
    private readonly uint _mask;
    private readonly TableCell* _unknown;

    internal LiodnMap(int count, TableCell* unknown)
    {
        _mask = BitOperations.RoundUpToPowerOf2((uint)count) - 1;
        _unknown = unknown;
        _cells = (TableCell**)NativeBlocks.Take((nuint)Count * (nuint)sizeof(nint), TableLayout.Alignment, "liodns");
        for (int i = 0; i <= _mask; i++)
        {
            _cells[i] = unknown;
        }
    }

    /// <summary>The array itself, for readers in other languages.</summary>
    internal TableCell** Cells => _cells;

    /// <summary>Its entries, a power of two: those beyond the platform's LIODNs stay unknown.</summary>
    internal uint Count => _mask + 1;

    /// <summary>What a LIODN has that nobody holds, or that is beyond the array.</summary>
    internal TableCell* Unknown => _unknown;

    /// <summary>The cell of a LIODN; any value is answered. Inside a section only.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal TableCell* Cell(uint liodn) =>
        liodn <= _mask
            ? (TableCell*)Volatile.Read(ref *(nint*)(_cells + (liodn & _mask))) // acquire: pairs with the release in Set
            : _unknown;

    /// <summary>Makes a LIODN's accesses use a container's table. Adds rights: nobody has to be waited for.</summary>
    internal void Set(int liodn, TableCell* cell)
    {
        Debug.Assert((uint)liodn <= _mask, "only LIODNs of the platform are held");
        Volatile.Write(ref *(nint*)(_cells + liodn), (nint)cell);
    }

    /// <summary>Makes a LIODN unknown. Takes rights away: a grace period must follow.</summary>
    internal void Clear(int liodn) => Set(liodn, _unknown);

    internal void Free() => NativeBlocks.Free(_cells);
}
