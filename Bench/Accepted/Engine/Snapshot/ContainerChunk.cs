namespace PamuFastPath;

/// <summary>The container itself, chunk CONT: which calls it has had, geometry, window count, stash target, generation.</summary>
internal static class ContainerChunk
{
    private const int Bytes = 40;

    private const uint IommuSet = 1;
    private const uint GeometrySet = 2;
    private const uint WindowsSet = 4;

    /// <summary>So that it can go on counting.</summary>
    private const ulong GenerationMax = long.MaxValue;

    internal static readonly ChunkKind Kind = new("CONT"u8, version: 1, isRequired: true);

    internal static void Write(SnapshotWriter to, ContainerState state)
    {
        to.U32((state.IsIommuSet ? IommuSet : 0) | (state.IsGeometrySet ? GeometrySet : 0) | (state.AreWindowsSet ? WindowsSet : 0));
        to.U32(state.WindowCount);
        to.U64(state.ApertureStart);
        to.U64(state.ApertureLast);
        to.U32(state.StashCpu);
        to.U32(state.StashCache);
        to.U64(state.Generation);
    }

    /// <summary>The state that control calls would have left, made by them: no windows and groups yet.</summary>
    internal static ContainerState Read(ReadOnlySpan<byte> payload, PamuPlatform platform)
    {
        if (payload.Length != Bytes)
        {
            throw SnapshotReader.Bad("container", $"{Bytes} bytes");
        }

        var from = new SnapshotCursor(payload);
        uint flags = from.U32();
        uint count = from.U32();
        ulong start = from.U64();
        ulong last = from.U64();
        uint cpu = from.U32();
        uint cache = from.U32();
        ulong generation = from.U64();
        if (flags > (IommuSet | GeometrySet | WindowsSet))
        {
            throw SnapshotReader.Bad("container", "flags 1, 2 and 4");
        }

        if (generation is 0 or > GenerationMax)
        {
            throw SnapshotReader.Bad("generation", "1 to 2^63 - 1");
        }

        ContainerState initial = ContainerState.Initial(platform);
        ContainerState state = initial;
        if ((flags & IommuSet) != 0)
        {
            Require(ControlRules.SetIommu(platform, state, platform.PamuExtension, out state));
        }

        if ((flags & GeometrySet) != 0)
        {
            Require(ControlRules.SetGeometry(state, start, last, out state));
        }

        if ((flags & WindowsSet) != 0)
        {
            Require(ControlRules.SetWindows(platform, state, count, out state));
        }

        if ((cpu, cache) != (0, 0))
        {
            Require(ControlRules.SetStash(platform, state, cpu, cache, out state));
        }

        if ((state.ApertureStart, state.ApertureLast, state.WindowCount) != (start, last, count))
        {
            throw SnapshotReader.Bad("container", "the aperture and window count of the platform until they are set");
        }

        return state with { Generation = generation };
    }

    /// <summary>Whatever a rule answers a caller: here it means that the snapshot is wrong.</summary>
    private static void Require(in Refusal refusal)
    {
        if (refusal.IsRefused)
        {
            throw SnapshotReader.Bad(refusal.Parameter, refusal.Rule);
        }
    }
}
