using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using PamuFastPath.Interop;

namespace PamuFastPath.Native;

/// <summary>Control calls as ioctl(2) has them: pamu_ioctl() and pamu_group_ioctl().</summary>
[SupportedOSPlatform("linux")]
internal static class ControlExports
{
    [UnmanagedCallersOnly(EntryPoint = "pamu_ioctl")]
    internal static long Ioctl(nint container, uint request, nuint argument)
    {
        try
        {
            if (Handles.Find<NativeContainer>(container) is not NativeContainer found)
            {
                return Answer.NotOpen("container");
            }

            var call = ControlCall.Begin(found.Engine, found.Container.Fd, request);
            return call.End(found.Container.IoctlRaw(request, argument));
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_group_ioctl")]
    internal static long GroupIoctl(nint group, uint request, nuint argument)
    {
        try
        {
            if (Handles.Find<NativeGroup>(group) is not NativeGroup found)
            {
                return Answer.NotOpen("group");
            }

            var call = ControlCall.Begin(found.Engine, found.Group.Container?.Fd ?? -1, request);
            return call.End(found.Group.IoctlRaw(request, argument));
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }
}
