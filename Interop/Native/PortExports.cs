using System.Runtime.InteropServices;

namespace PamuFastPath.Native;

/// <summary>pamu_port_...</summary>
internal static unsafe class PortExports
{
    [UnmanagedCallersOnly(EntryPoint = "pamu_port_create")]
    internal static int Create(ReaderBlock* reader, uint liodn, nint memory, nint* port)
    {
        try
        {
            if (NativeReader.Find(reader) is not NativeReader found)
            {
                return Answer.Refuse(Errno.EBADF, "reader", "a registered one, where it was registered");
            }

            if (Handles.Find<NativeRam>(memory) is not NativeRam ram || ram.Engine != found.Engine)
            {
                return Answer.Refuse(Errno.EBADF, "memory", "an open one of the reader's engine");
            }

            if (port == null)
            {
                return Answer.IsNull("port");
            }

            if (!found.IsOwnThread)
            {
                return Answer.Refuse(Errno.EPERM, "reader", "the calling thread's own");
            }

            *port = found.Engine.Add(new NativePort(found, liodn, ram.Memory));
            return 0;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_port_read")]
    internal static int Read(nint port, ulong iova, byte* bytes, nuint length, NativePortResult* result)
    {
        try
        {
            return Handles.Find<NativePort>(port)?.Read(iova, bytes, length, result) ?? Answer.NotOpen("port");
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_port_write")]
    internal static int Write(nint port, ulong iova, byte* bytes, nuint length, NativePortResult* result)
    {
        try
        {
            return Handles.Find<NativePort>(port)?.Write(iova, bytes, length, result) ?? Answer.NotOpen("port");
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_port_destroy")]
    internal static int Destroy(nint port)
    {
        try
        {
            if (Handles.Find<NativePort>(port) is not NativePort found)
            {
                return Answer.NotOpen("port");
            }

            if (found.CheckClose() is var refused and not 0)
            {
                return refused;
            }

            return found.Engine.Remove(port) ? 0 : Answer.NotOpen("port");
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }
}
