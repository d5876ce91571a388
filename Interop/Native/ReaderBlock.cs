using System.Runtime.InteropServices;

namespace PamuFastPath.Native;

/// <summary>struct pamu_reader: the caller's memory, read by the inline half of pamu.h.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ReaderBlock
{
    internal ReaderSlot* Slot;
    internal ulong* Epoch;
    internal TableCell** Liodns;
    internal TableCell* Unknown;
    internal TableHeader* Closed;
    internal ulong LiodnCount;
    internal ulong Owner;
    internal ulong Number;
    internal ReaderBlock* Self;
    internal void* Counters;
    internal ulong Ignored; // what nested sections clear when they are left
    private fixed ulong _reserved[5];
}
