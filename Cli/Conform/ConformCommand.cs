using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace PamuFastPath.Cli.Conform;

/// <summary><c>pamu conform FILE...</c>: replays recordings of the shipped driver against the engine.</summary>
public static class ConformCommand
{
    private const int Malformed = 2;

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
        command.SetAction(parsed =>
        {
            TextWriter output = parsed.InvocationConfiguration.Output;
            try
            {
                List<ConformanceReport> reports = Run(parsed.GetRequiredValue(files), isQuiet: parsed.GetValue(json));
                if (parsed.GetValue(json))
                {
                    output.WriteLine(JsonSerializer.Serialize(reports, JsonOptions));
                }
                else
                {
                    ConformPrinter.Print(reports, output);
                }

                return reports.TrueForAll(report => report.Total.Mismatches.Count == 0) ? 0 : 1;
            }
            catch (RecordingException e)
            {
                parsed.InvocationConfiguration.Error.WriteLine(e.Message);
                return Malformed;
            }
        });
        return command;
    }

    private static List<ConformanceReport> Run(string[] files, bool isQuiet)
    {
        var replay = new ConformanceReplay(maxWindows => new EngineSubject(maxWindows));
        if (isQuiet || Console.IsOutputRedirected)
        {
            return [.. files.Select(file => replay.Run(file))];
        }

        return AnsiConsole.Progress().AutoClear(true).Start(context => files.Select(file =>
        {
            ProgressTask task = context.AddTask(Markup.Escape(Path.GetFileName(file)), maxValue: 1);
            return replay.Run(file, done => task.Value = done);
        }).ToList());
    }
}
