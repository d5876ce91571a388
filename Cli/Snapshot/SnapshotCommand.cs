using System.CommandLine;

namespace PamuFastPath.Cli.Snapshot;

/// <summary>The command <c>pamu snapshot</c>: restores a snapshot into an engine of its own platform, and prints what came of it.</summary>
internal static class SnapshotCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "A snapshot: what pamu run --save, or PamuContainer.Save, wrote." };
        var json = new Option<bool>("--json") { Description = "Print one JSON document instead of text." };
        var command = new Command("snapshot", "Check a saved container and print what is in it.") { file, json };
        command.SetAction(parsed =>
        {
            Print(parsed.GetValue(file)!, parsed.GetValue(json), parsed.InvocationConfiguration.Output);
            return PamuCli.Success;
        });
        return command;
    }

    private static void Print(string file, bool json, TextWriter output)
    {
        try
        {
            byte[] snapshot = File.ReadAllBytes(file);
            using var engine = new PamuEngine(PamuSnapshot.PlatformOf(snapshot));
            PamuContainer container = engine.CreateContainer();
            container.Restore(snapshot);
            var faults = new List<FaultRecord>();
            while (engine.Faults.TryTake(out FaultRecord fault))
            {
                faults.Add(fault);
            }

            if (json)
            {
                output.WriteLine(SnapshotJson.Write(snapshot.Length, container, faults));
            }
            else
            {
                new SnapshotText(OutputConsole.Over(output)).Print(snapshot.Length, container, faults);
            }
        }
        catch (PamuException refused)
        {
            throw new CliException($"{file}: {refused.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new CliException(FileTrouble.Describe("snapshot", file, e));
        }
    }
}
