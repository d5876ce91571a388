using System.Diagnostics;
using System.Text.Json;
using PamuFastPath.Interop;
using static PamuFastPath.Tests.Vm.Guest.Report;

namespace PamuFastPath.Tests.Vm.Guest;

/// <summary><c>pamu</c> on this machine: <c>probe</c> says what it has, <c>run --hardware</c> drives its IOMMU.</summary>
internal static class PamuChecks
{
    private const string Pamu = "/app/pamu";

    /// <summary>Two windows of memory and one that reaches into what the host reserves for messages.</summary>
    private const string Scenario = """
        {
          "description": "on hardware",
          "groups": [ { "id": 1, "liodns": [1] } ],
          "steps": [
            { "call": "setIommu" },
            { "call": "setGeometry", "start": 0, "last": "0xffff_ffff" },
            { "call": "setWindows", "count": 256 },
            { "call": "attach", "group": 1 },
            { "call": "mapDma", "vaddr": "0x1000_0000", "iova": 0, "size": "0x200_0000" },
            { "call": "mapDma", "vaddr": 0, "iova": "0xfe00_0000", "size": "0x100_0000", "expect": "RESERVED" },
            { "call": "unmapDma", "iova": 0, "size": "0x100_0000" },
          ],
          "accesses": [
            { "liodn": 1, "op": "write", "iova": "0x100_0008", "length": 8, "expect": "translated", "target": "0x1100_0008" },
            { "liodn": 1, "op": "write", "iova": "0x8", "length": 8, "expect": "noMapping" },
          ],
        }
        """;

    public static void Probe(Report report, IReadOnlyList<HostGroup> groups)
    {
        report.Check("probe.table", () =>
        {
            string text = ProbeOutput();
            foreach (HostGroup group in groups)
            {
                Require(text.Contains(group.Devices[0].Name, StringComparison.Ordinal), $"no {group.Devices[0].Name} in: {text}");
            }

            Require(text.Contains("vfio-pci", StringComparison.Ordinal), $"no driver in: {text}");
            report.Note(text);
            return $"{groups.Count} groups";
        });
        report.Check("probe.json", () =>
        {
            JsonElement probe = JsonDocument.Parse(ProbeOutput("--json")).RootElement;
            Require(probe.GetProperty("ready").GetBoolean(), "not ready");
            Require(probe.GetProperty("vfio").GetProperty("usable").GetBoolean(), "VFIO not usable");
            JsonElement[] listed = [.. probe.GetProperty("groups").EnumerateArray()];
            RequireEqual(new HostSysfs().Groups().Count, listed.Length, "groups");
            foreach (HostGroup group in groups)
            {
                JsonElement one = listed.Single(one => one.GetProperty("id").GetInt32() == group.Id);
                Require(one.GetProperty("ready").GetBoolean(), $"group {group.Id} is not ready");
                RequireEqual("vfio-pci", one.GetProperty("devices")[0].GetProperty("driver").GetString(), $"driver in group {group.Id}");
                Require(
                    one.GetProperty("reserved").EnumerateArray().Any(static range => range.GetProperty("start").GetString() == "0xfee00000"),
                    $"group {group.Id} has no message range");
            }

            return $"{listed.Length} groups, {groups.Count} of them ready";
        });
    }

    /// <summary>The scenario expects what the host's IOMMU answers, which without it would be a success: so the step did reach it.</summary>
    public static void RunOnHardware(Report report, HostGroup group)
    {
        string file = Path.Combine(Path.GetTempPath(), "scenario.json");
        report.Check("run.hardware", () =>
        {
            File.WriteAllText(file, Scenario.Replace("RESERVED", "EINVAL", StringComparison.Ordinal));
            (int code, string output, string error) = Call("run", file, "--hardware", group.Devices[0].Name);
            RequireEqual(0, code, $"exit code ({error})");
            Require(output.Contains(group.Devices[0].Name, StringComparison.Ordinal), $"no {group.Devices[0].Name} in: {output}");
            (code, _, error) = Call("run", file);
            RequireEqual(2, code, "exit code in software alone, where the reserved window is as good as any");
            return $"the scenario holds with {group.Devices[0].Name}, and not in software alone: {error.Trim()}";
        });
        report.Check("run.hardware.refused", () =>
        {
            File.WriteAllText(file, Scenario.Replace("RESERVED", "Ok", StringComparison.Ordinal));
            (int code, _, string error) = Call("run", file, "--hardware", group.Devices[0].Name);
            RequireEqual(2, code, "exit code");
            RequireEqual(1, error.Trim().Split('\n').Length, $"lines of: {error}");
            Require(error.Contains("0xfee00000", StringComparison.Ordinal), $"no reserved range in: {error}");
            return error.Trim();
        });
    }

    private static string ProbeOutput(params string[] options)
    {
        (int code, string output, string error) = Call(["probe", .. options]);
        RequireEqual(0, code, $"exit code ({error})");
        return output;
    }

    private static (int Code, string Output, string Error) Call(params string[] arguments)
    {
        var start = new ProcessStartInfo(Pamu, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start) ?? throw new InvalidOperationException("pamu did not start");
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
