using System.Runtime.InteropServices;
using PamuFastPath.Diagnostics;

namespace PamuFastPath.Native;

/// <summary>What happened: statistics and events.</summary>
internal static unsafe class StatsExports
{
    /// <summary>The fields every version of the struct has: its size and the first that is filled in.</summary>
    private const uint SizeMin = 8;

    /// <summary>PAMU_COUNT_WINDOWS.</summary>
    private const int CountWindows = 2;

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

            NativeStats filled = NativeStats.Of(owner, owner.Engine.GetStatistics());
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
            if (Handles.Find<NativeEngine>(engine) is not NativeEngine owner)
            {
                return Answer.NotOpen("engine");
            }

            EngineStatistics figures = owner.Engine.GetStatistics();
            return NativeText.CopyOut(StatsJson.Write(NativeStats.Of(owner, figures), figures), text, size);
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_get_container_stats")]
    internal static int GetOfContainer(nint container, NativeContainerStats* stats)
    {
        try
        {
            if (Handles.Find<NativeContainer>(container) is not NativeContainer found)
            {
                return Answer.NotOpen("container");
            }

            if (stats == null)
            {
                return Answer.IsNull("stats");
            }

            uint size = stats->Size;
            if (size < SizeMin)
            {
                return Answer.Refuse(Errno.EINVAL, "size", "the bytes of struct pamu_container_stats");
            }

            NativeContainerStats filled = NativeContainerStats.Of(found.Container.GetStatistics());
            filled.Size = size;
            Buffer.MemoryCopy(&filled, stats, size, Math.Min(size, (uint)sizeof(NativeContainerStats)));
            return 0;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_get_msi_hits")]
    internal static long GetMsiHits(nint container, ulong* hits, nuint room)
    {
        try
        {
            if (Handles.Find<NativeContainer>(container) is not NativeContainer found)
            {
                return Answer.NotOpen("container");
            }

            if (hits == null && room > 0)
            {
                return Answer.IsNull("hits");
            }

            ReadOnlySpan<ulong> all = found.Container.GetStatistics().Accesses.MsiHits;
            int count = (int)Math.Min(room, (nuint)all.Length);
            all[..count].CopyTo(new Span<ulong>(hits, count));
            return all.Length;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_set_counting")]
    internal static int SetCounting(nint engine, int counting)
    {
        try
        {
            if (Handles.Find<NativeEngine>(engine) is not NativeEngine owner)
            {
                return Answer.NotOpen("engine");
            }

            if (counting is < 0 or > CountWindows)
            {
                return Answer.Refuse(Errno.EINVAL, "counting", "PAMU_COUNT_OFF, PAMU_COUNT_ON or PAMU_COUNT_WINDOWS");
            }

            owner.Engine.SetCounting(counting == 0 ? AccessCounting.Off : AccessCounting.On, countsWindows: counting == CountWindows);
            return 0;
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
