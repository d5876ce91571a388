using System.Runtime.InteropServices;

namespace PamuFastPath.Native;

/// <summary>pamu_reader_...</summary>
internal static unsafe class ReaderExports
{
    [UnmanagedCallersOnly(EntryPoint = "pamu_reader_register")]
    internal static int Register(nint engine, byte* name, ReaderBlock* reader)
    {
        try
        {
            if (Handles.Find<NativeEngine>(engine) is not NativeEngine owner)
            {
                return Answer.NotOpen("engine");
            }

            if (reader == null)
            {
                return Answer.IsNull("reader");
            }

            return NativeReader.Register(owner, reader, name == null ? "reader" : Marshal.PtrToStringUTF8((nint)name)!);
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_reader_unregister")]
    internal static int Unregister(ReaderBlock* reader)
    {
        try
        {
            if (NativeReader.Find(reader) is not NativeReader found)
            {
                return NotRegistered();
            }

            if (!found.IsOwnThread)
            {
                return Answer.Refuse(Errno.EPERM, "reader", "the calling thread's own");
            }

            if (found.Reader.IsInSection)
            {
                return InSection();
            }

            found.Reader.Dispose();
            return 0;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_reader_take_over")]
    internal static int TakeOver(ReaderBlock* reader)
    {
        try
        {
            if (NativeReader.Find(reader) is not NativeReader found)
            {
                return NotRegistered();
            }

            if (found.Reader.IsInSection)
            {
                return InSection();
            }

            found.TakeOver();
            return 0;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_reader_remove_by_force")]
    internal static int RemoveByForce(ReaderBlock* reader)
    {
        try
        {
            if (NativeReader.Find(reader) is not NativeReader found)
            {
                return NotRegistered();
            }

            found.RemoveByForce();
            return 0;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    private static int NotRegistered() => Answer.Refuse(Errno.EBADF, "reader", "a registered one, where it was registered");

    private static int InSection() => Answer.Refuse(Errno.EBUSY, "reader", "outside its sections");
}
