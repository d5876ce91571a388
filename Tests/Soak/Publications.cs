using System.Runtime.InteropServices;

namespace PamuFastPath.Soak;

/// <summary>Maps and unmaps windows of the shared container, each in a table of its own, by both doors and in transactions.</summary>
internal sealed class Publications(Machine machine)
{
    private readonly Random _random = new(1);
    private readonly bool[] _mapped = new bool[Machine.Windows];

    internal void Once()
    {
        int window = _random.Next(Machine.Windows);
        if (_random.Next(8) == 0)
        {
            using PamuTransaction transaction = machine.Container.BeginTransaction();
            Flip(transaction, window);
            Flip(transaction, (window + 1) % Machine.Windows);
            transaction.Commit();
        }
        else if (_mapped[window] && _random.Next(2) == 0)
        {
            UnmapByBytes(window);
        }
        else
        {
            Flip(machine.Container, window);
        }
    }

    private void Flip(PamuControl control, int window)
    {
        if (_mapped[window])
        {
            Machine.Unmap(control, window);
        }
        else
        {
            Machine.Map(control, window);
        }

        _mapped[window] = !_mapped[window];
    }

    private void UnmapByBytes(int window)
    {
        if (!machine.Container.IsIommuSet)
        {
            machine.Container.SetIommu(machine.Engine.Platform.PamuExtension);
        }

        Span<byte> argument = stackalloc byte[24]; // struct vfio_iommu_type1_dma_unmap: argsz, flags, iova, size
        MemoryMarshal.Cast<byte, uint>(argument)[0] = 24;
        MemoryMarshal.Cast<byte, uint>(argument)[1] = 0;
        MemoryMarshal.Cast<byte, ulong>(argument)[1] = (ulong)window * Machine.WindowBytes;
        MemoryMarshal.Cast<byte, ulong>(argument)[2] = Machine.WindowBytes;
        long answer = machine.Container.Ioctl(PamuRequests.IommuUnmapDma, argument);
        if (answer != 0)
        {
            throw new InvalidOperationException($"unmapping window {window} by bytes answered {answer}");
        }

        _mapped[window] = false;
    }
}
