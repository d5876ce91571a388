using System.Runtime.InteropServices;

namespace PamuFastPath.Native;

/// <summary>What happened: statistics and events.</summary>
internal static unsafe class StatsExports
{
    /// <summary>The fields every version of the struct has: its size and the first that is filled in.</summary>
    private const uint SizeMin = 8;

    [UnmanagedCallersOnly(EntryPoint = "pamu_get_stats")]
    internal static int Get(nint engine, NativeStats* stats)
    {
        try
        {
            if (Handles.Find<NativeEngine>(engine) is not NativeEngine owner)
            {
                return Answer.NotOpen("engine");
            }

            if (stats == null)
            {
                return Answer.IsNull("stats");
            }

            uint size = stats->Size;
            if (size < SizeMin)
            {
                return Answer.Refuse(Errno.EINVAL, "size", "the bytes of struct pamu_stats");
            }

            NativeStats filled = NativeStats.Of(owner);
            filled.Size = size;
            Buffer.MemoryCopy(&filled, stats, size, Math.Min(size, (uint)sizeof(NativeStats)));
            return 0;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_stats_json")]
    internal static long GetJson(nint engine, byte* text, nuint size)
    {
        try
        {
            return Handles.Find<NativeEngine>(engine) is NativeEngine owner
                ? NativeText.CopyOut(NativeStats.Of(owner).ToJson(), text, size)
                : Answer.NotOpen("engine");
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_on_event")]
    internal static int OnEvent(nint engine, delegate* unmanaged[Cdecl]<void*, NativeEvent*, void> callback, void* context)
    {
        try
        {
            if (Handles.Find<NativeEngine>(engine) is not NativeEngine owner)
            {
                return Answer.NotOpen("engine");
            }

            owner.OnEvent = callback == null ? null : new EventCallback(callback, context);
            return 0;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }
}
