using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;

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
            Utf8.FromUtf16(text, room, out _, out int written);
            destination[written] = 0;
        }

        return length;
    }

    /// <summary>The address of a literal, which is in the library's image with a zero behind it.</summary>
    internal static byte* Address(ReadOnlySpan<byte> literal) => (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetReference(literal));
}
