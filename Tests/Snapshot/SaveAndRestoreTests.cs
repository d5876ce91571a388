using PamuFastPath.Tests.Mirror;

namespace PamuFastPath.Tests.Snapshot;

public sealed class SaveAndRestoreTests
{
    [Fact]
    public void A_restored_container_is_the_saved_one_and_saves_the_same_bytes()
    {
        using SnapshotMachine saved = new SnapshotMachine().Fill();
        byte[] snapshot = saved.Container.Save();
        using var restored = new SnapshotMachine();

        restored.Container.Restore(snapshot);

        Assert.Equal(Describe(saved), Describe(restored));
        Assert.Equal(snapshot, restored.Container.Save());
        Assert.Equal(saved.TakeFaults().Where(fault => fault.Liodn < 0x98), restored.TakeFaults());
    }

    private static string Describe(SnapshotMachine machine) =>
        SoftwareState.Describe(machine.Reader, [machine.Container], [.. machine.Container.Groups]) + machine.Container.Generation;
}
