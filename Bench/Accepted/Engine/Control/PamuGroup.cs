using System.Collections.Immutable;
using PamuFastPath.Diagnostics;

namespace PamuFastPath;

/// <summary>Devices that are isolated together: their LIODNs, and the MSI banks they use. Made by <see cref="PamuEngine.CreateGroup"/>.</summary>
/// <remarks>Thread-safe. The calls go through the container's control lock.</remarks>
public sealed class PamuGroup
{
    internal PamuGroup(PamuEngine engine, int id, ImmutableArray<int> liodns, ImmutableArray<int> banks)
    {
        Engine = engine;
        Id = id;
        Liodns = liodns;
        MsiBanks = banks;
    }

    /// <summary>The group's number, unique in its engine.</summary>
    public int Id { get; }

    /// <summary>The LIODNs the group's devices carry.</summary>
    public ImmutableArray<int> Liodns { get; }

    /// <summary>Indices of the MSI banks the group's devices use. A bank's windows are live only while such a group is attached.</summary>
    public ImmutableArray<int> MsiBanks { get; }

    /// <summary>The container the group is in, or null.</summary>
    public PamuContainer? Container { get; internal set; }

    internal PamuEngine Engine { get; }

    /// <summary>Set by <see cref="PamuEngine.RemoveGroup"/>: its LIODNs may be another group's by now.</summary>
    internal bool IsRemoved { get; set; }

    /// <summary>Puts the group into a container (VFIO_GROUP_SET_CONTAINER). Takes effect at once.</summary>
    /// <exception cref="PamuException">
    /// EINVAL: the group is in a container, is of another engine or removed, has no LIODN, or one the platform has not.
    /// </exception>
    public void Attach(PamuContainer container)
    {
        ArgumentNullException.ThrowIfNull(container);
        long began = PamuEventSource.Now();
        Refusal refusal = container.Attach(this);
        Engine.CallDone(container.Fd, PamuRequests.GroupSetContainer, -(long)refusal.Errno, began, DecodedArguments.GroupAndContainer(Id, container.Fd));
        refusal.ThrowIfRefused();
    }

    /// <summary>
    /// Takes the group out of its container (VFIO_GROUP_UNSET_CONTAINER). On return no reader uses a translation for its LIODNs.
    /// </summary>
    /// <exception cref="PamuException">EINVAL: the group is in no container. EDEADLK: called inside a reader section of this thread.</exception>
    public void Detach()
    {
        long began = PamuEventSource.Now();
        int fd = Container?.Fd ?? -1;
        Refusal refusal = DetachCore();
        Engine.CallDone(fd, PamuRequests.GroupUnsetContainer, -(long)refusal.Errno, began, DecodedArguments.Group(Id));
        refusal.ThrowIfRefused();
    }

    /// <summary>VFIO group requests at the byte level: GROUP_GET_STATUS, GROUP_SET_CONTAINER, GROUP_UNSET_CONTAINER. Never throws.</summary>
    /// <param name="request">The request number, in the plain or the powerpc form.</param>
    /// <param name="argument">The argument bytes, native-endian; shorter than the request needs is EFAULT.</param>
    /// <returns>0 or a positive result, or a negative errno.</returns>
    public long Ioctl(uint request, Span<byte> argument) => GroupDoor.Ioctl(Engine, this, request, 0, new SpanArgument(argument));

    /// <summary>The same with the argument behind an address, read and written through <paramref name="memory"/>.</summary>
    /// <param name="request">The request number, in the plain or the powerpc form.</param>
    /// <param name="argument">The address; not used by requests without an argument.</param>
    /// <param name="memory">How argument memory is reached.</param>
    /// <returns>0 or a positive result, or a negative errno.</returns>
    public long Ioctl<TMemory>(uint request, ulong argument, TMemory memory)
        where TMemory : IArgumentMemory, allows ref struct =>
        GroupDoor.Ioctl(Engine, this, request, argument, memory);

    internal Refusal DetachCore() =>
        Container is PamuContainer container ? container.Detach(this) : Refusal.Invalid("group", "the group is in a container");

    internal bool UsesBank(int bank) => MsiBanks.Contains(bank);
}
