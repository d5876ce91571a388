using System.Runtime.InteropServices;

namespace PamuFastPath.Native;

/// <summary>Faults, and who is told of them.</summary>
internal static unsafe class FaultExports
{
    [UnmanagedCallersOnly(EntryPoint = "pamu_fault_record_add")]
    internal static int Add(nint engine, NativeFault* fault)
    {
        try
        {
            if (Handles.Find<NativeEngine>(engine) is not NativeEngine owner)
            {
                return Answer.NotOpen("engine");
            }

            if (fault == null)
            {
                return Answer.IsNull("fault");
            }

            if (fault->Kind is < (uint)FaultKind.OutOfAperture or > (uint)FaultKind.BadLength)
            {
                return Answer.Refuse(Errno.EINVAL, "kind", "a fault kind");
            }

            FaultRecord record = fault->ToRecord();
            bool isKept = owner.Engine.Faults.Record(record);
            owner.OnFault?.Call(record);
            return isKept ? 0 : Answer.Refuse(Errno.ENOSPC, "fault", "the log has room; the fault is counted as dropped");
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_fault_take")]
    internal static long Take(nint engine, NativeFault* faults, nuint room)
    {
        try
        {
            if (Handles.Find<NativeEngine>(engine) is not NativeEngine owner)
            {
                return Answer.NotOpen("engine");
            }

            if (faults == null && room > 0)
            {
                return Answer.IsNull("faults");
            }

            nuint taken = 0;
            while (taken < room && owner.Engine.Faults.TryTake(out FaultRecord fault))
            {
                faults[taken++] = new NativeFault(fault);
            }

            return (long)taken;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_on_fault")]
    internal static int OnFault(nint engine, delegate* unmanaged[Cdecl]<void*, NativeFault*, void> callback, void* context)
    {
        try
        {
            if (Handles.Find<NativeEngine>(engine) is not NativeEngine owner)
            {
                return Answer.NotOpen("engine");
            }

            owner.OnFault = callback == null ? null : new FaultCallback(callback, context);
            return 0;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_on_message")]
    internal static int OnMessage(nint engine, delegate* unmanaged[Cdecl]<void*, NativeMessage*, void> callback, void* context)
    {
        try
        {
            if (Handles.Find<NativeEngine>(engine) is not NativeEngine owner)
            {
                return Answer.NotOpen("engine");
            }

            owner.OnMessage = callback == null ? null : new MessageCallback(callback, context);
            return 0;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }
}
