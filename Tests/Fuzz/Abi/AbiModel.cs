using PamuFastPath.Tests.Model;
using PamuFastPath.Tests.Properties;

namespace PamuFastPath.Fuzz.Abi;

/// <summary>The plain model behind the same places for containers and groups; null where none is open.</summary>
internal sealed class AbiModel
{
    internal const int GroupCount = 6;

    internal static readonly (int Id, uint[] Liodns, uint[] Banks)[] GroupShapes =
        [(0, [0x42], [0]), (1, [0x51, 0x52], [0, 1]), (-2, [0x10], []), (3, [], [0]), (int.MaxValue, [0x7], [2]), (int.MinValue, [0x77, 0xFFFF], [1])];

    private const long NoHandle = -(long)Errno.EBADF;

    private ModelEngine _engine = new(new ModelMachine());
    private readonly int[] _fds = [.. Enumerable.Repeat(-1, AbiMachine.Containers)];
    private readonly bool[] _hasGroup = new bool[GroupCount];
    private ModelEngine? _before;

    internal ModelMachine Machine => _engine.Machine;

    /// <summary>What a call's numbers are worked out from, also where no container is open.</summary>
    internal ModelContainer Shape(int place) => Container(place) ?? new ModelContainer(Machine, fd: 0);

    internal ModelContainer? Container(int place) => _fds[place] < 0 ? null : _engine.Find(_fds[place]);

    internal ModelGroup? Group(int place) => _hasGroup[place] ? _engine.FindGroup(GroupShapes[place].Id) : null;

    internal ModelContainer? Holder(uint liodn) => _engine.Holder(liodn);

    /// <summary>From here to <see cref="Leave"/> calls that take rights away are refused.</summary>
    internal void Enter() => _before = _engine.Copy();

    internal void Leave() => _before = null;

    internal long CreateContainer(int place)
    {
        _fds[place] = _engine.Open().Fd;
        return 0;
    }

    internal long DestroyContainer(int place)
    {
        if (Container(place) is not ModelContainer container)
        {
            return NoHandle;
        }

        if (_before != null)
        {
            return -(long)Errno.EDEADLK;
        }

        _engine.Close(container);
        _fds[place] = -1;
        return 0;
    }

    internal long ContainerFd(int place) => Container(place)?.Fd ?? NoHandle;

    internal long CreateGroup(int place)
    {
        if (_hasGroup[place])
        {
            return -(long)Errno.EBUSY;
        }

        (int id, uint[] liodns, uint[] banks) = GroupShapes[place];
        _engine.AddGroup(id, [.. liodns.Select(liodn => (int)liodn)], [.. banks.Select(bank => (int)bank)]);
        _hasGroup[place] = true;
        return 0;
    }

    internal long DestroyGroup(int place)
    {
        if (Group(place) is not ModelGroup group)
        {
            return NoHandle;
        }

        if (group.Container != null)
        {
            return -(long)Errno.EBUSY;
        }

        _engine.RemoveGroup(group);
        _hasGroup[place] = false;
        return 0;
    }

    internal long FindGroup(int place) => _hasGroup[place] ? 0 : -(long)Errno.ENODEV;

    internal long Ioctl(int place, uint request, byte[]? argument, ulong address) =>
        Container(place) is ModelContainer container
            ? InSection(ModelDoor.Ioctl(_engine, container, request, address, argument ?? []))
            : NoHandle;

    internal long GroupIoctl(int place, uint request, byte[]? argument) =>
        Group(place) is ModelGroup group ? InSection(ModelDoor.GroupIoctl(_engine, group, request, argument ?? [])) : NoHandle;

    /// <summary>A call at the typed door, by container.</summary>
    internal long Call(int place, Op op, Arguments a, out ulong unmapped)
    {
        unmapped = 0;
        return Container(place) is ModelContainer container ? InSection(-(long)Made(container, op, a, ref unmapped)) : NoHandle;
    }

    internal long Attach(int group, int container)
    {
        if (Group(group) is not ModelGroup mine || Container(container) is not ModelContainer into)
        {
            return NoHandle;
        }

        return -(long)_engine.Attach(mine, into);
    }

    internal long Detach(int group) => Group(group) is ModelGroup mine ? InSection(-(long)ModelEngine.Detach(mine)) : NoHandle;

    private static Errno Made(ModelContainer container, Op op, Arguments a, ref ulong unmapped) => op switch
    {
        Op.SetGeometry => container.SetGeometry(a.First, a.Second),
        Op.SetWindows => container.SetWindows((uint)a.First),
        Op.SetStash => container.SetStash((uint)a.First, (uint)a.Second),
        Op.MapDma => container.MapDma(a.Third, a.First, a.Second, a.Flags),
        Op.UnmapDma => container.UnmapDma(a.First, a.Second, out unmapped),
        Op.MapMsiBank => container.MapMsiBank((uint)a.First, a.Second, a.Flags),
        _ => container.UnmapMsiBank(a.Second),
    };

    /// <summary>A call that takes rights away is refused inside a section; the model has not had it then.</summary>
    private long InSection(long result)
    {
        if (_before == null || result < 0 || !_engine.HasLess(_before))
        {
            return result;
        }

        _engine = _before;
        _before = _engine.Copy();
        return -(long)Errno.EDEADLK;
    }
}
