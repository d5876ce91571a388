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
}
