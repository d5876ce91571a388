using System.Runtime.InteropServices;

namespace PamuFastPath.Cli.Conform;

/// <summary>Lays recorded calls out as bytes and makes them at a subject's door.</summary>
internal static class SubjectDoor
{
    internal const int BufferBytes = 64;
    private const int AttrUnion = 16;

    /// <summary>What the fields a GET writes hold before: a refused one leaves them.</summary>
    private const byte Untouched = 0xA5;

    /// <summary>Makes one call.</summary>
    /// <param name="subject">Who is called.</param>
    /// <param name="container">The subject's number of the container.</param>
    /// <param name="op">The call.</param>
    /// <param name="output">What it wrote back: a GET's fields, or the size an UNMAP_DMA took; null if it left them alone.</param>
    internal static long Call(IConformanceSubject subject, int container, RecordedOp op, out (ulong First, ulong Second)? output)
    {
        output = null;
        switch (op.Kind)
        {
            case OpKind.AttachGroup:
                return subject.Attach(container, op.Group, [.. op.Devices.SelectMany(device => device)]);
            case OpKind.DetachGroup:
                return subject.Detach(op.Group);
            case OpKind.GetMsiBankCount:
                return subject.Ioctl(container, PamuRequests.PamuGetMsiBankCount, 0UL);
            case OpKind.Ioctl when PamuRequests.Plain(op.Command) is PamuRequests.CheckExtension or PamuRequests.SetIommu:
                return subject.Ioctl(container, op.Command, op.Argument);
            case OpKind.Ioctl when PamuRequests.Plain(op.Command) != PamuRequests.IommuGetInfo:
                return subject.Ioctl(container, op.Command, 0UL); // what an argument pointed to is not recorded
        }

        Span<byte> buffer = stackalloc byte[BufferBytes];
        Fill(op, buffer);
        Span<byte> before = stackalloc byte[BufferBytes];
        buffer.CopyTo(before);
        long result = subject.Ioctl(container, RequestOf(op), buffer);
        if (!buffer.SequenceEqual(before) || (result == 0 && op.Kind == OpKind.UnmapDma))
        {
            output = Read(op, buffer);
        }

        return result;
    }

    internal static uint RequestOf(RecordedOp op) => op.Kind switch
    {
        OpKind.Ioctl => op.Command,
        OpKind.MapDma => PamuRequests.IommuMapDma,
        OpKind.UnmapDma => PamuRequests.IommuUnmapDma,
        OpKind.MapMsi => PamuRequests.PamuMapMsiBank,
        OpKind.UnmapMsi => PamuRequests.PamuUnmapMsiBank,
        _ => op.IsGet ? PamuRequests.PamuGetAttr : PamuRequests.PamuSetAttr,
    };

    internal static void Fill(RecordedOp op, Span<byte> buffer)
    {
        Span<byte> union = buffer.Slice(AttrUnion, 16);
        uint argsz = op.Kind == OpKind.Ioctl ? BufferBytes : op.ArgSz; // requests of the core with a struct need one that is long enough
        MemoryMarshal.Write(buffer, argsz);
        MemoryMarshal.Write(buffer[4..], op.Flags);
        switch (op.Kind)
        {
            case OpKind.MapDma:
                MemoryMarshal.Write(buffer[8..], op.Vaddr);
                MemoryMarshal.Write(buffer[16..], op.Iova);
                MemoryMarshal.Write(buffer[24..], op.Size);
                return;
            case OpKind.UnmapDma:
                MemoryMarshal.Write(buffer[8..], op.Iova);
                MemoryMarshal.Write(buffer[16..], op.Size);
                return;
            case OpKind.MapMsi:
                MemoryMarshal.Write(buffer[8..], op.Bank);
                MemoryMarshal.Write(buffer[16..], op.Iova);
                return;
            case OpKind.UnmapMsi:
                MemoryMarshal.Write(buffer[8..], op.Iova);
                return;
            case OpKind.Ioctl:
                return;
        }

        MemoryMarshal.Write(buffer[8..], op.Attribute);
        switch (op.Kind)
        {
            case OpKind.SetGeometry:
                MemoryMarshal.Write(union, op.Start);
                MemoryMarshal.Write(union[8..], op.Last);
                break;
            case OpKind.SetWindows:
                MemoryMarshal.Write(union, op.Count);
                break;
            case OpKind.SetStash:
                MemoryMarshal.Write(union, op.Cpu);
                MemoryMarshal.Write(union[4..], op.Cache);
                break;
            default:
                union.Fill(Untouched);
                break;
        }
    }

    internal static (ulong First, ulong Second)? Read(RecordedOp op, ReadOnlySpan<byte> buffer)
    {
        ReadOnlySpan<byte> union = buffer[AttrUnion..];
        return op.Kind switch
        {
            OpKind.GetGeometry => (MemoryMarshal.Read<ulong>(union), MemoryMarshal.Read<ulong>(union[8..])),
            OpKind.GetWindows => (MemoryMarshal.Read<uint>(union), 0),
            OpKind.GetStash => (MemoryMarshal.Read<uint>(union), MemoryMarshal.Read<uint>(union[4..])),
            OpKind.UnmapDma => (0, MemoryMarshal.Read<ulong>(buffer[16..])),
            _ => null,
        };
    }
}
