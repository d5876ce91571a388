using System.Runtime.InteropServices;

namespace PamuFastPath.Native;

/// <summary>A device's port by its handle: the engine's port, and the rules that C callers may break.</summary>
internal sealed unsafe class NativePort : IMsiSink
{
    private readonly NativeReader _reader;
    private readonly DmaPort _port;

    internal NativePort(NativeReader reader, uint liodn, GuestMemory memory)
    {
        _reader = reader;
        _port = new DmaPort(reader.Reader, liodn, memory, sink: this);
    }

    internal NativeEngine Engine => _reader.Engine;

    /// <summary>-EPERM on another thread than the reader's, which a closed reader has not.</summary>
    internal int CheckClose() => _reader.IsClosed || _reader.IsOwnThread ? 0 : OtherThread();

    internal int Read(ulong iova, byte* bytes, nuint length, NativePortResult* result)
    {
        if (Check(bytes, length) is var refused and not 0)
        {
            return refused;
        }

        Report(_port.Read(iova, new Span<byte>(bytes, (int)length)), iova, length, DmaAccess.Read, result);
        return 0;
    }

    internal int Write(ulong iova, byte* bytes, nuint length, NativePortResult* result)
    {
        if (Check(bytes, length) is var refused and not 0)
        {
            return refused;
        }

        Report(_port.Write(iova, new ReadOnlySpan<byte>(bytes, (int)length)), iova, length, DmaAccess.Write, result);
        return 0;
    }

    public void Deliver(in MsiMessage message) => Engine.OnMessage?.Call(message);

    private int Check(byte* bytes, nuint length)
    {
        if (_reader.IsClosed)
        {
            return Answer.Refuse(Errno.EBADF, "port", "its reader is registered");
        }

        if (!_reader.IsOwnThread)
        {
            return OtherThread();
        }

        if (_reader.Reader.IsInSection)
        {
            return Answer.Refuse(Errno.EDEADLK, "caller", "outside the reader's sections, since callbacks would run inside");
        }

        if (bytes == null && length > 0)
        {
            return Answer.IsNull("bytes");
        }

        return length > int.MaxValue ? Answer.Refuse(Errno.EINVAL, "length", $"at most {int.MaxValue}") : 0;
    }

    private void Report(DmaResult ended, ulong iova, nuint length, DmaAccess access, NativePortResult* result)
    {
        if (result != null)
        {
            *result = new NativePortResult((uint)ended.Status, (uint)ended.Fault, (ulong)ended.BytesDone, ended.FaultIova);
        }

        if (ended.Status == DmaStatus.Fault)
        {
            Engine.OnFault?.Call(new FaultRecord(ended.Fault, _port.Liodn, iova, length, access, ended.FaultIova));
        }
    }

    private static int OtherThread() => Answer.Refuse(Errno.EPERM, "port", "of the calling thread's own reader");
}

/// <summary>struct pamu_port_result.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct NativePortResult(uint Status, uint Fault, ulong BytesDone, ulong FaultIova);
