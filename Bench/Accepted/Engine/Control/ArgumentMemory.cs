namespace PamuFastPath;

/// <summary>
/// How a byte door reaches argument memory. The door reads every byte of an argument at most once, never beyond the argument's own
/// <c>argsz</c>, and never assumes alignment. Implementations do not throw.
/// </summary>
public interface IArgumentMemory
{
    /// <summary>Copies bytes in.</summary>
    /// <returns>False if any of them cannot be read; the door answers EFAULT.</returns>
    bool TryRead(ulong address, scoped Span<byte> destination);

    /// <summary>Copies bytes out.</summary>
    /// <returns>False if any of them cannot be written; the door answers EFAULT.</returns>
    bool TryWrite(ulong address, scoped ReadOnlySpan<byte> source);
}

/// <summary>Argument memory that is a span; address 0 is its first byte.</summary>
internal readonly ref struct SpanArgument(Span<byte> bytes) : IArgumentMemory
{
    private readonly Span<byte> _bytes = bytes;

    public bool TryRead(ulong address, scoped Span<byte> destination) =>
        address <= (ulong)_bytes.Length && _bytes[(int)address..].Length >= destination.Length
        && _bytes.Slice((int)address, destination.Length).TryCopyTo(destination);

    public bool TryWrite(ulong address, scoped ReadOnlySpan<byte> source) =>
        address <= (ulong)_bytes.Length && source.TryCopyTo(_bytes[(int)address..]);
}
