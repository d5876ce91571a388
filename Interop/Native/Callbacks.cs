// What the library calls back.
//
// Unsafe: calls the caller's function with the caller's context. Invariants:
//   - function and context are one object, so that a call never mixes an old one with a new one;
//   - what is passed lives on the stack and is good during the call only;
//   - no lock of this library is held (events: the engine's control lock is), and no section is open that the library entered.

using System.Runtime.InteropServices;

namespace PamuFastPath.Native;

/// <summary>pamu_fault_callback with its context.</summary>
internal sealed unsafe class FaultCallback(delegate* unmanaged[Cdecl]<void*, NativeFault*, void> function, void* context)
{
    internal void Call(in FaultRecord fault)
    {
        var passed = new NativeFault(fault);
        function(context, &passed);
    }
}

/// <summary>pamu_message_callback with its context.</summary>
internal sealed unsafe class MessageCallback(delegate* unmanaged[Cdecl]<void*, NativeMessage*, void> function, void* context)
{
    internal void Call(in MsiMessage message)
    {
        var passed = new NativeMessage(message.Liodn, (uint)message.Bank, (uint)message.Offset, message.Data);
        function(context, &passed);
    }
}

/// <summary>pamu_event_callback with its context.</summary>
internal sealed unsafe class EventCallback(delegate* unmanaged[Cdecl]<void*, NativeEvent*, void> function, void* context)
{
    internal void Call(NativeEvent passed) => function(context, &passed);

    internal void Published(int container, ulong generation, long nanoseconds) => Call(new NativeEvent
    {
        Kind = NativeEvent.Publication,
        Container = container,
        Generation = generation,
        Nanoseconds = (ulong)nanoseconds,
    });

    internal void WaitsLong(string reader, long milliseconds)
    {
        nint name = Marshal.StringToCoTaskMemUTF8(reader);
        Call(new NativeEvent
        {
            Kind = NativeEvent.LongWait,
            Container = -1,
            Nanoseconds = (ulong)milliseconds * 1_000_000,
            Reader = (byte*)name,
        });
        Marshal.FreeCoTaskMem(name);
    }
}

/// <summary>struct pamu_fault_record.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct NativeFault(in FaultRecord fault)
{
    internal readonly uint Kind = (uint)fault.Kind;
    private readonly uint _liodn = fault.Liodn;
    private readonly ulong _iova = fault.Iova;
    private readonly ulong _length = fault.Length;
    private readonly uint _access = (uint)fault.Access;
    private readonly uint _reserved;
    private readonly ulong _faultIova = fault.FaultIova;

    internal FaultRecord ToRecord() => new((FaultKind)Kind, _liodn, _iova, _length, (DmaAccess)(_access & 1), _faultIova);
}

/// <summary>struct pamu_message.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct NativeMessage(uint Liodn, uint Bank, uint Offset, uint Data);

/// <summary>struct pamu_event.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeEvent
{
    internal const uint Ioctl = 1;
    internal const uint Publication = 2;
    internal const uint LongWait = 3;

    internal uint Kind;
    internal int Container;
    internal uint Request;
    private readonly uint _reserved;
    internal long Result;
    internal ulong Generation;
    internal ulong Nanoseconds;
    internal byte* Reader;
}
