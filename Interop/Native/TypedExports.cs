using System.Runtime.InteropServices;

namespace PamuFastPath.Native;

/// <summary>Control calls with arguments of their own. They need no SET_IOMMU, as the typed door of the engine.</summary>
internal static unsafe class TypedExports
{
    [UnmanagedCallersOnly(EntryPoint = "pamu_set_geometry")]
    internal static int SetGeometry(nint container, ulong start, ulong last)
    {
        try
        {
            return Handles.Find<NativeContainer>(container) is NativeContainer found
                ? Begin(found, PamuRequests.PamuSetAttr).End(found.Container.TrySetGeometry(start, last))
                : Answer.NotOpen("container");
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_set_windows")]
    internal static int SetWindows(nint container, uint count)
    {
        try
        {
            return Handles.Find<NativeContainer>(container) is NativeContainer found
                ? Begin(found, PamuRequests.PamuSetAttr).End(found.Container.TrySetWindows(count))
                : Answer.NotOpen("container");
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_set_stash")]
    internal static int SetStash(nint container, uint cpu, uint cache)
    {
        try
        {
            return Handles.Find<NativeContainer>(container) is NativeContainer found
                ? Begin(found, PamuRequests.PamuSetAttr).End(found.Container.TrySetStash(cpu, cache))
                : Answer.NotOpen("container");
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_map_dma")]
    internal static int MapDma(nint container, ulong vaddr, ulong iova, ulong size, uint allowed)
    {
        try
        {
            return Handles.Find<NativeContainer>(container) is NativeContainer found
                ? Begin(found, PamuRequests.IommuMapDma).End(found.Container.TryMapDma(vaddr, iova, size, (DmaPermissions)allowed))
                : Answer.NotOpen("container");
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_unmap_dma")]
    internal static int UnmapDma(nint container, ulong iova, ulong size, ulong* unmapped)
    {
        try
        {
            ulong bytes = 0;
            int result = Handles.Find<NativeContainer>(container) is NativeContainer found
                ? Begin(found, PamuRequests.IommuUnmapDma).End(found.Container.TryUnmapDma(iova, size, out bytes))
                : Answer.NotOpen("container");
            if (unmapped != null)
            {
                *unmapped = bytes;
            }

            return result;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_map_msi_bank")]
    internal static int MapMsiBank(nint container, uint bank, ulong iova, uint allowed)
    {
        try
        {
            return Handles.Find<NativeContainer>(container) is NativeContainer found
                ? Begin(found, PamuRequests.PamuMapMsiBank).End(found.Container.TryMapMsiBank(bank, iova, (DmaPermissions)allowed))
                : Answer.NotOpen("container");
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_unmap_msi_bank")]
    internal static int UnmapMsiBank(nint container, ulong iova)
    {
        try
        {
            return Handles.Find<NativeContainer>(container) is NativeContainer found
                ? Begin(found, PamuRequests.PamuUnmapMsiBank).End(found.Container.TryUnmapMsiBank(iova))
                : Answer.NotOpen("container");
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_attach")]
    internal static int Attach(nint group, nint container)
    {
        try
        {
            if (Handles.Find<NativeGroup>(group) is not NativeGroup joining)
            {
                return Answer.NotOpen("group");
            }

            return Handles.Find<NativeContainer>(container) is NativeContainer found
                ? Begin(found, PamuRequests.GroupSetContainer).End(found.Container.Attach(joining.Group))
                : Answer.NotOpen("container");
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_detach")]
    internal static int Detach(nint group)
    {
        try
        {
            return Handles.Find<NativeGroup>(group) is NativeGroup leaving
                ? ControlCall.Begin(leaving.Engine, leaving.Group.Container?.Fd ?? -1, PamuRequests.GroupUnsetContainer).End(leaving.Group.DetachCore())
                : Answer.NotOpen("group");
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    private static ControlCall Begin(NativeContainer container, uint request) => ControlCall.Begin(container.Engine, container.Container.Fd, request);
}
