// What is left of closed things: where a pointer to a closed container's cell or a closed reader's slot leads.
//
// Unsafe: owns both. Invariant: made before the first engine is, never changed and never freed, so that whoever kept a pointer to one of them never
// finds it gone.

namespace PamuFastPath;

internal static unsafe class ClosedPlaces
{
    private static readonly Lock Gate = new();
    private static TableCell* cell;
    private static ReaderSlot* slot;

    /// <summary>The cell of a closed container: its table refuses everything.</summary>
    internal static TableCell* Cell => cell;

    /// <summary>The slot of a closed reader: never quiescent, so that no section can be entered on the fast path.</summary>
    internal static ReaderSlot* Slot => slot;

    /// <summary>Makes both, once. Not a static constructor: a lack of memory would then be remembered for ever.</summary>
    /// <exception cref="PamuException">ENOMEM.</exception>
    internal static void Make()
    {
        lock (Gate)
        {
            if (slot == null)
            {
                var made = (ReaderSlot*)NativeBlocks.Take(ReaderSlot.SlotBytes, ReaderSlot.SlotBytes, "reader");
                made->Epoch = ulong.MaxValue;
                slot = made;
            }

            if (cell == null)
            {
                cell = TableCell.Make(TableBuilder.BuildRefusing(FaultKind.OutOfAperture));
            }
        }
    }
}
