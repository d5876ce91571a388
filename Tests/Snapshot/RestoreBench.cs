namespace PamuFastPath.Tests.Snapshot;

/// <summary>
/// One platform with engines that snapshots are restored into, one after the other: what a refused one left behind would be in the way of the next.
/// </summary>
internal sealed class RestoreBench : IDisposable
{
    private const int GenerationOffset = 8; // in a table image: docs/table-layout.md

    /// <summary>What a refusal may take whatever the snapshot's length: a state of 256 windows, and an exception.</summary>
    private const long AllocatedMax = 100_000;

    private readonly PamuEngine _first;
    private readonly PamuEngine _second;
    private readonly PamuEngine _rebuilt;
    private readonly PamuReader _reader;
    private readonly PamuReader _rebuiltReader;
    private PamuContainer _fresh;
    private ulong _supplied;

    internal RestoreBench(PamuPlatform platform)
    {
        _first = new PamuEngine(platform);
        _second = new PamuEngine(platform);
        _reader = _first.CreateReader();
        _fresh = _first.CreateContainer();
        _rebuilt = new PamuEngine(new PamuPlatform
        {
            MaxWindows = platform.MaxWindows,
            PhysicalAddressBits = platform.PhysicalAddressBits,
            PageSize = platform.PageSize,
            LiodnCount = platform.LiodnCount,
            PamuExtension = platform.PamuExtension,
            MsiBanks = platform.MsiBanks,
            StashTargets = platform.StashTargets,
            PageSource = (ulong _, ulong _, out ulong target) =>
            {
                target = _supplied;
                return true;
            },
        });
        _rebuiltReader = _rebuilt.CreateReader();
    }

    /// <summary>Restored containers that control calls were found to make, too.</summary>
    internal int RebuiltCount { get; private set; }

    /// <summary>Restores a snapshot that may be anything.</summary>
    /// <returns>Why it was refused, or null; then it was restored, and what it became is a valid container.</returns>
    internal PamuException? Restore(byte[] snapshot)
    {
        ContainerState before = _fresh.CurrentState;
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            _fresh.Restore(snapshot);
        }
        catch (PamuException refused)
        {
            allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
            Assert.True(allocated < AllocatedMax + 8 * snapshot.Length, $"{allocated} bytes taken for {snapshot.Length}");
            Assert.Same(before, _fresh.CurrentState);
            Assert.Equal((1ul, 0, 0L), (_fresh.Generation, _first.Groups.Count, Waiting(_first)));
            return refused;
        }

        AssertSavesTheSame(snapshot, _fresh.Save());
        AssertRebuilt();
        Clear(_first, _fresh);
        _fresh = _first.CreateContainer();
        return null;
    }

    public void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
        _rebuilt.Dispose();
    }

    /// <summary>The same bytes, but for chunks that are not known here; and those bytes are a snapshot, too.</summary>
    private void AssertSavesTheSame(byte[] snapshot, byte[] saved)
    {
        Assert.True(Known(snapshot).SequenceEqual(saved), "saved again, it is what was restored");
        PamuContainer again = _second.CreateContainer();
        again.Restore(saved);
        Assert.True(saved.SequenceEqual(again.Save()), "saved a third time");
        Clear(_second, again);
    }

    private static byte[] Known(byte[] snapshot)
    {
        List<ChunkBytes> chunks = SnapshotBytes.Chunks(snapshot);
        return SnapshotBytes.Build(chunks.Where(chunk => chunk is { Version: 1, Id: "PLAT" or "CONT" or "WNDW" or "GRPS" or "FLTS" }));
    }

    /// <summary>
    /// Makes the same container by control calls. Windows smaller than a page are left out: MAP_DMA makes them only together, and an unmap may
    /// have taken others away.
    /// </summary>
    private void AssertRebuilt()
    {
        ContainerState state = _fresh.CurrentState;
        if (state.WindowSize < (ulong)_first.Platform.PageSize && state.IsEnabled)
        {
            return;
        }

        using PamuContainer made = _rebuilt.CreateContainer();
        var groups = new List<PamuGroup>();
        using (PamuTransaction calls = made.BeginTransaction())
        {
            MakeCalls(state, calls);
            foreach (PamuGroup group in state.Groups)
            {
                groups.Add(_rebuilt.CreateGroup(group.Id, group.Liodns, group.MsiBanks));
                calls.Attach(groups[^1]);
            }

            calls.Commit();
        }

        Assert.Equal(Describe(_fresh), Describe(made));
        Assert.True(state.Windows.SequenceEqual(made.CurrentState.Windows), "windows, with their vaddrs");
        Assert.True(Image(_reader, _fresh).SequenceEqual(Image(_rebuiltReader, made)), "the table, but for its generation");
        RebuiltCount++;
        made.Dispose();
        groups.ForEach(_rebuilt.RemoveGroup);
    }

    private void MakeCalls(ContainerState state, PamuTransaction calls)
    {
        if (state.IsIommuSet)
        {
            calls.SetIommu(_first.Platform.PamuExtension);
        }

        if (state.IsGeometrySet)
        {
            calls.SetGeometry(state.ApertureStart, state.ApertureLast);
        }

        if (state.AreWindowsSet)
        {
            calls.SetWindows(state.WindowCount);
        }

        if ((state.StashCpu, state.StashCache) != (0, 0))
        {
            calls.SetStash(state.StashCpu, state.StashCache);
        }

        for (int i = 0; i < state.Windows.Length; i++)
        {
            WindowState window = state.Windows[i];
            _supplied = window.Target;
            switch (window.Use)
            {
                case WindowUse.Dma:
                    calls.MapDma(window.Vaddr, state.Geometry.WindowStart(i), window.Size, window.Permissions);
                    break;
                case WindowUse.Msi:
                    calls.MapMsiBank((uint)window.Bank, state.Geometry.WindowStart(i), window.Permissions);
                    break;
            }
        }
    }

    private static string Describe(PamuContainer container) =>
        $"{container.Geometry} {container.WindowCount} {container.Stash} {container.IsEnabled} {container.IsIommuSet} "
        + $"{container.CurrentState.IsGeometrySet} {container.CurrentState.AreWindowsSet} {string.Join('\n', container.GetWindows())} "
        + string.Join(' ', container.Groups.Select(group => $"{group.Id}:{string.Join(',', group.Liodns)}:{string.Join(',', group.MsiBanks)}"));

    private static byte[] Image(PamuReader reader, PamuContainer container)
    {
        using ReaderSection section = reader.Enter(container);
        byte[] image = section.Table.Image.ToArray();
        Assert.Equal(container.Generation, section.Table.Generation);
        image.AsSpan(GenerationOffset, sizeof(ulong)).Clear();
        return image;
    }

    private static long Waiting(PamuEngine engine)
    {
        (long first, long end) = engine.Faults.Waiting();
        return end - first;
    }

    private static void Clear(PamuEngine engine, PamuContainer container)
    {
        IReadOnlyList<PamuGroup> groups = container.Groups;
        container.Dispose();
        foreach (PamuGroup group in groups)
        {
            engine.RemoveGroup(group);
        }

        while (engine.Faults.TryTake(out _))
        {
        }
    }
}
