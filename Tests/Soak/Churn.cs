namespace PamuFastPath.Soak;

/// <summary>Groups, containers and whole engines that are made, used and removed.</summary>
internal sealed class Churn(Machine machine)
{
    private const int GroupId = 100;
    private const int FirstLiodn = 0x100;

    private readonly Random _random = new(2);

    internal void Groups()
    {
        using PamuContainer container = machine.Engine.CreateContainer();
        Machine.Shape(container, Machine.Windows);
        PamuGroup one = machine.Engine.CreateGroup(GroupId, [FirstLiodn, FirstLiodn + 1], [0]);
        PamuGroup two = machine.Engine.CreateGroup(GroupId + 1, [FirstLiodn + 2], [0, 1]);
        container.MapMsiBank(0, (Machine.Windows - 1) * Machine.WindowBytes);
        one.Attach(container);
        Machine.Map(container, 0);
        two.Attach(container);
        Machine.Map(container, 1);
        one.Detach();
        Machine.Unmap(container, 0);
        using (PamuTransaction transaction = container.BeginTransaction())
        {
            transaction.Attach(one);
            transaction.Detach(two);
            transaction.Commit();
        }

        using (PamuTransaction dropped = container.BeginTransaction())
        {
            dropped.Detach(one);
        }

        one.Detach();
        machine.Engine.RemoveGroup(one);
        machine.Engine.RemoveGroup(two);
    }

    internal void Containers()
    {
        PamuContainer[] containers = [.. Enumerable.Range(0, 4).Select(_ => machine.Engine.CreateContainer())];
        foreach (PamuContainer container in containers)
        {
            Machine.Shape(container, 1 << _random.Next(9));
            Machine.Map(container, 0);
        }

        _random.Shuffle(containers);
        Array.ForEach(containers, container => container.Dispose());

        using var engine = new PamuEngine();
        using PamuReader reader = engine.CreateReader();
        Machine.Shape(engine.CreateContainer(), 1);
    }
}
