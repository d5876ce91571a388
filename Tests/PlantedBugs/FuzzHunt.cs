using System.Globalization;
using System.Text.RegularExpressions;

namespace PamuFastPath.Tests.PlantedBugs;

/// <summary>Plants bugs and sees whether the fuzzer finds them, from its corpus and by chance, as it would find one that nobody planted.</summary>
internal sealed partial class FuzzHunt
{
    private const string Fuzzer = "PamuFastPath.Fuzz.dll";

    /// <summary>For what does not count: instrumenting the assemblies, starting, making a finding smaller.</summary>
    private static readonly TimeSpan Besides = TimeSpan.FromMinutes(5);

    private static readonly Dictionary<string, string> NoEnvironment = [];

    private readonly string _root;
    private readonly string _findings;
    private readonly BuiltCopy _fuzzer;
    private readonly MutantCompiler _compiler;

    internal FuzzHunt(string root)
    {
        string scratch = Path.Combine(root, "Tests/PlantedBugs/bin/fuzz"); // below the repository, which the fuzzer looks for upwards
        _root = root;
        _findings = Path.Combine(scratch, "findings");
        Directory.CreateDirectory(_findings);
        _compiler = new MutantCompiler(root, scratch);
        _fuzzer = new BuiltCopy(Path.Combine(root, "Tests/Fuzz/bin/Release/net10.0"), Path.Combine(scratch, "fuzzer"), leftOut: "instrumented");
    }

    /// <summary>Fuzzes a bug's target until the bug is found or time is up.</summary>
    /// <param name="bug">A bug with a target.</param>
    /// <param name="seconds">For how long.</param>
    /// <returns>Whether it was found.</returns>
    internal bool Seek(Bug bug, int seconds)
    {
        string assembly = _compiler.Compile(bug.File, bug.Plant(File.ReadAllText(Path.Combine(_root, bug.File))));
        string number = seconds.ToString(CultureInfo.InvariantCulture);
        string[] command = ["dotnet", "exec", _fuzzer.Of(Fuzzer), "--target", bug.Fuzz!, "--seconds", number, "--findings", _findings];
        CommandResult result = _fuzzer.With(assembly, () =>
            Command.Run(_root, NoEnvironment, TimeSpan.FromSeconds(seconds) + Besides, line => Found().IsMatch(line), command));
        Match found = Found().Match(result.Output);
        if (!found.Success && (result.IsOverdue || result.ExitCode != 0))
        {
            throw new BadListException($"the fuzzer could not look for {bug.FullName}:\n{result.Output.Trim()}");
        }

        Console.WriteLine(found.Success ? $"found   {bug.Fuzz,-10} {bug.FullName}: {found.Groups[1].Value}" : $"MISSED  {bug.Fuzz,-10} {bug.FullName}");
        return found.Success;
    }

    [GeneratedRegex("FOUND: (.*? s)(,|\r|$)", RegexOptions.Multiline)]
    private static partial Regex Found();
}
