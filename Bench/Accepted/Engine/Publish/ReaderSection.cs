// A reader section: from the announcement to the leave, with the table that was current in between.
//
// Unsafe: holds the table pointer. Invariants:
//   - it exists only after its reader's announcement (PamuReader.Announce), so the table cannot be freed before Dispose;
//   - being a ref struct it cannot outlive the stack frame, move to another thread or be captured.

using System.Diagnostics;
using System.Runtime.CompilerServices;
using PamuFastPath.Diagnostics;

namespace PamuFastPath;

/// <summary>
/// The span in which a reader may use the table it entered with. Use it with <c>using</c>; dispose it exactly once, on the thread that
/// entered, and do not copy it.
/// </summary>
public readonly unsafe ref struct ReaderSection
{
    private readonly ReaderSlot* _slot;
    private readonly TableHeader* _table;
    private readonly nuint _counters; // AccessCounter.Of
    private readonly bool _nested;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ReaderSection(ReaderSlot* slot, TableCell* cell, bool nested)
    {
        _slot = slot;
        _nested = nested;

        // R2. Acquire: pairs with the release that published the image (W1 in Publisher), so its bytes are seen. After R1 in program order.
        _table = (TableHeader*)Volatile.Read(ref *(nint*)&cell->Current);
        Debug.Assert(_table->Magic == TableLayout.Magic, "the current table is alive");
        _counters = AccessCounter.Of(slot, _table);
    }

    /// <summary>The table, as a view that is good until the section is left.</summary>
    public TableView Table => TableView.OfPublished(TableBuilder.ImageOf(_table));

    /// <summary>Translates one access that should stay within one window.</summary>
    /// <param name="iova">First IOVA of the access; any value.</param>
    /// <param name="length">Bytes; any value. 0 is <see cref="FaultKind.BadLength"/>.</param>
    /// <param name="access">Direction, seen from the device.</param>
    /// <returns>Target, MSI hit, fault, or <see cref="TranslationKind.Crosses"/> for an access that runs over its window's end.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Translation Translate(ulong iova, ulong length, DmaAccess access) => AccessCounter.Translate(_counters, _table, iova, length, access);

    /// <summary>The same, not counted: for a port, which counts each access once, whatever it asks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Translation Peek(ulong iova, ulong length, DmaAccess access) => Translator.Translate(_table, iova, length, access);

    /// <summary>The same for a range.</summary>
    internal RangeTranslation PeekRange(ulong iova, ulong length, DmaAccess access, Span<DmaSegment> segments) =>
        Translator.TranslateRange(_table, iova, length, access, segments);

    /// <summary>Counts a piece of a port's access that goes to memory.</summary>
    /// <param name="iova">First IOVA of the piece.</param>
    /// <param name="length">Its bytes.</param>
    /// <param name="access">Direction.</param>
    /// <param name="isFirst">Whether it is the first piece, which counts the access.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void CountMemory(ulong iova, ulong length, DmaAccess access, bool isFirst)
    {
        if (_counters != 0)
        {
            AccessCounter.CountMemory(_counters, _table, iova, length, access, isFirst);
        }
    }

    /// <summary>Counts a port's access to an MSI page.</summary>
    internal void CountMsi(int bank, ulong iova, ulong length)
    {
        if (_counters != 0)
        {
            AccessCounter.CountMsi(_counters, _table, bank, iova, length);
        }
    }

    /// <summary>Counts a port's access that is refused.</summary>
    internal void CountFault(FaultKind kind)
    {
        if (_counters != 0)
        {
            AccessCounter.CountFault(_counters, kind);
        }
    }

    /// <summary>Translates a range over as many windows as it touches, all or nothing.</summary>
    /// <param name="iova">First IOVA of the range; any value.</param>
    /// <param name="length">Bytes; any value. 0 is <see cref="FaultKind.BadLength"/>.</param>
    /// <param name="access">Direction, seen from the device.</param>
    /// <param name="segments">
    /// Receives the pieces in IOVA order, neighbours with contiguous targets merged. Left untouched on a fault and when it is too short;
    /// the result then says how many are needed (at most one per window).
    /// </param>
    public RangeTranslation TranslateRange(ulong iova, ulong length, DmaAccess access, Span<DmaSegment> segments)
    {
        RangeTranslation answer = Translator.TranslateRange(_table, iova, length, access, segments);
        if (_counters != 0)
        {
            AccessCounter.CountRange(_counters, _table, iova, length, access, answer, segments);
        }

        return answer;
    }

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
        BatchKernel? kernel = null)
    {
        if ((_counters & AccessCounter.WindowsTag) != 0)
        {
            return BatchCounter.TranslateEach(_counters, _table, Batch.Of(iovas, length, access, targets, faultMask, crossMask, msiMask), kernel);
        }

        int at = BatchCounter.SampleAt(_counters, iovas.Length);
        ulong sample = at < 0 ? 0 : iovas[at]; // before the kernel runs, which may overwrite it
        BatchResult result = BatchTranslator.Translate(_table, iovas, length, access, targets, faultMask, crossMask, msiMask, kernel);
        if (_counters == 0)
        {
            return result;
        }

        if (result.DmaCount == iovas.Length && at >= 0)
        {
            BatchCounter.CountHits(_counters, (ulong)iovas.Length, length, access, sample);
        }
        else
        {
            BatchCounter.Count(_counters, _table, Batch.Of(iovas, length, access, targets, faultMask, crossMask, msiMask), at, sample, result);
        }

        return result;
    }

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
        BatchKernel? kernel = null)
    {
        if ((_counters & AccessCounter.WindowsTag) != 0)
        {
            return BatchCounter.TranslateEach(_counters, _table, Batch.Of(iovas, lengths, access, targets, faultMask, crossMask, msiMask), kernel);
        }

        int at = BatchCounter.SampleAt(_counters, iovas.Length);
        ulong sample = at < 0 ? 0 : iovas[at];
        BatchResult result = BatchTranslator.Translate(_table, iovas, lengths, access, targets, faultMask, crossMask, msiMask, kernel);
        if (_counters != 0)
        {
            BatchCounter.Count(_counters, _table, Batch.Of(iovas, lengths, access, targets, faultMask, crossMask, msiMask), at, sample, result);
        }

        return result;
    }

    /// <summary>Why an access translates, faults or crosses, step by step. For people: it allocates, and is not counted.</summary>
    /// <param name="iova">First IOVA of the access; any value.</param>
    /// <param name="length">Bytes; any value.</param>
    /// <param name="access">Direction, seen from the device.</param>
    public TranslationExplanation Explain(ulong iova, ulong length, DmaAccess access) => Table.Explain(iova, length, access);

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
