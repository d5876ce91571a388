using System.Runtime.InteropServices;

namespace PamuFastPath.Native;

/// <summary>pamu_container_...</summary>
internal static unsafe class ContainerExports
{
    [UnmanagedCallersOnly(EntryPoint = "pamu_container_create")]
    internal static int Create(nint engine, nint* container)
    {
        try
        {
            if (Handles.Find<NativeEngine>(engine) is not NativeEngine owner)
            {
                return Answer.NotOpen("engine");
            }

            if (container == null)
            {
                return Answer.IsNull("container");
            }

            *container = NativeContainer.Open(owner).Address;
            return 0;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_container_destroy")]
    internal static int Destroy(nint container)
    {
        try
        {
            if (Handles.Find<NativeContainer>(container) is not NativeContainer found)
            {
                return Answer.NotOpen("container");
            }

            found.Container.Dispose();
            return found.Engine.Remove(container) ? 0 : Answer.NotOpen("container");
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_container_fd")]
    internal static int Fd(nint container)
    {
        try
        {
            return Handles.Find<NativeContainer>(container)?.Container.Fd ?? Answer.NotOpen("container");
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }
}
