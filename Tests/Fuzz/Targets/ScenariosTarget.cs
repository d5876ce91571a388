using System.Text.Json.Nodes;
using PamuFastPath.Cli;
using PamuFastPath.Cli.Run.Scenarios;
using PamuFastPath.Fuzz.Run;

namespace PamuFastPath.Fuzz.Targets;

/// <summary>
/// Scenario files, through <c>pamu run</c>: bad input is one line; the first step that answers other than the file expects is the one of a plain reading of
/// the file on the plain model, with the same errno; and if there is none, aperture, windows, pictures and the answers to accesses are as that says. Text
/// ends as JSON does, what is saved can be printed, and no native block is left.
/// </summary>
internal sealed class ScenariosTarget : FuzzTarget
{
    /// <summary>Every call, field, errno and outcome that the format has: the scenarios of the repository use few of them.</summary>
    private const string EveryField = """
        {
          "description": "every field",
          "platform": {
            "maxWindows": 16, "physicalAddressBits": 40, "pageSize": 4096, "liodnCount": 128, "pamuExtension": 2, "mpic": "4.3",
            "msiBanks": ["0xf_fe04_4000", "0xf_fe04_5000"],
            "stashTargets": [ { "cache": 1, "cpu": 0, "id": 1 }, { "cache": 3, "id": "0x20" } ],
          },
          "groups": [
            { "id": 1, "liodns": [1, 2], "msiBanks": [0], "devices": { "disk": 1, "nic": 2 } },
            { "id": 2, "liodns": [3] },
            { "id": 3, "liodns": [], "msiBanks": [1] },
            { "id": 4, "liodns": [200] },
          ],
          "messages": [ { "device": "disk", "address": "0xfee0_1004", "iova": "0x5_0000", "offset": "0x140" } ],
          "steps": [
            { "call": "setWindows", "count": 8, "expect": "ENOTTY" },
            { "call": "setIommu", "type": 7, "expect": "ENODEV" },
            { "call": "setIommu" },
            { "call": "setGeometry", "start": 1, "last": "0xffff", "expect": "EINVAL" },
            { "call": "setGeometry", "start": 0, "last": "0x7_ffff" },
            { "call": "setWindows", "count": 8 },
            { "call": "setStash", "cpu": 9, "cache": 2, "expect": "EINVAL" },
            { "call": "setStash", "cpu": 0, "cache": 1 },
            { "call": "mapDma", "vaddr": "0x10_0000", "iova": 0, "size": "0x2_0000" },
            { "call": "mapDma", "vaddr": "0x40_0000", "iova": "0x2_0000", "size": "0x1000", "permissions": "read" },
            { "call": "mapDma", "vaddr": "0x50_0000", "iova": "0x3_0000", "size": "0x1_0000", "permissions": "write" },
            { "call": "mapDma", "vaddr": 0, "iova": "0x4_0000", "size": "0x1_0000", "permissions": "none", "expect": "EINVAL" },
            { "call": "mapDma", "vaddr": 0, "iova": "0x3_0000", "size": "0x1_0000", "expect": "EBUSY" },
            { "call": "mapMsiBank", "bank": 0, "iova": "0x5_0000" },
            { "call": "mapMsiBank", "bank": 1, "iova": "0x6_0000", "permissions": "readWrite" },
            { "call": "mapMsiBank", "bank": 2, "iova": "0x7_0000", "expect": "ENODEV" },
            { "call": "show" },
            { "call": "attach", "group": 1 },
            { "call": "attach", "group": 2 },
            { "call": "attach", "group": 3, "expect": "EINVAL" },
            { "call": "attach", "group": 4, "expect": "EINVAL" },
            { "call": "unmapDma", "iova": "0x1_0000", "size": "0x8000", "expect": "EINVAL" },
            { "call": "unmapDma", "iova": "0x1_0000", "size": "0x1_0000" },
            { "call": "unmapMsiBank", "iova": "0x6_0000" },
            { "call": "unmapMsiBank", "iova": "0x6_0000", "expect": "EINVAL" },
            { "call": "detach", "group": 2 },
            { "call": "show", "caption": "in the end" },
          ],
          "accesses": [
            { "device": "disk", "op": "read", "iova": "0x10", "length": 4, "expect": "translated", "target": "0x10_0010" },
            { "device": "disk", "op": "read", "iova": "0xfff8", "length": 16, "expect": "noMapping" },
            { "device": "nic", "op": "write", "iova": "0x5_0140", "length": 4, "expect": "message", "target": "0xf_fe04_4140" },
            { "device": "nic", "op": "write", "iova": "0x5_0140", "length": 2, "expect": "badLength" },
            { "device": "nic", "op": "write", "iova": "0x5_0142", "length": 4, "expect": "badLength" },
            { "device": "disk", "op": "write", "iova": "0x2_0000", "length": 4, "expect": "directionDenied" },
            { "device": "disk", "op": "read", "iova": "0x2_1000", "length": 1, "expect": "beyondMapping" },
            { "liodn": 3, "op": "read", "iova": 0, "length": 4, "expect": "unknownLiodn" },
            { "device": "disk", "op": "read", "iova": "0x8_0000", "length": 4, "expect": "outOfAperture" },
          ],
          "allowFaults": true,
        }
        """;

    private readonly string _file = Path.Combine(Path.GetTempPath(), "scenario.json");
    private readonly string _report = Path.Combine(Path.GetTempPath(), "report.html");
    private readonly string _snapshot = Path.Combine(Path.GetTempPath(), "container.snap");

    internal override string Extension => ".json";

    internal override bool IsText => true;

    internal override IEnumerable<byte[]> Seeds() =>
        Directory.GetFiles(Repository.PathOf("scenarios"), "*.json")
            .Where(file => !file.EndsWith("schema.json", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(File.ReadAllBytes)
            .Append(System.Text.Encoding.UTF8.GetBytes(EveryField));

    internal override void Run(byte[] input)
    {
        long live = NativeBlocks.LiveCountOfThread;
        File.WriteAllBytes(_file, input);
        (int exitCode, string output, string complaint) = CommandLine.Run("run", _file, "--json");
        PlainScenario? plain = IsScenario() ? new PlainScenario(input) : null;
        string? wrongStep = plain?.TakeSteps();
        if (plain == null)
        {
            Same(PamuCli.BadInput, exitCode, "the exit code of what is no scenario");
        }
        else if (wrongStep != null)
        {
            Require(
                exitCode == PamuCli.BadInput && complaint.EndsWith($": {wrongStep}\n", StringComparison.Ordinal),
                $"the plain model says '{wrongStep}', and the run ends with {exitCode} and '{complaint}'");
        }
        else
        {
            JsonObject expected = plain.Result();
            Compare(expected, output);
            Same(expected["passed"]!.GetValue<bool>() ? PamuCli.Success : PamuCli.ExpectationFailed, exitCode, $"the exit code, with '{complaint}'");
            Same(exitCode, CommandLine.Run("run", _file, "--report", _report, "--save", _snapshot).ExitCode, "the exit code with text and a report");
            CompareSaved(expected);
            File.Delete(_report);
            File.Delete(_snapshot);
        }

        Same(live, NativeBlocks.LiveCountOfThread, "native blocks afterwards");
    }

    /// <summary>Whether the reader takes the file, whatever its steps answer.</summary>
    private bool IsScenario()
    {
        try
        {
            _ = ScenarioReader.Read(_file);
            return true;
        }
        catch (CliException)
        {
            return false;
        }
    }

    private static void Compare(JsonObject expected, string output)
    {
        JsonObject actual = JsonNode.Parse(output)!.AsObject();
        actual["failures"] = actual["failures"]!.AsArray().Count;
        foreach ((string field, JsonNode? value) in expected)
        {
            Same(field, value, actual[field]);
        }
    }

    /// <summary>What was saved is what the run ended with.</summary>
    private void CompareSaved(JsonObject expected)
    {
        (int exitCode, string output, string complaint) = CommandLine.Run("snapshot", _snapshot, "--json");
        Same(PamuCli.Success, exitCode, $"the exit code of pamu snapshot, with '{complaint}'");
        JsonObject saved = JsonNode.Parse(output)!.AsObject();
        foreach (JsonNode? window in saved["windows"]!.AsArray())
        {
            RemoveNulls(window!.AsObject());
        }

        foreach (string field in (string[])["aperture", "windowCount", "windowSize", "windows"])
        {
            Same($"{field} of what was saved", expected[field], saved[field]);
        }
    }

    private static void RemoveNulls(JsonObject fields)
    {
        foreach (string name in fields.Where(field => field.Value == null).Select(field => field.Key).ToArray())
        {
            fields.Remove(name);
        }
    }

    private static void Same(string what, JsonNode? expected, JsonNode? actual) =>
        Require(JsonNode.DeepEquals(expected, actual), $"{what}: the plain model says\n{expected?.ToJsonString()}\nand pamu says\n{actual?.ToJsonString()}");
}
