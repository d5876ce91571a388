namespace PamuFastPath.Tests.ByteDoor;

/// <summary>Memory that can be read and not written.</summary>
internal sealed class ReadOnlyArgument(byte[] bytes) : IArgumentMemory
{
    public bool TryRead(ulong address, scoped Span<byte> destination) =>
        address <= (ulong)bytes.Length && bytes.AsSpan((int)address) is var rest
        && rest.Length >= destination.Length && rest[..destination.Length].TryCopyTo(destination);

    public bool TryWrite(ulong address, scoped ReadOnlySpan<byte> source) => false;
}

/// <summary>Memory that notes every byte that is read; it can turn it into something else at once, as a hostile thread would.</summary>
internal sealed class WatchedArgument(byte[] bytes, bool changes) : IArgumentMemory
{
    private const ulong Base = 0x7FFF_0000_1001; // misaligned, and nothing a span would use

    /// <summary>The address of the first byte.</summary>
    internal static ulong Address => Base;

    /// <summary>How often each byte was read; the last entry counts bytes outside of the memory.</summary>
    internal int[] Reads { get; } = new int[bytes.Length + 1];

    internal List<(int Offset, int Length)> Writes { get; } = [];

    public bool TryRead(ulong address, scoped Span<byte> destination)
    {
        for (int i = 0; i < destination.Length; i++)
        {
            ulong offset = address + (ulong)i - Base;
            Reads[Math.Min(offset, (ulong)bytes.Length)]++;
            if (offset >= (ulong)bytes.Length)
            {
                return false;
            }

            destination[i] = bytes[offset];
            bytes[offset] ^= (byte)(changes ? 0x5A : 0);
        }

        return true;
    }

    public bool TryWrite(ulong address, scoped ReadOnlySpan<byte> source)
    {
        int offset = (int)(address - Base);
        Writes.Add((offset, source.Length));
        return source.TryCopyTo(bytes.AsSpan(offset));
    }
}
