// What is left of closed things: where a pointer to a closed container's cell or a closed reader's slot leads.
//
// Unsafe: owns both. Invariant: made before the first engine is, never changed and never freed, so that whoever kept a pointer to one of them never
// finds it gone.

namespace PamuFastPath;

internal static unsafe class ClosedPlaces
{
    private static readonly Lock Gate = new();
    private static TableCell* MadeCell;
    private static ReaderSlot* MadeSlot;

    /// <summary>The cell of a closed container: its table refuses everything.</summary>
    internal static TableCell* Cell => MadeCell;

    /// <summary>The slot of a closed reader: never quiescent, so that no section can be entered on the fast path.</summary>
    internal static ReaderSlot* Slot => MadeSlot;

    /// <summary>Makes both, once. Not a static constructor: a lack of memory would then be remembered for ever.</summary>
    /// <exception cref="PamuException">ENOMEM.</exception>
    internal static void Make()
    {
        lock (Gate)
        {
            if (MadeSlot == null)
            {
                var made = (ReaderSlot*)NativeBlocks.Take(ReaderSlot.SlotBytes, ReaderSlot.SlotBytes, "reader");
                made->Epoch = ulong.MaxValue;
                MadeSlot = made;
            }

            if (MadeCell == null)
            {
                MadeCell = TableCell.Make(TableBuilder.BuildRefusing(FaultKind.OutOfAperture));
            }
        }
    }
}
