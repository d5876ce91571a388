using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using PamuFastPath.Tests.Model;

namespace PamuFastPath.Fuzz.Targets;

/// <summary>
/// A scenario file read the plain way, with the plain model behind it. The file has passed the reader under test, so its fields have the types they should
/// have; what they mean is worked out here again.
/// </summary>
internal sealed class PlainScenario
{
    private static readonly JsonDocumentOptions Lenient = new() { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip };

    private readonly JsonElement _file;
    private readonly ModelEngine _engine;
    private readonly ModelContainer _container;
    private readonly Dictionary<int, ModelGroup> _groups = [];
    private readonly Dictionary<string, uint> _devices = [];
    private readonly JsonArray _pictures = [];
    private int _failures;

    internal PlainScenario(byte[] file)
    {
        ReadOnlyMemory<byte> text = file.AsSpan() is [0xEF, 0xBB, 0xBF, ..] ? file.AsMemory(3) : file;
        using JsonDocument document = JsonDocument.Parse(text, Lenient);
        _file = document.RootElement.Clone();
        _engine = new ModelEngine(Machine(Find(_file, "platform")));
        _container = _engine.Open();
        foreach (JsonElement group in _file.GetProperty("groups").EnumerateArray())
        {
            int id = (int)Number(group, "id");
            _groups.Add(id, _engine.AddGroup(id, Numbers(group, "liodns"), Numbers(group, "msiBanks")));
            if (Find(group, "devices") is JsonElement devices)
            {
                foreach (JsonProperty device in devices.EnumerateObject())
                {
                    _devices.Add(device.Name, (uint)Number(device.Value));
                }
            }
        }
    }

    /// <summary>Takes the steps.</summary>
    /// <returns>What has to be said of the first one that does not answer as the file expects; null if all do.</returns>
    internal string? TakeSteps()
    {
        foreach (JsonElement step in _file.GetProperty("steps").EnumerateArray())
        {
            string call = Text(step, "call")!;
            if (call == "show")
            {
                _pictures.Add(new JsonObject { ["caption"] = Text(step, "caption") ?? "windows", ["windows"] = Windows() });
                continue;
            }

            string answer = Name(Make(call, step));
            string expected = Text(step, "expect") is string name and not nameof(Errno.Ok) ? name : "success";
            if (answer != expected)
            {
                return $"{call} answered {answer}, not {expected}";
            }
        }

        return null;
    }

    /// <summary>What <c>pamu run --json</c> has to print once the steps are taken, but for the file's name and the wording of failures.</summary>
    internal JsonObject Result()
    {
        JsonArray accesses = [.. Find(_file, "accesses")?.EnumerateArray().Select(Access) ?? []];
        return new JsonObject
        {
            ["description"] = Text(_file, "description"),
            ["passed"] = _failures == 0,
            ["failures"] = _failures,
            ["aperture"] = new JsonObject { ["start"] = Hex((ulong)_container.Start), ["last"] = Hex((ulong)(_container.End - 1)) },
            ["windowCount"] = _container.Count,
            ["windowSize"] = Hex((ulong)_container.WindowSize),
            ["windows"] = Windows(),
            ["pictures"] = _pictures,
            ["accesses"] = accesses,
        };
    }

    private static ModelMachine Machine(JsonElement? platform)
    {
        var machine = new ModelMachine();
        return platform is not JsonElement given ? machine : machine with
        {
            MaxWindows = (int)Number(given, "maxWindows", (ulong)machine.MaxWindows),
            AddressBits = (int)Number(given, "physicalAddressBits", (ulong)machine.AddressBits),
            PageSize = (uint)Number(given, "pageSize", machine.PageSize),
            LiodnCount = (int)Number(given, "liodnCount", (ulong)machine.LiodnCount),
            Extension = (uint)Number(given, "pamuExtension", machine.Extension),
            BankPages = [.. Find(given, "msiBanks")?.EnumerateArray().Select(Number) ?? machine.BankPages],
            Stashes = [.. Find(given, "stashTargets")?.EnumerateArray().Select(Stash) ?? machine.Stashes],
        };
    }

    private static (uint Cache, uint? Cpu, int Id) Stash(JsonElement target) => (
        (uint)Number(target, "cache"),
        Find(target, "cpu") is JsonElement cpu ? (uint)Number(cpu) : null,
        (int)Number(target, "id"));

    private Errno Make(string call, JsonElement step) => call switch
    {
        "attach" => _engine.Attach(_groups[(int)Number(step, "group")], _container),
        "detach" => ModelEngine.Detach(_groups[(int)Number(step, "group")]),
        "setIommu" => _container.SetIommu(Number(step, "type", _engine.Machine.Extension)),
        _ when !_container.IsIommuSet => Errno.ENOTTY,
        "setGeometry" => _container.SetGeometry(Number(step, "start"), Number(step, "last")),
        "setWindows" => _container.SetWindows((uint)Number(step, "count")),
        "setStash" => _container.SetStash((uint)Number(step, "cpu"), (uint)Number(step, "cache")),
        "mapDma" => _container.MapDma(Number(step, "vaddr"), Number(step, "iova"), Number(step, "size"), Permissions(step, "readWrite")),
        "unmapDma" => _container.UnmapDma(Number(step, "iova"), Number(step, "size"), out _),
        "mapMsiBank" => _container.MapMsiBank((uint)Number(step, "bank"), Number(step, "iova"), Permissions(step, "write")),
        "unmapMsiBank" => _container.UnmapMsiBank(Number(step, "iova")),
        _ => throw new FindingException($"a scenario with the step '{call}' is accepted"),
    };

    private static uint Permissions(JsonElement step, string otherwise) =>
        (uint)Array.IndexOf(["none", "read", "write", "readWrite"], Text(step, "permissions") ?? otherwise);

    private JsonArray Windows() => [.. _container.List().Select(Window)];

    private static JsonObject Window(PamuWindow window)
    {
        var written = new JsonObject
        {
            ["index"] = window.Index,
            ["enabled"] = window.IsLive,
            ["iova"] = Hex(window.Iova),
            ["phys"] = Hex(window.Target),
            ["size"] = Hex(window.Size),
            ["read"] = window.Permissions is DmaPermissions.Read or DmaPermissions.ReadWrite,
            ["write"] = window.Permissions is DmaPermissions.Write or DmaPermissions.ReadWrite,
        };
        if (window.MsiBank >= 0)
        {
            written["msiBank"] = window.MsiBank;
        }

        return written;
    }

    private JsonObject Access(JsonElement access)
    {
        string? device = Text(access, "device");
        uint liodn = device != null ? _devices[device] : (uint)Number(access, "liodn");
        (ulong iova, ulong length) = (Number(access, "iova"), Number(access, "length"));
        (string op, string expected) = (Text(access, "op")!, Text(access, "expect")!);
        PlainAccess found = PlainAccess.Of(_engine.Holder(liodn), iova, length, op == "read" ? DmaAccess.Read : DmaAccess.Write);
        string answer = found.Fault != FaultKind.None ? JsonNamingPolicy.CamelCase.ConvertName(found.Fault.ToString())
            : found.IsMessage ? "message"
            : "translated";
        bool isAsExpected = answer == expected && (Find(access, "target") is not JsonElement target || Number(target) == found.Target);
        _failures += isAsExpected ? 0 : 1;
        var written = new JsonObject
        {
            ["who"] = device ?? $"LIODN 0x{liodn:x}",
            ["op"] = op,
            ["iova"] = Hex(iova),
            ["length"] = length,
            ["expected"] = expected,
            ["answer"] = answer,
            ["asExpected"] = isAsExpected,
        };
        if (found.Fault == FaultKind.None)
        {
            written["target"] = Hex(found.Target);
        }

        return written;
    }

    private static string Name(Errno errno) => errno == Errno.Ok ? "success" : errno.ToString();

    private static string Hex(ulong value) => $"0x{value:x}";

    private static JsonElement? Find(JsonElement parent, string field) => parent.TryGetProperty(field, out JsonElement value) ? value : null;

    private static string? Text(JsonElement parent, string field) => Find(parent, field)?.GetString();

    private static ulong Number(JsonElement parent, string field) => Number(parent.GetProperty(field));

    private static ulong Number(JsonElement parent, string field, ulong otherwise) => Find(parent, field) is JsonElement value ? Number(value) : otherwise;

    /// <summary>Decimal as a number, or hex as a string.</summary>
    private static ulong Number(JsonElement value) => value.ValueKind == JsonValueKind.Number
        ? value.GetUInt64()
        : ulong.Parse(value.GetString()!.Replace("_", "", StringComparison.Ordinal).AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private static int[] Numbers(JsonElement parent, string field) => [.. Find(parent, field)?.EnumerateArray().Select(one => (int)Number(one)) ?? []];
}
