namespace PamuFastPath.Tests.Model;

/// <summary>A group: its LIODNs, the MSI banks it uses, and the container it is in.</summary>
internal sealed record ModelGroup(int Id, int[] Liodns, int[] Banks)
{
    internal ModelContainer? Container { get; set; }
}

/// <summary>One machine: its containers by number, and its groups.</summary>
internal sealed class ModelEngine(ModelMachine machine)
{
    private readonly List<ModelContainer> _containers = [];
    private readonly List<ModelGroup> _groups = [];

    internal ModelMachine Machine => machine;

    /// <summary>The same by itself: what happens to it does not happen to this one.</summary>
    internal ModelEngine Copy()
    {
        var copy = new ModelEngine(machine);
        var groups = _groups.ToDictionary(group => group, group => group with { Container = null });
        copy._groups.AddRange(groups.Values);
        foreach (ModelContainer container in _containers)
        {
            ModelContainer mine = container.Copy();
            copy._containers.Add(mine);
            foreach (ModelGroup group in container.Groups)
            {
                mine.Groups.Add(groups[group]);
                groups[group].Container = mine;
            }
        }

        return copy;
    }

    /// <summary>Whether a device could do something in <paramref name="before"/> that it cannot do here.</summary>
    internal bool HasLess(ModelEngine before) => before._containers.Exists(container => Find(container.Fd)?.HasLess(container) ?? true);

    internal ModelContainer Open()
    {
        int fd = 0;
        while (Find(fd) != null)
        {
            fd++;
        }

        var container = new ModelContainer(machine, fd);
        _containers.Add(container);
        return container;
    }

    internal void Close(ModelContainer container)
    {
        foreach (ModelGroup group in container.Groups)
        {
            group.Container = null;
        }

        container.Groups.Clear();
        _containers.Remove(container);
    }

    internal ModelContainer? Find(int fd) => _containers.Find(container => container.Fd == fd);

    internal ModelGroup AddGroup(int id, int[] liodns, int[] banks)
    {
        var group = new ModelGroup(id, liodns, banks);
        _groups.Add(group);
        return group;
    }

    internal void RemoveGroup(ModelGroup group) => _groups.RemoveAll(one => one.Id == group.Id);

    internal ModelGroup? FindGroup(int id) => _groups.Find(group => group.Id == id);

    /// <summary>The container whose table a device's accesses use.</summary>
    internal ModelContainer? Holder(uint liodn) => _groups.Find(group => group.Liodns.Contains((int)liodn))?.Container;

    internal Errno Attach(ModelGroup group, ModelContainer container)
    {
        if (group.Container != null || group.Liodns.Length == 0 || group.Liodns.Any(liodn => liodn >= machine.LiodnCount))
        {
            return Errno.EINVAL;
        }

        group.Container = container;
        container.Groups.Add(group);
        return Errno.Ok;
    }

    internal static Errno Detach(ModelGroup group)
    {
        if (group.Container == null)
        {
            return Errno.EINVAL;
        }

        group.Container.Groups.Remove(group);
        group.Container = null;
        return Errno.Ok;
    }
}
