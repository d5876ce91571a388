using System.Runtime.InteropServices;
using PamuFastPath.Cli.Conform;
using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Mirror;

/// <summary>
/// A kernel with the recorded VFIO-PAMU driver, quirks included: what the driver does is <see cref="DriverContainer"/>. Around it a VFIO core
/// as Linux has it: SET_IOMMU wants a group in the container and opens the driver; with the last group the driver is released.
/// </summary>
/// <remarks>
/// The core and the release were not recorded. A release takes back every entry of the DMA list, which never ends for one that is not whole windows.
/// </remarks>
internal sealed class RecordedPamuKernel(RecordedPamuMachine machine, int container) : IVfioKernel
{
    private readonly List<int> _groups = [];
    private bool _isOpen;

    /// <summary>Groups with an open device, which cannot leave.</summary>
    internal HashSet<int> InUse { get; } = [];

    /// <summary>Calls that were made.</summary>
    internal List<string> Calls { get; } = [];

    internal DriverContainer Driver => machine.Driver[container];

    internal bool IsOpen => _isOpen;

    internal IReadOnlyList<int> Groups => _groups;

    /// <summary>Opens the driver without groups, as the recorder did.</summary>
    internal void Open()
    {
        machine.Driver.Open(container);
        _isOpen = true;
    }

    /// <inheritdoc/>
    public long Ioctl(uint request, ulong value = 0)
    {
        Calls.Add(PamuRequests.NameOf(request));
        return PamuRequests.Plain(request) switch
        {
            PamuRequests.SetIommu when !_isOpen => SetIommu(value),
            PamuRequests.CheckExtension when !_isOpen => value == RecordedPlatform.PamuExtension ? 1 : 0,
            _ when !_isOpen => -(long)Errno.EINVAL,
            PamuRequests.PamuGetMsiBankCount => Apply(Op(OpKind.GetMsiBankCount)).IoctlRet!.Value,
            _ => Apply(Op(OpKind.Ioctl) with { Command = request, Argument = value }).IoctlRet!.Value,
        };
    }

    /// <inheritdoc/>
    public long Ioctl(uint request, Span<byte> argument)
    {
        if (!_isOpen)
        {
            return -(long)Errno.EINVAL;
        }

        RecordedOp op = Decode(request, argument);
        Calls.Add(op.Kind.ToString());
        DriverAnswer answer = Apply(op);
        if (op.IsGet && answer is { IoctlRet: 0, Out: (ulong first, ulong second) })
        {
            Span<byte> union = argument[16..];
            if (op.Kind == OpKind.GetGeometry)
            {
                MemoryMarshal.Write(union, first);
                MemoryMarshal.Write(union[8..], second);
            }
            else
            {
                MemoryMarshal.Write(union, (uint)first);
                if (op.Kind == OpKind.GetStash)
                {
                    MemoryMarshal.Write(union[4..], (uint)second);
                }
            }
        }

        return answer.IoctlRet!.Value;
    }

    /// <inheritdoc/>
    public Refusal AddGroup(int group)
    {
        Calls.Add($"AddGroup {group}");
        if (_isOpen && Attach(group) is { IsRefused: true } refused)
        {
            return refused;
        }

        _groups.Add(group);
        return Refusal.None;
    }

    /// <inheritdoc/>
    public Refusal RemoveGroup(int group)
    {
        Calls.Add($"RemoveGroup {group}");
        if (InUse.Contains(group))
        {
            return new Refusal(Errno.EBUSY, "group", "no device of the group is open");
        }

        _groups.Remove(group);
        if (_isOpen)
        {
            Apply(Op(OpKind.DetachGroup) with { Group = group });
        }

        if (_isOpen && _groups.Count == 0)
        {
            Release();
        }

        return Refusal.None;
    }

    /// <inheritdoc/>
    public IReadOnlyList<IovaRange> ReservedRanges(int group) => [];

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isOpen)
        {
            Release();
        }
    }

    /// <summary>The driver's own attach, which leaves devices behind when it fails.</summary>
    internal Refusal Attach(int group)
    {
        int? result = Apply(Op(OpKind.AttachGroup) with { Group = group, Devices = machine.Groups[group] }).IoctlRet;
        return result == 0 ? Refusal.None : new Refusal((Errno)(-result!.Value), "group", "the driver takes it");
    }

    /// <summary>The driver's own detach.</summary>
    internal void Detach(int group) => Apply(Op(OpKind.DetachGroup) with { Group = group });

    private long SetIommu(ulong type)
    {
        if (_groups.Count == 0)
        {
            return -(long)Errno.EINVAL;
        }

        if (type != RecordedPlatform.PamuExtension)
        {
            return -(long)Errno.ENODEV;
        }

        Open();
        foreach (int group in _groups)
        {
            if (Attach(group) is { IsRefused: true } refused)
            {
                Release();
                return -(long)refused.Errno;
            }
        }

        return 0;
    }

    private void Release()
    {
        DriverDomain domain = Driver.Domain;
        if (Driver.Mappings.Exists(mapping => mapping.Bytes % Driver.WindowSize != 0))
        {
            throw new KernelFaultException("hang");
        }

        foreach (int group in domain.Devices.Select(device => device.Group).Distinct().ToList())
        {
            domain.Detach(group);
        }

        machine.Driver.Open(container);
        _isOpen = false;
        _groups.Clear();
    }

    private DriverAnswer Apply(RecordedOp op)
    {
        DriverAnswer answer = Driver.Apply(op);
        return answer.Fault == null ? answer : throw new KernelFaultException(answer.Fault);
    }

    private RecordedOp Op(OpKind kind) => new() { Kind = kind, Container = container };

    private RecordedOp Decode(uint request, ReadOnlySpan<byte> argument)
    {
        var op = new RecordedOp
        {
            Kind = PamuRequests.Plain(request) switch
            {
                PamuRequests.IommuMapDma => OpKind.MapDma,
                PamuRequests.IommuUnmapDma => OpKind.UnmapDma,
                PamuRequests.PamuMapMsiBank => OpKind.MapMsi,
                PamuRequests.PamuUnmapMsiBank => OpKind.UnmapMsi,
                PamuRequests.PamuSetAttr => OpKind.SetAttr,
                PamuRequests.PamuGetAttr => OpKind.GetAttr,
                _ => OpKind.Ioctl,
            },
            Container = container,
            Command = request,
            ArgSz = MemoryMarshal.Read<uint>(argument),
            Flags = MemoryMarshal.Read<uint>(argument[4..]),
        };
        return op.Kind switch
        {
            OpKind.MapDma => op with { Vaddr = U64(argument, 8), Iova = U64(argument, 16), Size = U64(argument, 24) },
            OpKind.UnmapDma => op with { Iova = U64(argument, 8), Size = U64(argument, 16) },
            OpKind.MapMsi => op with { Bank = U32(argument, 8), Iova = U64(argument, 16) },
            OpKind.UnmapMsi => op with { Iova = U64(argument, 8) },
            OpKind.SetAttr or OpKind.GetAttr => Attribute(op with { Attribute = U32(argument, 8) }, argument),
            _ => op,
        };
    }

    private static RecordedOp Attribute(RecordedOp op, ReadOnlySpan<byte> argument) => (op.Kind, (PamuAttr)op.Attribute) switch
    {
        (OpKind.SetAttr, PamuAttr.Geometry) => op with { Kind = OpKind.SetGeometry, Start = U64(argument, 16), Last = U64(argument, 24) },
        (OpKind.SetAttr, PamuAttr.Windows) => op with { Kind = OpKind.SetWindows, Count = U32(argument, 16) },
        (OpKind.SetAttr, PamuAttr.Stash) => op with { Kind = OpKind.SetStash, Cpu = U32(argument, 16), Cache = U32(argument, 20) },
        (OpKind.GetAttr, PamuAttr.Geometry) => op with { Kind = OpKind.GetGeometry },
        (OpKind.GetAttr, PamuAttr.Windows) => op with { Kind = OpKind.GetWindows },
        (OpKind.GetAttr, PamuAttr.Stash) => op with { Kind = OpKind.GetStash },
        _ => op,
    };

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => MemoryMarshal.Read<uint>(bytes[at..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int at) => MemoryMarshal.Read<ulong>(bytes[at..]);
}
