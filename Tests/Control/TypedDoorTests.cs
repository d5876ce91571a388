namespace PamuFastPath.Tests.Control;

/// <summary>What the typed door has to answer like the byte door.</summary>
public class TypedDoorTests
{
    [Fact]
    public void Undefined_permission_bits_are_EINVAL_and_map_nothing()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();

        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => container.MapDma(0, 0, 0x1000, DmaPermissions.ReadWrite | (DmaPermissions)4)));
        Assert.Equal(Errno.EINVAL, ErrnoOf.Call(() => container.MapMsiBank(0, 0, DmaPermissions.Write | (DmaPermissions)8)));
        Assert.Empty(container.GetWindows());
    }

    /// <summary>The C door tells its caller how many bytes went, of a refused call, too.</summary>
    [Fact]
    public void A_refused_unmap_took_nothing_and_says_so()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0, Machine.At(0), Machine.Window, DmaPermissions.ReadWrite);
        using ReaderSection section = machine.Reader.Enter(container);

        Refusal refusal = container.TryUnmapDma(Machine.At(0), Machine.Window, out ulong unmapped);

        Assert.Equal(Errno.EDEADLK, refusal.Errno);
        Assert.Equal(0ul, unmapped);
    }
}
