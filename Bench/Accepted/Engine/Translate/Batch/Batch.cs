using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace PamuFastPath;

/// <summary>The spans of one batch; either one length for all or one for each.</summary>
internal readonly ref struct Batch
{
    internal required ReadOnlySpan<ulong> Iovas { get; init; }

    internal bool HasLengths { get; init; }

    internal ReadOnlySpan<uint> Lengths { get; init; }

    internal ulong Length { get; init; }

    internal required DmaAccess Access { get; init; }

    internal required Span<ulong> Targets { get; init; }

    internal required Span<ulong> Faults { get; init; }

    internal required Span<ulong> Crosses { get; init; }

    internal required Span<ulong> Messages { get; init; }

    internal static Batch Of(
        ReadOnlySpan<ulong> iovas, ulong length, DmaAccess access, Span<ulong> targets, Span<ulong> faults, Span<ulong> crosses, Span<ulong> messages) =>
        new() { Iovas = iovas, Length = length, Access = access, Targets = targets, Faults = faults, Crosses = crosses, Messages = messages };

    internal static Batch Of(
        ReadOnlySpan<ulong> iovas,
        ReadOnlySpan<uint> lengths,
        DmaAccess access,
        Span<ulong> targets,
        Span<ulong> faults,
        Span<ulong> crosses,
        Span<ulong> messages) =>
        new()
        {
            Iovas = iovas,
            HasLengths = true,
            Lengths = lengths,
            Access = access,
            Targets = targets,
            Faults = faults,
            Crosses = crosses,
            Messages = messages,
        };

    /// <summary>Whether the targets overwrite the IOVAs.</summary>
    internal bool IsInPlace => Unsafe.AreSame(ref MemoryMarshal.GetReference(Iovas), ref MemoryMarshal.GetReference(Targets));

    internal ulong LengthOf(int i) => HasLengths ? Lengths[i] : Length;

    internal bool IsMemoryHit(int i) => (((Faults[i / 64] | Crosses[i / 64] | Messages[i / 64]) >> (i % 64)) & 1) == 0;

    internal unsafe BatchResult Run(TableHeader* table, BatchKernel? kernel) => HasLengths
        ? BatchTranslator.Translate(table, Iovas, Lengths, Access, Targets, Faults, Crosses, Messages, kernel)
        : BatchTranslator.Translate(table, Iovas, Length, Access, Targets, Faults, Crosses, Messages, kernel);
}
