using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using PamuFastPath.Bench.Measure;

namespace PamuFastPath.Bench.Gate;

/// <summary>The command <c>gate</c>: today's engine against the accepted one.</summary>
internal static class GateCommand
{
    /// <summary>The first argument that runs it.</summary>
    internal const string Name = "gate";

    private const int Success = 0;
    private const int Regression = 1;
    private const int BadUsage = 2;

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
    };

    internal static int Run(string[] args)
    {
        var accept = new Option<bool>("--accept")
        {
            Description = "Make today's engine the accepted one and append its figures to perf-results/history.jsonl.",
        };
        var only = new Option<string[]>("--only") { Description = "Run the benchmark of this name; may be given again." };
        var json = new Option<FileInfo?>("--json") { Description = "Write the verdicts and the figures of every process to a file." };
        var root = new RootCommand(
            "Measures today's engine against the accepted one. Exit codes: 0 no regression, 1 a regression or an allocation, 2 bad usage.")
        {
            accept, only, json,
        };
        root.SetAction(parsed => Run(parsed.GetValue(accept), parsed.GetValue(only) ?? [], parsed.GetValue(json)));
        ParseResult result = root.Parse(args);
        return result.Errors is [ParseError first, ..] ? Refuse(first.Message) : result.Invoke();
    }

    private static int Run(bool accept, string[] only, FileInfo? json)
    {
        if (IsUnoptimised(typeof(PamuEngine).Assembly))
        {
            return Refuse("built without optimisation: run it with -c Release");
        }

        if (!FrozenCopy.IsBuiltIn && !accept)
        {
            return Refuse("this build has today's engine on both sides and can only accept (see Bench/Accepted/Accepted.csproj)");
        }

        if (accept && only.Length != 0)
        {
            return Refuse("--accept measures everything: leave --only away");
        }

        long began = Stopwatch.GetTimestamp();
        List<GateRow> rows = GateRun.Run(only, Console.Error.WriteLine);
        if (only.FirstOrDefault(name => !rows.Exists(row => row.Measurement.Name == name)) is string unknown)
        {
            return Refuse($"no benchmark is called '{unknown}' on this machine");
        }

        if (json != null)
        {
            using FileStream file = json.Create();
            JsonSerializer.Serialize(file, rows.Select(GateFigures.Of), Json);
        }

        GateTable.Print(rows);
        bool fails = rows.Exists(row => GateDecision.Fails(row.Verdict));
        if (accept)
        {
            // Slower may be accepted, knowingly; an allocation may not.
            return rows.Exists(row => row.Verdict == Verdict.Allocates)
                ? Refuse("a data path allocates: not accepted", Regression)
                : Accept(rows);
        }

        Console.WriteLine(Summary(rows, Stopwatch.GetElapsedTime(began)));
        return fails ? Regression : Success;
    }

    /// <summary>One line, which Bench/gate-honesty.sh reads.</summary>
    private static string Summary(List<GateRow> rows, TimeSpan took)
    {
        string[] failed = [.. rows.Where(row => GateDecision.Fails(row.Verdict)).Select(Describe)];
        GateRow? highest = rows.Where(row => double.IsFinite(row.Ratio)).MaxBy(row => row.Ratio);
        return failed.Length != 0
            ? string.Create(CultureInfo.InvariantCulture, $"REGRESSION in {took.TotalSeconds:F0} s: {string.Join("; ", failed)}")
            : string.Create(
                CultureInfo.InvariantCulture,
                $"no regression in {took.TotalSeconds:F0} s, highest: {(highest == null ? "none" : Describe(highest))}");
    }

    private static string Describe(GateRow row) => row.Verdict is Verdict.Allocates or Verdict.Missing
        ? $"{row.Measurement.Name} ({row.Verdict})"
        : string.Create(CultureInfo.InvariantCulture, $"{row.Measurement.Name} ({row.Ratio:F2}x)");

    private static int Accept(List<GateRow> rows)
    {
        int files = FrozenCopy.Renew(Repository.Root);
        string history = Path.Combine(Repository.PerfResults, History.FileName);
        History.Append(history, new HistoryEntry(
            Machine.Here(),
            Machine.Commit(),
            [.. rows.Where(row => row.Verdict != Verdict.Missing).Select(row => new HistoryFigure(
                row.Measurement.Name,
                row.NowMedian,
                row.NowSpread,
                FrozenCopy.IsBuiltIn && row.Verdict != Verdict.New ? row.Ratio : null))]));
        Console.WriteLine($"accepted: {files} files in Bench/Accepted/Engine, one line more in perf-results/{History.FileName}");
        return Success;
    }

    private static int Refuse(string reason, int exitCode = BadUsage)
    {
        Console.Error.WriteLine($"gate: {reason}");
        return exitCode;
    }

    private static bool IsUnoptimised(Assembly assembly) =>
        assembly.GetCustomAttribute<DebuggableAttribute>() is { IsJITOptimizerDisabled: true };
}
