using System.Runtime.InteropServices;

namespace PamuFastPath.Native;

/// <summary>Guest RAM by its handle.</summary>
internal sealed record NativeRam(NativeEngine Engine, GuestMemory Memory);

/// <summary>pamu_memory_...</summary>
internal static unsafe class MemoryExports
{
    [UnmanagedCallersOnly(EntryPoint = "pamu_memory_create")]
    internal static int Create(nint engine, nint* memory)
    {
        try
        {
            if (Handles.Find<NativeEngine>(engine) is not NativeEngine owner)
            {
                return Answer.NotOpen("engine");
            }

            if (memory == null)
            {
                return Answer.IsNull("memory");
            }

            *memory = owner.Add(new NativeRam(owner, new GuestMemory()));
            return 0;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_memory_add")]
    internal static int Add(nint memory, ulong target, byte* bytes, ulong length)
    {
        try
        {
            if (Handles.Find<NativeRam>(memory) is not NativeRam found)
            {
                return Answer.NotOpen("memory");
            }

            if (bytes == null)
            {
                return Answer.IsNull("bytes");
            }

            found.Memory.Add(target, bytes, length);
            return 0;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_memory_destroy")]
    internal static int Destroy(nint memory)
    {
        try
        {
            if (Handles.Find<NativeRam>(memory) is not NativeRam found || !found.Engine.Remove(memory))
            {
                return Answer.NotOpen("memory");
            }

            found.Memory.Dispose();
            return 0;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }
}
