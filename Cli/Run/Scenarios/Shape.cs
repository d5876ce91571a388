namespace PamuFastPath.Cli.Run.Scenarios;

/// <summary>
/// The fields an object of the scenario file has. <c>scenarios/scenario.schema.json</c> says the same, and a test compares them.
/// </summary>
/// <param name="Name">The shape's name in the schema's <c>$defs</c>; empty for the file itself.</param>
/// <param name="Required">Fields that must be there.</param>
/// <param name="Optional">Fields that may.</param>
internal sealed record Shape(string Name, string[] Required, string[] Optional)
{
    public static readonly Shape File =
        new("", ["description", "groups", "steps"], ["$schema", "platform", "messages", "accesses", "allowFaults"]);

    public static readonly Shape Platform = new(
        "platform",
        [],
        ["maxWindows", "physicalAddressBits", "pageSize", "liodnCount", "pamuExtension", "mpic", "msiBanks", "stashTargets"]);

    public static readonly Shape StashTarget = new("stashTarget", ["cache", "id"], ["cpu"]);

    public static readonly Shape Group = new("group", ["id", "liodns"], ["msiBanks", "devices"]);

    public static readonly Shape Message = new("message", ["device", "address", "iova", "offset"], []);

    public static readonly Shape Access = new("access", ["op", "iova", "length", "expect"], ["device", "liodn", "target"]);

    public IEnumerable<string> Fields => Required.Concat(Optional);

    public bool Has(string field) => Fields.Contains(field);
}

/// <summary>An object of the file whose fields were checked against its shape.</summary>
internal readonly struct ScenarioObject(ScenarioNode node, Shape shape, Dictionary<string, ScenarioNode> fields)
{
    public ScenarioNode Node => node;

    /// <summary>A required field.</summary>
    public ScenarioNode this[string field] => fields[field];

    /// <summary>An optional field, or null.</summary>
    public ScenarioNode? Find(string field) => shape.Has(field)
        ? fields.GetValueOrDefault(field)
        : throw new ArgumentException($"shape '{shape.Name}' has no '{field}'", nameof(field));
}
