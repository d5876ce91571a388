namespace PamuFastPath.Fuzz.Targets;

/// <summary>All targets by name.</summary>
internal static class TargetList
{
    private static readonly Dictionary<string, Func<FuzzTarget>> Targets = new()
    {
        ["sequences"] = static () => new SequencesTarget(),
        ["scenarios"] = static () => new ScenariosTarget(),
        ["traces"] = static () => new TracesTarget(),
        ["snapshots"] = static () => new SnapshotsTarget(),
        ["golden"] = static () => new GoldenTarget(),
        ["images"] = static () => new ImagesTarget(),
        ["abi"] = static () => new AbiTarget(),
    };

    internal static IReadOnlyCollection<string> Names => Targets.Keys;

    /// <summary>A target that is asked for the shape of its inputs only.</summary>
    internal static FuzzTarget Shape(string name) => Targets[name]();

    /// <summary>A target that is ready to run.</summary>
    /// <exception cref="TargetSkippedException">It cannot run here.</exception>
    internal static FuzzTarget Make(string name)
    {
        FuzzTarget target = Shape(name);
        target.Begin();
        return target;
    }
}
