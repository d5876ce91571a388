using System.CommandLine;
using PamuFastPath.Interop;

namespace PamuFastPath.Cli.Probe;

/// <summary>The command <c>pamu probe</c>.</summary>
internal static class ProbeCommand
{
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Print one JSON document instead of text." };
        var command = new Command("probe", "Say what this host offers for binding hardware: VFIO, IOMMUs, groups, devices, limits.") { json };
        command.SetAction(parsed =>
        {
            Print(HostProbe.Take(), parsed.GetValue(json), parsed.InvocationConfiguration.Output);
            return PamuCli.Success;
        });
        return command;
    }

    internal static void Print(HostProbe probe, bool json, TextWriter output)
    {
        if (json)
        {
            output.WriteLine(ProbeJson.Write(probe));
        }
        else
        {
            new ProbeText(OutputConsole.Over(output)).Print(probe);
        }
    }
}
