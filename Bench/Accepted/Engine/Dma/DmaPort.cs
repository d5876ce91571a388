using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using PamuFastPath.Diagnostics;

namespace PamuFastPath;

/// <summary>
/// A device's door to guest memory: reads and writes at IOVAs, through a reader's sections, the container that holds the device's
/// LIODN, and the guest's RAM. Messages go to a sink, refusals to the engine's fault log, both after the section is left.
/// </summary>
/// <remarks>
/// Belongs to the thread of its reader, which must not be in a section of its own around a call: the sink would run inside it. An access larger
/// than <see cref="PieceBytes"/> is checked as a whole, then copied in pieces with a section each, so that it cannot stall an unmap; if the table
/// changes in between, it ends early. Reads of an MSI page that the mapping allows give zeros: what the hardware answers is not known.
/// </remarks>
public sealed class DmaPort
{
    /// <summary>The most bytes that are copied inside one section.</summary>
    public const int PieceBytes = 64 * 1024;

    /// <summary>Segments a piece can need: every window is at least 4 KiB, and a piece may start inside one.</summary>
    private const int SegmentsMax = PieceBytes / 4096 + 1;

    private const int MessageBytes = 4;

    /// <summary>Which part of a write is done in one section.</summary>
    private enum Piece
    {
        /// <summary>All of it.</summary>
        Whole,

        /// <summary>The first of several pieces.</summary>
        First,

        /// <summary>One after the first: the write is counted already.</summary>
        Later,
    }

    private readonly PamuReader _reader;
    private readonly GuestMemory _memory;
    private readonly IMsiSink? _sink;

    /// <summary>Makes a port.</summary>
    /// <param name="reader">The reader of the device's thread.</param>
    /// <param name="liodn">The LIODN the device's accesses carry.</param>
    /// <param name="memory">The guest's RAM.</param>
    /// <param name="sink">Where messages go; null drops them.</param>
    public DmaPort(PamuReader reader, uint liodn, GuestMemory memory, IMsiSink? sink = null)
    {
        ArgumentNullException.ThrowIfNull(reader);
        ArgumentNullException.ThrowIfNull(memory);
        _reader = reader;
        Liodn = liodn;
        _memory = memory;
        _sink = sink;
    }

    /// <summary>The LIODN the device's accesses carry.</summary>
    public uint Liodn { get; }

    /// <summary>The device reads memory. Nothing is copied if any byte of the range is refused at the start.</summary>
    public DmaResult Read(ulong iova, Span<byte> destination)
    {
        if (RefuseWhole(iova, destination.Length, DmaAccess.Read) is { IsOk: false } refused)
        {
            return refused;
        }

        int done = 0;
        while (done < destination.Length)
        {
            int piece = Math.Min(PieceBytes, destination.Length - done);
            DmaResult result = ReadPiece(iova + (ulong)done, destination.Slice(done, piece), isFirst: done == 0);
            done += result.BytesDone;
            if (!result.IsOk)
            {
                return Ended(result with { BytesDone = done }, iova, destination.Length, DmaAccess.Read);
            }
        }

        return new DmaResult(DmaStatus.Done, done, FaultKind.None, 0);
    }

    /// <summary>
    /// The device writes memory, or sends a message: one aligned 32-bit write into an MSI window. Other writes to an MSI window are
    /// refused with <see cref="FaultKind.BadLength"/>. Nothing is copied if any byte of the range is refused at the start.
    /// </summary>
    public DmaResult Write(ulong iova, ReadOnlySpan<byte> source)
    {
        if (RefuseWhole(iova, source.Length, DmaAccess.Write) is { IsOk: false } refused)
        {
            return refused;
        }

        int done = 0;
        while (done < source.Length)
        {
            int piece = Math.Min(PieceBytes, source.Length - done);
            Piece which = piece == source.Length ? Piece.Whole : done == 0 ? Piece.First : Piece.Later;
            DmaResult result = WritePiece(iova + (ulong)done, source.Slice(done, piece), which, out MsiMessage message);
            done += result.BytesDone;
            if (result.Status == DmaStatus.Message)
            {
                PamuEventSource.Log.MessageDone(_reader.Engine.Number, message);
                _sink?.Deliver(message);
                return result;
            }

            if (!result.IsOk)
            {
                return Ended(result with { BytesDone = done }, iova, source.Length, DmaAccess.Write);
            }
        }

        return new DmaResult(DmaStatus.Done, done, FaultKind.None, 0);
    }

    /// <summary>For what the pieces cannot see by themselves: an empty access, and a refusal in a later piece of a large one.</summary>
    private DmaResult RefuseWhole(ulong iova, int length, DmaAccess access)
    {
        return length is > 0 and <= PieceBytes ? default : RefuseLarge(iova, length, access);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private DmaResult RefuseLarge(ulong iova, int length, DmaAccess access)
    {
        Span<DmaSegment> segments = stackalloc DmaSegment[TableLayout.WindowCountMax];
        DmaResult refused = default;
        using (ReaderSection section = _reader.Enter(Liodn))
        {
            RangeTranslation whole = section.PeekRange(iova, (ulong)length, access, segments);
            if (!whole.IsHit)
            {
                refused = Refused(section, whole.Fault, whole.FaultIova);
            }
            else if (access == DmaAccess.Write && FirstMessage(segments[..whole.SegmentCount]) is DmaSegment message)
            {
                refused = Refused(section, FaultKind.BadLength, message.Iova);
            }
        }

        return Ended(refused, iova, length, access);
    }

    private DmaResult ReadPiece(ulong iova, Span<byte> destination, bool isFirst)
    {
        using ReaderSection section = _reader.Enter(Liodn);
        Translation hit = section.Peek(iova, (ulong)destination.Length, DmaAccess.Read);
        if (hit.IsDma)
        {
            section.CountMemory(iova, (ulong)destination.Length, DmaAccess.Read, isFirst);
            return _memory.TryRead(hit.Target, destination) ? Copied(destination.Length) : NoMemory(0);
        }

        return ReadSegments(section, iova, destination, isFirst);
    }

    // By itself, so that the usual access does not clear a stack buffer it has no use for.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private DmaResult ReadSegments(in ReaderSection section, ulong iova, Span<byte> destination, bool isFirst)
    {
        Span<DmaSegment> segments = stackalloc DmaSegment[SegmentsMax];
        RangeTranslation range = section.PeekRange(iova, (ulong)destination.Length, DmaAccess.Read, segments);
        if (!range.IsHit)
        {
            return Refused(section, range.Fault, range.FaultIova);
        }

        if (range.SegmentCount == 1 && segments[0].IsMsi)
        {
            section.CountMsi(segments[0].MsiBank, iova, (ulong)destination.Length);
        }
        else
        {
            section.CountMemory(iova, (ulong)destination.Length, DmaAccess.Read, isFirst);
        }

        int done = 0;
        foreach (ref readonly DmaSegment segment in segments[..range.SegmentCount])
        {
            Span<byte> part = destination.Slice(done, (int)segment.Length);
            if (segment.IsMsi)
            {
                part.Clear();
            }
            else if (!_memory.TryRead(segment.Target, part))
            {
                return NoMemory(done);
            }

            done += part.Length;
        }

        return Copied(done);
    }

    /// <summary>Only a whole access can be a message: the last word of a buffer is none, whatever its window became meanwhile.</summary>
    private DmaResult WritePiece(ulong iova, ReadOnlySpan<byte> source, Piece piece, out MsiMessage message)
    {
        message = default;
        using ReaderSection section = _reader.Enter(Liodn);
        Translation hit = section.Peek(iova, (ulong)source.Length, DmaAccess.Write);
        if (hit.IsDma)
        {
            section.CountMemory(iova, (ulong)source.Length, DmaAccess.Write, piece != Piece.Later);
            return _memory.TryWrite(hit.Target, source) ? Copied(source.Length) : NoMemory(0);
        }

        if (hit.IsMsi && piece == Piece.Whole && source.Length == MessageBytes && iova % MessageBytes == 0)
        {
            section.CountMsi(hit.MsiBank, iova, (ulong)source.Length);
            message = new MsiMessage(Liodn, hit.MsiBank, hit.MsiOffset, BinaryPrimitives.ReadUInt32LittleEndian(source));
            return new DmaResult(DmaStatus.Message, source.Length, FaultKind.None, 0);
        }

        return WriteSegments(section, iova, source, piece);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private DmaResult WriteSegments(in ReaderSection section, ulong iova, ReadOnlySpan<byte> source, Piece piece)
    {
        Span<DmaSegment> segments = stackalloc DmaSegment[SegmentsMax];
        RangeTranslation range = section.PeekRange(iova, (ulong)source.Length, DmaAccess.Write, segments);
        if (!range.IsHit)
        {
            return Refused(section, range.Fault, range.FaultIova);
        }

        segments = segments[..range.SegmentCount];
        if (FirstMessage(segments) is DmaSegment bad)
        {
            return Refused(section, FaultKind.BadLength, bad.Iova);
        }

        section.CountMemory(iova, (ulong)source.Length, DmaAccess.Write, piece != Piece.Later);
        int done = 0;
        foreach (ref readonly DmaSegment segment in segments)
        {
            ReadOnlySpan<byte> part = source.Slice(done, (int)segment.Length);
            if (!_memory.TryWrite(segment.Target, part))
            {
                return NoMemory(done);
            }

            done += part.Length;
        }

        return Copied(done);
    }

    private static DmaSegment? FirstMessage(ReadOnlySpan<DmaSegment> segments)
    {
        foreach (ref readonly DmaSegment segment in segments)
        {
            if (segment.IsMsi)
            {
                return segment;
            }
        }

        return null;
    }

    /// <summary>Outside the section: records a refusal. The observer of the log may do what it likes.</summary>
    private DmaResult Ended(DmaResult result, ulong iova, int length, DmaAccess access)
    {
        if (result.Status == DmaStatus.Fault)
        {
            _reader.Engine.Faults.Record(new FaultRecord(result.Fault, Liodn, iova, (ulong)length, access, result.FaultIova));
        }

        return result;
    }

    /// <summary>Counts a refusal where it is found.</summary>
    private static DmaResult Refused(in ReaderSection section, FaultKind kind, ulong iova)
    {
        section.CountFault(kind);
        return new DmaResult(DmaStatus.Fault, 0, kind, iova);
    }

    private static DmaResult Copied(int bytes) => new(DmaStatus.Done, bytes, FaultKind.None, 0);

    private static DmaResult NoMemory(int bytes) => new(DmaStatus.NoMemory, bytes, FaultKind.None, 0);
}
