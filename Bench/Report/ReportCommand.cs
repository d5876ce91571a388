using System.CommandLine;
using System.CommandLine.Parsing;
using PamuFastPath.Bench.Measure;

namespace PamuFastPath.Bench.Report;

/// <summary>The command <c>report</c>: renders results to plots and tables.</summary>
internal static class ReportCommand
{
    /// <summary>The first argument that runs it.</summary>
    internal const string Name = "report";

    private const int Success = 0;
    private const int BadInput = 2;

    internal static int Run(string[] args)
    {
        var folder = new Argument<DirectoryInfo?>("folder")
        {
            Description = "Where history.jsonl and compare.json are, and the plots and README.md go. Default: perf-results.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var root = new RootCommand("Renders results to SVG plots and a Markdown page.") { folder };
        root.SetAction(parsed => Run(parsed.GetValue(folder)?.FullName ?? Repository.PerfResults));
        ParseResult result = root.Parse(args);
        return result.Errors is [ParseError first, ..] ? Refuse(first.Message) : result.Invoke();
    }

    private static int Run(string folder)
    {
        if (!Directory.Exists(folder))
        {
            return Refuse($"{folder}: no such folder");
        }

        try
        {
            foreach (string file in ReportPage.Write(folder))
            {
                Console.WriteLine(file);
            }

            return Success;
        }
        catch (Exception bad) when (bad is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return Refuse(bad.Message);
        }
    }

    private static int Refuse(string reason)
    {
        Console.Error.WriteLine($"report: {reason}");
        return BadInput;
    }
}
