using System.CommandLine;
using System.Text.Json;
using PamuFastPath.Cli.Run.Reports;
using Spectre.Console;

namespace PamuFastPath.Cli.Live;

/// <summary><c>pamu ps</c>: which processes have the engine loaded.</summary>
internal static class PsCommand
{
    private const int CommandLengthMax = 100;

    private static JsonSerializerOptions JsonOptions { get; } = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Print one JSON document instead of a table." };
        var command = new Command("ps", "List the processes of this machine that have the engine loaded. Opens no session with them.") { json };
        command.SetAction(parsed =>
        {
            Print(EngineProcess.FindAll(), parsed.GetValue(json), parsed.InvocationConfiguration.Output);
            return PamuCli.Success;
        });
        return command;
    }

    internal static void Print(IReadOnlyList<EngineProcess> processes, bool json, TextWriter output)
    {
        if (json)
        {
            var list = processes.Select(static one => new { one.Pid, Hosting = Name(one.Hosting), Visible = one.Hosting == Hosting.Managed, one.Command });
            output.WriteLine(JsonSerializer.Serialize(list, JsonOptions));
            return;
        }

        IAnsiConsole console = OutputConsole.Over(output);
        if (processes.Count == 0)
        {
            console.WriteLine("No process here has the engine loaded.");
        }
        else
        {
            var table = new TextTable(">pid", "engine", "command");
            foreach (EngineProcess one in processes)
            {
                table.Add($"{one.Pid}", What(one.Hosting), Printable.Of(one.Command, CommandLengthMax));
            }

            table.Write(console);
        }

        console.WriteLine("(A single-file program keeps its libraries in itself: it is not found here, and pamu monitor --pid opens it all the same.)");
    }

    private static string Name(Hosting hosting) => hosting switch
    {
        Hosting.Managed => "managed",
        Hosting.Native => "native",
        _ => "unknown",
    };

    private static string What(Hosting hosting) => hosting switch
    {
        Hosting.Managed => "yes",
        Hosting.Native => "native library: not visible from outside, see pamu_stats_json()",
        _ => "unknown: not ours to look into",
    };
}
