using System.Text.Json;

namespace PamuFastPath.Cli.Run.Scenarios;

/// <summary>Reads a scenario file. Complaints name file, line and field. The format: <c>docs/scenarios.md</c>.</summary>
internal sealed class ScenarioReader
{
    private static readonly Dictionary<string, MpicVersion> MpicNames = new()
    {
        ["2.0"] = MpicVersion.Mpic20,
        ["4.3"] = MpicVersion.Mpic43,
    };

    private static readonly Dictionary<string, DmaAccess> OpNames = new()
    {
        ["read"] = DmaAccess.Read,
        ["write"] = DmaAccess.Write,
    };

    private readonly PageSource _pages;
    private readonly List<Device> _devices = [];

    private ScenarioReader(PageSource pages) => _pages = pages;

    /// <param name="file">The file's name.</param>
    /// <param name="pages">Where the platform finds what stands behind a <c>vaddr</c>; the identity if left out.</param>
    public static Scenario Read(string file, PageSource? pages = null)
    {
        ScenarioObject o = ScenarioNode.Load(file).AsObject(Shape.File);
        return new ScenarioReader(pages ?? PamuPlatform.Identity).Read(file, o);
    }

    private Scenario Read(string file, ScenarioObject o)
    {
        o.Find("$schema")?.AsString();
        (PamuPlatform platform, MpicVersion mpic) = Platform(o.Find("platform"));
        List<GroupDefinition> groups = Groups(o["groups"], platform);
        var context = new StepContext(platform.PamuExtension, groups.Select(static group => group.Id).ToHashSet());
        return new Scenario(
            file,
            o["description"].AsString(),
            platform,
            mpic,
            groups,
            _devices,
            Messages(o.Find("messages")),
            [.. o["steps"].AsArray().Select(step => StepShapes.Read(step, context))],
            [.. o.Find("accesses")?.AsArray().Select(Access) ?? []],
            o.Find("allowFaults")?.AsBool() ?? false);
    }

    private (PamuPlatform Platform, MpicVersion Mpic) Platform(ScenarioNode? node)
    {
        var standard = new PamuPlatform { PageSource = _pages };
        if (node == null)
        {
            return (standard, MpicVersion.Mpic20);
        }

        ScenarioObject o = node.AsObject(Shape.Platform);
        MpicVersion mpic = o.Find("mpic")?.AsOneOf(MpicNames) ?? MpicVersion.Mpic20;
        try
        {
            var platform = new PamuPlatform
            {
                MaxWindows = o.Find("maxWindows")?.AsInt() ?? standard.MaxWindows,
                PhysicalAddressBits = o.Find("physicalAddressBits")?.AsInt() ?? standard.PhysicalAddressBits,
                PageSize = o.Find("pageSize")?.AsInt() ?? standard.PageSize,
                LiodnCount = o.Find("liodnCount")?.AsInt() ?? standard.LiodnCount,
                PamuExtension = (uint?)o.Find("pamuExtension")?.AsNumber(uint.MaxValue) ?? standard.PamuExtension,
                MsiBanks = [.. o.Find("msiBanks")?.AsArray().Select(static page => new MsiBank(page.AsNumber())) ?? standard.MsiBanks],
                PageSource = _pages,
                StashTargets = [.. o.Find("stashTargets")?.AsArray().Select(Stash) ?? standard.StashTargets],
            };
            return (platform, mpic);
        }
        catch (PamuException e)
        {
            // The platform's own rules, told at the field that broke one: the properties are named as the fields.
            throw (o.Find(JsonNamingPolicy.CamelCase.ConvertName(e.Parameter)) ?? node).Error(e.Rule);
        }
    }

    private static StashTarget Stash(ScenarioNode node)
    {
        ScenarioObject o = node.AsObject(Shape.StashTarget);
        return new StashTarget(
            (uint)o["cache"].AsNumber(uint.MaxValue), (uint?)o.Find("cpu")?.AsNumber(uint.MaxValue), o["id"].AsInt());
    }

    private List<GroupDefinition> Groups(ScenarioNode node, PamuPlatform platform)
    {
        var groups = new List<GroupDefinition>();
        var held = new HashSet<int>();
        foreach (ScenarioNode item in node.AsArray())
        {
            ScenarioObject o = item.AsObject(Shape.Group);
            int id = o["id"].AsInt();
            if (groups.Exists(group => group.Id == id))
            {
                throw o["id"].Error($"there is a group {id} already");
            }

            var liodns = new List<int>();
            foreach (ScenarioNode liodn in o["liodns"].AsArray())
            {
                liodns.Add(liodn.AsInt(ushort.MaxValue));
                if (!held.Add(liodns[^1]))
                {
                    throw liodn.Error($"LIODN 0x{liodns[^1]:x} is held already");
                }
            }

            groups.Add(new GroupDefinition(id, liodns, [.. o.Find("msiBanks")?.AsArray().Select(bank => Bank(bank, platform)) ?? []]));
            foreach ((string name, ScenarioNode liodn) in o.Find("devices")?.AsMap() ?? [])
            {
                AddDevice(name, liodn, liodns);
            }
        }

        return groups;
    }

    private static int Bank(ScenarioNode node, PamuPlatform platform)
    {
        int bank = node.AsInt();
        return bank < platform.MsiBanks.Count ? bank : throw node.Error($"there is no MSI bank {bank} (banks: {platform.MsiBanks.Count})");
    }

    private void AddDevice(string name, ScenarioNode node, List<int> liodns)
    {
        int liodn = node.AsInt(ushort.MaxValue);
        if (!liodns.Contains(liodn))
        {
            throw node.Error($"LIODN 0x{liodn:x} is none of the group's");
        }

        if (_devices.Exists(device => device.Name == name))
        {
            throw node.Error($"there is a device '{name}' already");
        }

        _devices.Add(new Device(name, (uint)liodn));
    }

    private List<MessageRoute> Messages(ScenarioNode? node)
    {
        var routes = new List<MessageRoute>();
        foreach (ScenarioNode item in node?.AsArray() ?? [])
        {
            ScenarioObject o = item.AsObject(Shape.Message);
            Device device = FindDevice(o["device"]);
            ulong address = o["address"].AsNumber();
            if (routes.Exists(route => route.Device == device.Name && route.Address == address))
            {
                throw o["address"].Error($"'{device.Name}' has a message to 0x{address:x} already");
            }

            ulong window = o["iova"].AsNumber();
            if (window % PamuPlatform.MsiPageBytes != 0)
            {
                throw o["iova"].Error("the start of a window is a multiple of 4096");
            }

            ulong offset = o["offset"].AsNumber(PamuPlatform.MsiPageBytes - sizeof(uint));
            routes.Add(new MessageRoute(device.Name, address, window + offset));
        }

        return routes;
    }

    private AccessTrial Access(ScenarioNode node)
    {
        ScenarioObject o = node.AsObject(Shape.Access);
        ScenarioNode? device = o.Find("device");
        ScenarioNode? liodn = o.Find("liodn");
        if (device == null == (liodn == null))
        {
            throw node.Error("names either a 'device' or a 'liodn'");
        }

        uint carried = device != null ? FindDevice(device).Liodn : (uint)liodn!.AsNumber(uint.MaxValue);
        Outcome expect = o["expect"].AsOneOf(Outcome.ByName);
        if (o.Find("target") is ScenarioNode target && expect.Fault != FaultKind.None)
        {
            throw target.Error("a refused access has no target");
        }

        return new AccessTrial(
            node.Place,
            device?.AsString() ?? $"LIODN 0x{carried:x}",
            carried,
            o["op"].AsOneOf(OpNames),
            o["iova"].AsNumber(),
            o["length"].AsNumber(),
            expect,
            o.Find("target")?.AsNumber());
    }

    private Device FindDevice(ScenarioNode node)
    {
        string name = node.AsString();
        return _devices.Find(device => device.Name == name) ?? throw node.Error($"no group has a device '{name}'");
    }
}
