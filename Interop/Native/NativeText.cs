using System.Runtime.InteropServices;
using System.Text;

namespace PamuFastPath.Native;

/// <summary>Text that leaves the library.</summary>
internal static unsafe class NativeText
{
    /// <summary>Copies as much as fits, a zero at the end; whole characters only.</summary>
    /// <returns>The bytes all of it takes, without the zero.</returns>
    internal static int CopyOut(string text, byte* destination, nuint size)
    {
        int length = Encoding.UTF8.GetByteCount(text);
        if (destination != null && size > 0)
        {
            var room = new Span<byte>(destination, (int)Math.Min(size - 1, int.MaxValue));
            Encoding.UTF8.GetEncoder().Convert(text, room, flush: true, out _, out int written, out _);
            destination[written] = 0;
        }

        return length;
    }

    /// <summary>The address of a literal, which is in the library's image with a zero behind it.</summary>
    internal static byte* Address(ReadOnlySpan<byte> literal) => (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetReference(literal));
}
