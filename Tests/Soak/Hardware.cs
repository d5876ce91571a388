using PamuFastPath.Tests.Mirror;

namespace PamuFastPath.Soak;

/// <summary>A container over the tests' fake hardware: bound, used, with failing steps in between, and closed.</summary>
internal sealed class Hardware(Machine machine)
{
    private const int GroupId = 200;
    private const int Liodn = 0x200;
    private const int Calls = 16;

    private readonly Random _random = new(3);

    internal void Once()
    {
        PamuContainer container = machine.Engine.CreateContainer();
        var mirror = new FakeMirror(container);
        container.BindHardware(mirror);
        Machine.Shape(container, Machine.Windows);
        PamuGroup group = machine.Engine.CreateGroup(GroupId, [Liodn], [0]);
        group.Attach(container);
        bool[] mapped = new bool[Machine.Windows];
        for (int i = 0; i < Calls; i++)
        {
            int window = _random.Next(Machine.Windows);
            mirror.FailAt(_random.Next(4));
            try
            {
                if (mapped[window])
                {
                    Machine.Unmap(container, window);
                }
                else
                {
                    Machine.Map(container, window);
                }

                mapped[window] = !mapped[window];
            }
            catch (PamuException e) when (e.Errno == FakeMirror.Injected && mirror.HasFailed)
            {
                // as told, and nothing has changed
            }
        }

        mirror.FailAt(0);
        group.Detach();
        machine.Engine.RemoveGroup(group);
        container.Dispose();
        if (!mirror.IsDisposed || mirror.Violations.Count > 0)
        {
            throw new InvalidOperationException($"hardware: closed {mirror.IsDisposed}; {string.Join("; ", mirror.Violations)}");
        }
    }
}
