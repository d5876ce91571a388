using System.Diagnostics;
using System.Text.Json;
using PamuFastPath.Interop;
using static PamuFastPath.Tests.Vm.Guest.Report;

namespace PamuFastPath.Tests.Vm.Guest;

/// <summary><c>pamu probe</c> on this machine says what this machine has.</summary>
internal static class ProbeChecks
{
    private const string Pamu = "/app/pamu";

    public static void Run(Report report, IReadOnlyList<HostGroup> groups)
    {
        report.Check("probe.table", () =>
        {
            string text = Probe();
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
            JsonElement probe = JsonDocument.Parse(Probe("--json")).RootElement;
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

    private static string Probe(params string[] options)
    {
        var start = new ProcessStartInfo(Pamu, ["probe", .. options]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start) ?? throw new InvalidOperationException("pamu did not start");
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        RequireEqual(0, process.ExitCode, $"exit code ({error.Result})");
        return output;
    }
}
