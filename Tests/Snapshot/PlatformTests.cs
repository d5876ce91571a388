namespace PamuFastPath.Tests.Snapshot;

public sealed class PlatformTests
{
    private static readonly byte[] Good = SnapshotMachine.Saved();

    public static TheoryData<string, string> Others => new()
    {
        { "MaxWindows", "EXDEV: MaxWindows: the snapshot's platform has 16, this one 256" },
        { "PhysicalAddressBits", "EXDEV: PhysicalAddressBits: the snapshot's platform has 36, this one 40" },
        { "PageSize", "EXDEV: PageSize: the snapshot's platform has 4096, this one 8192" },
        { "LiodnCount", "EXDEV: LiodnCount: the snapshot's platform has 1280, this one 65536" },
        { "PamuExtension", "EXDEV: PamuExtension: the snapshot's platform has 7, this one 2" },
        { "fewer banks", "EXDEV: msi_bank_count: the snapshot's platform has 3, this one 1" },
        { "other banks", "EXDEV: MsiBanks[1]: the snapshot's platform has 0xffe045000, this one 0xffe047000" },
        { "more stash targets", "EXDEV: stash_target_count: the snapshot's platform has 1, this one 2" },
        { "other stash targets", "EXDEV: StashTargets[0]: the snapshot's platform has StashTarget { Cache = 3" },
    };

    [Theory]
    [MemberData(nameof(Others))]
    public void Another_platform_is_EXDEV_and_the_message_says_what_differs(string what, string message)
    {
        using var machine = new SnapshotMachine(Other(what));

        PamuException refused = Assert.Throws<PamuException>(() => machine.Container.Restore(Good));

        Assert.Equal(Errno.EXDEV, refused.Errno);
        Assert.StartsWith(message, refused.Message, StringComparison.Ordinal);
        Assert.Equal((1ul, 0), (machine.Container.Generation, machine.Engine.Groups.Count));
        machine.Container.SetIommu(machine.Engine.Platform.PamuExtension);
    }

    [Fact]
    public void The_page_source_is_no_part_of_the_platform()
    {
        using var machine = new SnapshotMachine(new PamuPlatform
        {
            MaxWindows = 16,
            PageSource = (ulong _, ulong _, out ulong target) =>
        {
            target = 0;
            return false;
        }
        });
        machine.Container.Restore(Good);
        Assert.Equal(Good, machine.Container.Save());
    }

    [Theory]
    [InlineData("MaxWindows")]
    [InlineData("other banks")]
    [InlineData("other stash targets")]
    [InlineData("more stash targets")]
    public void An_engine_of_the_platform_that_a_snapshot_names_restores_it(string what)
    {
        using var saved = new SnapshotMachine(Other(what));
        saved.Fill();
        byte[] snapshot = saved.Container.Save();

        using var engine = new PamuEngine(PamuSnapshot.PlatformOf(snapshot));
        PamuContainer container = engine.CreateContainer();
        container.Restore(snapshot);

        Assert.Equal(snapshot, container.Save());
        Assert.Equal(saved.Container.GetWindows(), container.GetWindows());
    }

    private static PamuPlatform Other(string what) => what switch
    {
        "MaxWindows" => new() { MaxWindows = 256 },
        "PhysicalAddressBits" => new() { MaxWindows = 16, PhysicalAddressBits = 40 },
        "PageSize" => new() { MaxWindows = 16, PageSize = 8192 },
        "LiodnCount" => new() { MaxWindows = 16, LiodnCount = 0x1_0000 },
        "PamuExtension" => new() { MaxWindows = 16, PamuExtension = 2 },
        "fewer banks" => new() { MaxWindows = 16, MsiBanks = [new(0xF_FE04_4000)] },
        "other banks" => new() { MaxWindows = 16, MsiBanks = [new(0xF_FE04_4000), new(0xF_FE04_7000), new(0xF_FE04_6000)] },
        "more stash targets" => new() { MaxWindows = 16, StashTargets = [new(1, 0, -1), new(3, null, 0x20)] },
        "other stash targets" => new() { MaxWindows = 16, StashTargets = [new(3, 2, 0x20)] },
        _ => throw new ArgumentOutOfRangeException(nameof(what), what, "no such case"),
    };
}
