namespace PamuFastPath.Cli.Run.Scenarios;

/// <summary>The steps a scenario can take: each one's fields, and how they become a control call.</summary>
internal static class StepShapes
{
    private static readonly Dictionary<string, DmaPermissions> PermissionNames = new()
    {
        ["none"] = DmaPermissions.None,
        ["read"] = DmaPermissions.Read,
        ["write"] = DmaPermissions.Write,
        ["readWrite"] = DmaPermissions.ReadWrite,
    };

    private static readonly Dictionary<string, Errno> ErrnoNames = Enum.GetValues<Errno>().ToDictionary(static errno => errno.ToString());

    private static readonly CallShape[] Calls =
    [
        new(Fields("setIommu", [], "type"), SetIommu),
        new(Fields("setGeometry", ["start", "last"]), SetGeometry),
        new(Fields("setWindows", ["count"]), SetWindows),
        new(Fields("setStash", ["cpu", "cache"]), SetStash),
        new(Fields("mapDma", ["vaddr", "iova", "size"], "permissions"), MapDma),
        new(Fields("unmapDma", ["iova", "size"]), UnmapDma),
        new(Fields("mapMsiBank", ["bank", "iova"], "permissions"), MapMsiBank),
        new(Fields("unmapMsiBank", ["iova"]), UnmapMsiBank),
        new(Fields("attach", ["group"]), Attach),
        new(Fields("detach", ["group"]), Detach),
    ];

    private static readonly Shape Show = new("show", ["call"], ["caption"]);

    /// <summary>The shapes of all steps; the field <c>call</c> of a step names its shape.</summary>
    public static IEnumerable<Shape> All => Calls.Select(static call => call.Shape).Append(Show);

    public static Step Read(ScenarioNode node, StepContext context)
    {
        // Which fields a step has depends on its call, so that one is looked up before the others are checked.
        ScenarioNode call = node.AsMap().FirstOrDefault(static field => field.Name == "call").Node
            ?? throw node.Error("the field 'call' is missing");
        string name = call.AsString();
        if (name == Show.Name)
        {
            return new ShowStep(node.Place, node.AsObject(Show).Find("caption")?.AsString() ?? "windows");
        }

        CallShape found = Array.Find(Calls, shape => shape.Shape.Name == name)
            ?? throw call.Error($"unknown step '{name}' (known: {string.Join(", ", All.Select(static shape => shape.Name))})");
        ScenarioObject o = node.AsObject(found.Shape);
        int? group = found.Shape.Has("group") ? Group(o, context) : null;
        return new CallStep(node.Place, name, o.Find("expect")?.AsOneOf(ErrnoNames) ?? Errno.Ok, group, found.Read(o, context));
    }

    private static Func<VfioClient, long> SetIommu(ScenarioObject o, StepContext context)
    {
        uint type = o.Find("type") is ScenarioNode node ? U32(node) : context.PamuExtension;
        return client => client.SetIommu(type);
    }

    private static Func<VfioClient, long> SetGeometry(ScenarioObject o, StepContext context)
    {
        (ulong start, ulong last) = (o["start"].AsNumber(), o["last"].AsNumber());
        return client => client.SetGeometry(start, last);
    }

    private static Func<VfioClient, long> SetWindows(ScenarioObject o, StepContext context)
    {
        uint count = U32(o["count"]);
        return client => client.SetWindows(count);
    }

    private static Func<VfioClient, long> SetStash(ScenarioObject o, StepContext context)
    {
        (uint cpu, uint cache) = (U32(o["cpu"]), U32(o["cache"]));
        return client => client.SetStash(cpu, cache);
    }

    private static Func<VfioClient, long> MapDma(ScenarioObject o, StepContext context)
    {
        (ulong vaddr, ulong iova, ulong size) = (o["vaddr"].AsNumber(), o["iova"].AsNumber(), o["size"].AsNumber());
        DmaPermissions flags = Permissions(o, DmaPermissions.ReadWrite);
        return client => client.MapDma(vaddr, iova, size, flags);
    }

    private static Func<VfioClient, long> UnmapDma(ScenarioObject o, StepContext context)
    {
        (ulong iova, ulong size) = (o["iova"].AsNumber(), o["size"].AsNumber());
        return client => client.UnmapDma(iova, size);
    }

    private static Func<VfioClient, long> MapMsiBank(ScenarioObject o, StepContext context)
    {
        (uint bank, ulong iova) = (U32(o["bank"]), o["iova"].AsNumber());
        DmaPermissions flags = Permissions(o, DmaPermissions.Write);
        return client => client.MapMsiBank(bank, iova, flags);
    }

    private static Func<VfioClient, long> UnmapMsiBank(ScenarioObject o, StepContext context)
    {
        ulong iova = o["iova"].AsNumber();
        return client => client.UnmapMsiBank(iova);
    }

    private static Func<VfioClient, long> Attach(ScenarioObject o, StepContext context)
    {
        int group = Group(o, context);
        return client => client.Attach(group);
    }

    private static Func<VfioClient, long> Detach(ScenarioObject o, StepContext context)
    {
        int group = Group(o, context);
        return client => client.Detach(group);
    }

    private static Shape Fields(string call, string[] required, params string[] optional) =>
        new(call, ["call", .. required], [.. optional, "expect"]);

    private static uint U32(ScenarioNode node) => (uint)node.AsNumber(uint.MaxValue);

    private static DmaPermissions Permissions(ScenarioObject o, DmaPermissions otherwise) =>
        o.Find("permissions")?.AsOneOf(PermissionNames) ?? otherwise;

    private static int Group(ScenarioObject o, StepContext context)
    {
        int id = o["group"].AsInt();
        return context.Groups.Contains(id) ? id : throw o["group"].Error($"there is no group {id}");
    }

    /// <summary>A step that is a control call: its fields, and what makes the call of them.</summary>
    private sealed record CallShape(Shape Shape, Func<ScenarioObject, StepContext, Func<VfioClient, long>> Read);
}

/// <summary>What steps refer to.</summary>
internal sealed record StepContext(uint PamuExtension, IReadOnlySet<int> Groups);
