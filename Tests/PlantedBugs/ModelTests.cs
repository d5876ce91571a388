using System.Text.RegularExpressions;

namespace PamuFastPath.Tests.PlantedBugs;

/// <summary>The model of the publication protocol, broken on purpose: what <c>Tests/Spin/run NAME</c> says of one way to break it.</summary>
/// <remarks>It looks at every state, so it says the same every time. That the model holds unbroken is what the rest of <c>Tests/Spin/run</c> checks.</remarks>
internal sealed partial class ModelTests(string root)
{
    internal const string Runs = "Tests/Spin/run";

    private const int BadCall = 2; // or a tool is missing

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);
    private static readonly Dictionary<string, string> NoEnvironment = [];

    /// <summary>Whether there is such a run, and it breaks the model. Its name ends in a memory model, which the script adds.</summary>
    internal static bool Exists(string name, string root) =>
        MemoryModel().Match(name) is { Success: true } memory
        && Regex.IsMatch(
            File.ReadAllText(Path.Combine(root, Runs)),
            $"^ *(both|{(memory.Groups[1].Value == "TSO" ? "tso" : "weak")}) (?!holds )\\w+ \"{Regex.Escape(name[..memory.Index])}\" ",
            RegexOptions.Multiline);

    /// <summary>Runs one of the script's runs, which has to be one that breaks the model.</summary>
    /// <exception cref="BadListException">It cannot be run, or breaks nothing.</exception>
    internal SuiteResult Run(string name)
    {
        CommandResult result = Command.Run(root, NoEnvironment, Limit, null, [Path.Combine(root, Runs), name]);
        if (result.IsOverdue)
        {
            return new SuiteResult(SuiteEnd.Hung, null, result.Output);
        }

        string? line = Array.Find(result.Output.Split('\n'), line => line.StartsWith(name + " ", StringComparison.Ordinal));
        string? found = line?[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        if (result.ExitCode == BadCall || found is null or "holds")
        {
            throw new BadListException($"{Runs} '{name}' is no way to break the model, or does not run:\n{result.Output.Trim()}");
        }

        return result.ExitCode == 0
            ? new SuiteResult(SuiteEnd.Failed, $"{name}: {found}", result.Output)
            : new SuiteResult(SuiteEnd.Passed, null, result.Output);
    }

    [GeneratedRegex(", (TSO|weak)$")]
    private static partial Regex MemoryModel();
}
