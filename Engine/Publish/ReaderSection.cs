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
    public TableView Table => TableView.OfPublished(TableBuilder.ImageOf(_table));

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

    /// <summary>Translates many accesses of one length. Allocates nothing.</summary>
    /// <param name="iovas">First IOVA of each access; any values, any count, any alignment.</param>
    /// <param name="length">Bytes of every access; any value. With 0 all are refused.</param>
    /// <param name="access">Direction of all, seen from the device.</param>
    /// <param name="targets">
    /// Receives where each access goes, all ones for one that is refused or crosses. At least as long as <paramref name="iovas"/>; may be the same
    /// memory, and must not overlap it otherwise.
    /// </param>
    /// <param name="faultMask">
    /// Receives one bit per access, element i in bit i % 64 of word i / 64: refused. ceil(n / 64) words, of which unused bits are 0.
    /// </param>
    /// <param name="crossMask">The same: runs over its window's end.</param>
    /// <param name="msiMask">The same: hits an MSI page, and the target is the address in it.</param>
    /// <param name="kernel">A kernel to use instead of the table's own choice, for tests and benches.</param>
    /// <returns>How many of each there were.</returns>
    /// <exception cref="ArgumentException">A span is too short, or spans overlap.</exception>
    /// <exception cref="PlatformNotSupportedException">The forced kernel cannot run on this processor or table.</exception>
    public BatchResult TranslateBatch(
        ReadOnlySpan<ulong> iovas,
        ulong length,
        DmaAccess access,
        Span<ulong> targets,
        Span<ulong> faultMask,
        Span<ulong> crossMask,
        Span<ulong> msiMask,
        BatchKernel? kernel = null) =>
        BatchTranslator.Translate(_table, iovas, length, access, targets, faultMask, crossMask, msiMask, kernel);

    /// <summary>Translates many accesses, each with its own length. As the form with one length otherwise.</summary>
    /// <param name="iovas">First IOVA of each access.</param>
    /// <param name="lengths">Bytes of each access, as many as <paramref name="iovas"/>; one of 0 is refused.</param>
    /// <param name="access">Direction of all, seen from the device.</param>
    /// <param name="targets">Receives where each access goes.</param>
    /// <param name="faultMask">Receives one bit per access: refused.</param>
    /// <param name="crossMask">Receives one bit per access: runs over its window's end.</param>
    /// <param name="msiMask">Receives one bit per access: hits an MSI page.</param>
    /// <param name="kernel">A kernel to use instead of the table's own choice, for tests and benches.</param>
    /// <returns>How many of each there were.</returns>
    /// <exception cref="ArgumentException">A span is too short, spans overlap, or the numbers of IOVAs and lengths differ.</exception>
    /// <exception cref="PlatformNotSupportedException">The forced kernel cannot run on this processor or table.</exception>
    public BatchResult TranslateBatch(
        ReadOnlySpan<ulong> iovas,
        ReadOnlySpan<uint> lengths,
        DmaAccess access,
        Span<ulong> targets,
        Span<ulong> faultMask,
        Span<ulong> crossMask,
        Span<ulong> msiMask,
        BatchKernel? kernel = null) =>
        BatchTranslator.Translate(_table, iovas, lengths, access, targets, faultMask, crossMask, msiMask, kernel);

    /// <summary>The kernel that batches over this table use.</summary>
    public BatchKernel Kernel => (BatchKernel)_table->Kernel;

    /// <summary>Whether a kernel can be forced for this table on this processor.</summary>
    public bool CanRun(BatchKernel kernel) =>
        BatchKernels.CanRun(kernel, _table->WindowCount, (int)_table->WindowShift, _table->TargetBase != ulong.MaxValue);

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
