using System.Runtime.InteropServices;

namespace PamuFastPath.Native;

/// <summary>pamu_snapshot_...</summary>
internal static unsafe class SnapshotExports
{
    [UnmanagedCallersOnly(EntryPoint = "pamu_snapshot_save")]
    internal static long Save(nint container, byte* bytes, nuint room)
    {
        try
        {
            if (Handles.Find<NativeContainer>(container) is not NativeContainer found)
            {
                return Answer.NotOpen("container");
            }

            if (bytes == null && room > 0)
            {
                return Answer.IsNull("bytes");
            }

            byte[] snapshot = found.Container.Save();
            if ((nuint)snapshot.Length <= room)
            {
                snapshot.CopyTo(new Span<byte>(bytes, snapshot.Length));
            }

            return snapshot.Length;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_snapshot_restore")]
    internal static int Restore(nint container, byte* bytes, nuint size)
    {
        try
        {
            return Restore(container, bytes, size, moved: null);
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_snapshot_restore_moved")]
    internal static int RestoreMoved(
        nint container, byte* bytes, nuint size, delegate* unmanaged[Cdecl]<void*, ulong, ulong, ulong*, int> moved, void* context)
    {
        try
        {
            return moved == null ? Answer.IsNull("moved") : Restore(container, bytes, size, new NativeAddressSource(moved, context).Find);
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    private static int Restore(nint container, byte* bytes, nuint size, MovedMemory? moved)
    {
        if (Handles.Find<NativeContainer>(container) is not NativeContainer found)
        {
            return Answer.NotOpen("container");
        }

        if (bytes == null && size > 0)
        {
            return Answer.IsNull("bytes");
        }

        if (size > int.MaxValue)
        {
            return Answer.Refuse(Errno.EINVAL, "size", "a snapshot's");
        }

        found.Container.Restore(new ReadOnlySpan<byte>(bytes, (int)size), moved);
        return 0;
    }
}
