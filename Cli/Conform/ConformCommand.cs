using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace PamuFastPath.Cli.Conform;

/// <summary><c>pamu conform FILE...</c>: replays recordings of the shipped driver against the engine.</summary>
public static class ConformCommand
{
    private static JsonSerializerOptions JsonOptions { get; } = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
    };

    /// <summary>Makes the command.</summary>
    public static Command Create()
    {
        var files = new Argument<string[]>("FILE")
        {
            Description = "Recordings, plain or gzip: one JSON object a line.",
            Arity = ArgumentArity.OneOrMore,
        };
        var json = new Option<bool>("--json") { Description = "Print the result as JSON." };
        var command = new Command("conform", "Replay recorded operations of the shipped driver against the engine.") { files, json };
        command.SetAction(parsed => Run(
            parsed.GetRequiredValue(files),
            parsed.GetValue(json),
            parsed.InvocationConfiguration.Output,
            parsed.InvocationConfiguration.Error));
        return command;
    }

    /// <summary>Each file's report is printed when it is finished: a malformed file is one line, and takes no other's report away.</summary>
    private static int Run(string[] files, bool json, TextWriter output, TextWriter error)
    {
        var replay = new ConformanceReplay(maxWindows => new EngineSubject(maxWindows));
        var reports = new List<ConformanceReport>();
        foreach (string file in files)
        {
            try
            {
                ConformanceReport report = json || Console.IsOutputRedirected ? replay.Run(file) : RunWithProgress(replay, file);
                reports.Add(report);
                if (!json)
                {
                    ConformPrinter.Print(report, output);
                }
            }
            catch (RecordingException e)
            {
                error.WriteLine(PamuCli.OneLine(e.Message));
            }
        }

        if (json && reports.Count > 0)
        {
            output.WriteLine(JsonSerializer.Serialize(reports, JsonOptions));
        }

        return reports.Count < files.Length ? PamuCli.BadInput
            : reports.TrueForAll(report => report.Total.Mismatches.Count == 0) ? PamuCli.Success
            : PamuCli.ExpectationFailed;
    }

    private static ConformanceReport RunWithProgress(ConformanceReplay replay, string file) =>
        AnsiConsole.Progress().AutoClear(true).Start(context =>
        {
            ProgressTask task = context.AddTask(Markup.Escape(PamuCli.OneLine(Path.GetFileName(file))), maxValue: 1);
            return replay.Run(file, done => task.Value = done);
        });
}
