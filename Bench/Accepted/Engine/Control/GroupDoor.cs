using System.Runtime.InteropServices;
using PamuFastPath.Diagnostics;

namespace PamuFastPath;

/// <summary>The byte-level door of a group. Never throws.</summary>
internal static class GroupDoor
{
    private const int StatusBytes = 8;
    private const uint Viable = 1;
    private const uint ContainerSet = 2;

    internal static long Ioctl<TMemory>(PamuEngine engine, PamuGroup group, uint request, ulong argument, TMemory memory)
        where TMemory : IArgumentMemory, allows ref struct
    {
        long began = PamuEventSource.Now();
        int before = group.Container?.Fd ?? -1;
        DecodedArguments arguments = DecodedArguments.Group(group.Id);
        long result = PamuRequests.Plain(request) switch
        {
            PamuRequests.GroupGetStatus => GetStatus(group, argument, memory),
            PamuRequests.GroupSetContainer => SetContainer(engine, group, argument, memory, ref arguments),
            PamuRequests.GroupUnsetContainer => LastRefusal.Answer(group.DetachCore()),
            _ => LastRefusal.Answer(Errno.ENOTTY, "request", "a group request"),
        };
        engine.CallDone(group.Container?.Fd ?? before, request, result, began, arguments);
        return result;
    }

    private static long GetStatus<TMemory>(PamuGroup group, ulong argument, TMemory memory)
        where TMemory : IArgumentMemory, allows ref struct
    {
        Span<byte> status = stackalloc byte[StatusBytes];
        if (ContainerDoor.CopyIn(argument, memory, status) is var error and not 0)
        {
            return error;
        }

        MemoryMarshal.Write(status[4..], Viable | (group.Container != null ? ContainerSet : 0));
        return memory.TryWrite(unchecked(argument + 4), status[4..]) ? 0 : ContainerDoor.Unwritable();
    }

    private static long SetContainer<TMemory>(PamuEngine engine, PamuGroup group, ulong argument, TMemory memory, ref DecodedArguments arguments)
        where TMemory : IArgumentMemory, allows ref struct
    {
        Span<byte> fd = stackalloc byte[sizeof(int)];
        if (!memory.TryRead(argument, fd))
        {
            return ContainerDoor.Unreadable();
        }

        arguments = DecodedArguments.GroupAndContainer(group.Id, MemoryMarshal.Read<int>(fd));

        // As the kernel: a group that has a container is refused before the number is looked at.
        if (group.Container != null)
        {
            return LastRefusal.Answer(Errno.EINVAL, "group", "the group is in no container yet");
        }

        return engine.FindContainer(MemoryMarshal.Read<int>(fd)) is PamuContainer container
            ? LastRefusal.Answer(container.Attach(group))
            : LastRefusal.Answer(Errno.EBADF, "argument", "the number of an open container");
    }
}
