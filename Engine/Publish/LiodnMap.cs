// LIODN -> cell of the container that holds it.
//
// Unsafe: owns a native array of cell pointers. Invariants:
//   - every entry points at a live cell: a container's, or the `unknown` cell, whose table answers UnknownLiodn;
//   - entries are read inside sections only, after the announcement, so that a grace period after an entry was changed
//     outlives every use of the old cell (Publisher.cs, where the entry takes the place of the table pointer).

using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace PamuFastPath;

internal sealed unsafe class LiodnMap
{
    private readonly TableCell** _cells;
    private readonly uint _count;
    private readonly TableCell* _unknown;

    internal LiodnMap(int count, TableCell* unknown)
    {
        _count = (uint)count;
        _unknown = unknown;
        _cells = (TableCell**)NativeMemory.AlignedAlloc((nuint)count * (nuint)sizeof(nint), TableLayout.Alignment);
        for (int i = 0; i < count; i++)
        {
            _cells[i] = unknown;
        }
    }

    /// <summary>The array itself, for readers in other languages.</summary>
    internal TableCell** Cells => _cells;

    /// <summary>Its entries.</summary>
    internal uint Count => _count;

    /// <summary>What a LIODN has that nobody holds, or that is beyond the array.</summary>
    internal TableCell* Unknown => _unknown;

    /// <summary>The cell of a LIODN; any value is answered. Inside a section only.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal TableCell* Cell(uint liodn) =>
        liodn < _count
            ? (TableCell*)Volatile.Read(ref *(nint*)(_cells + liodn)) // acquire: pairs with the release in Set
            : _unknown;

    /// <summary>Makes a LIODN's accesses use a container's table. Adds rights: nobody has to be waited for.</summary>
    internal void Set(int liodn, TableCell* cell)
    {
        Debug.Assert((uint)liodn < _count, "only LIODNs of the platform are held");
        Volatile.Write(ref *(nint*)(_cells + liodn), (nint)cell);
    }

    /// <summary>Makes a LIODN unknown. Takes rights away: a grace period must follow.</summary>
    internal void Clear(int liodn) => Set(liodn, _unknown);

    internal void Free() => NativeMemory.AlignedFree(_cells);
}
