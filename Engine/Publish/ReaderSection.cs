// A reader section: from the announcement to the leave, with the table that was current in between.
//
// Unsafe: holds the table pointer. Invariants:
//   - it exists only after its reader's announcement (PamuReader.Announce), so the table cannot be freed before Dispose;
//   - being a ref struct it cannot outlive the stack frame, move to another thread or be captured.

using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace PamuFastPath;

/// <summary>
/// The span in which a reader may use the table it entered with. Use it with <c>using</c>; dispose it exactly once, on the thread that
/// entered, and do not copy it.
/// </summary>
public readonly unsafe ref struct ReaderSection
{
    private readonly ReaderSlot* _slot;
    private readonly TableHeader* _table;
    private readonly bool _nested;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ReaderSection(ReaderSlot* slot, TableCell* cell, bool nested)
    {
        _slot = slot;
        _nested = nested;

        // R2. Acquire: pairs with the release that published the image (W1 in Publisher), so its bytes are seen. After R1 in program order.
        _table = (TableHeader*)Volatile.Read(ref *(nint*)&cell->Current);
        Debug.Assert(_table->Magic == TableLayout.Magic, "the current table is alive");
    }

    /// <summary>The table, as a view that is good until the section is left.</summary>
    public TableView Table => new(TableBuilder.ImageOf(_table));

    /// <summary>Translates one access that should stay within one window.</summary>
    /// <param name="iova">First IOVA of the access; any value.</param>
    /// <param name="length">Bytes; any value. 0 is <see cref="FaultKind.BadLength"/>.</param>
    /// <param name="access">Direction, seen from the device.</param>
    /// <returns>Target, MSI hit, fault, or <see cref="TranslationKind.Crosses"/> for an access that runs over its window's end.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Translation Translate(ulong iova, ulong length, DmaAccess access) => Translator.Translate(_table, iova, length, access);

    /// <summary>Translates a range over as many windows as it touches, all or nothing.</summary>
    /// <param name="iova">First IOVA of the range; any value.</param>
    /// <param name="length">Bytes; any value. 0 is <see cref="FaultKind.BadLength"/>.</param>
    /// <param name="access">Direction, seen from the device.</param>
    /// <param name="segments">
    /// Receives the pieces in IOVA order, neighbours with contiguous targets merged. Left untouched on a fault and when it is too short;
    /// the result then says how many are needed (at most one per window).
    /// </param>
    public RangeTranslation TranslateRange(ulong iova, ulong length, DmaAccess access, Span<DmaSegment> segments) =>
        Translator.TranslateRange(_table, iova, length, access, segments);

    /// <summary>Leaves the section.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Dispose()
    {
        if (!_nested)
        {
            // R4. Release: every use of the table above stays before it. Other side: the acquire read of the slot (W4 in Publisher).
            // A constant, not the value found on entry: that would chain each section to the one before through the store buffer.
            Volatile.Write(ref _slot->Epoch, 0);
        }
    }
}
