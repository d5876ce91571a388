using System.Text.Json;

namespace PamuFastPath.Tests.PlantedBugs;

/// <summary>
/// Compiles one project with one file replaced, in a second or two: the compiler is called with the arguments that a build would give it, less
/// the analyzers, and its server is kept from one bug to the next.
/// </summary>
internal sealed class MutantCompiler(string root, string scratch)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);
    private static readonly Dictionary<string, string> NoEnvironment = [];

    /// <summary>Of this process alone; ends itself when nothing came for a minute.</summary>
    private readonly string[] _server = [$"/shared:pamu-planted-bugs-{Environment.ProcessId}", "/keepalive:60"];

    private readonly Dictionary<string, Arguments> _arguments = [];

    private sealed record Arguments(string Compiler, IReadOnlyList<string> Rest);

    /// <summary>Compiles the project that a file belongs to.</summary>
    /// <param name="file">The file, from the repository's root.</param>
    /// <param name="text">What is in it.</param>
    /// <returns>The assembly.</returns>
    /// <exception cref="BadListException">It does not compile.</exception>
    internal string Compile(string file, string text)
    {
        string project = file.Split('/')[0];
        string folder = Path.Combine(root, project);
        if (!_arguments.TryGetValue(project, out Arguments? arguments))
        {
            _arguments[project] = arguments = ArgumentsOf(folder);
        }

        string mutant = Path.Combine(scratch, "mutant.cs");
        File.WriteAllText(mutant, text);
        string source = Path.GetRelativePath(project, file);
        string outName = arguments.Rest.First(argument => argument.StartsWith("/out:", StringComparison.Ordinal));
        string assembly = Path.Combine(scratch, Path.GetFileName(outName));
        string[] own = [.. arguments.Rest.Where(IsNeeded).Select(argument => argument == source ? mutant : argument), $"/out:{assembly}", "/skipanalyzers+"];
        if (!own.Contains(mutant))
        {
            throw new BadListException($"{file} is no source of {project}");
        }

        string response = Path.Combine(scratch, "csc.rsp");
        File.WriteAllLines(response, own.Select(Quoted));
        string[] command = ["dotnet", "exec", arguments.Compiler, .. _server, "/noconfig", "@" + response];
        CommandResult result = Command.Run(folder, NoEnvironment, Limit, null, command);
        return result.ExitCode == 0 ? assembly : throw new BadListException($"{file} does not compile with the bug in it:\n{result.Output}");
    }

    private static Arguments ArgumentsOf(string folder)
    {
        // What an editor asks a build: everything up to the compiler, without calling it.
        string[] command =
        [
            "dotnet", "msbuild", "-nologo", "-nodeReuse:false", "-t:ResolveReferences;CoreCompile", "-p:Configuration=Release", "-p:TargetFramework=net10.0",
            "-p:BuildProjectReferences=false", "-p:ProvideCommandLineArgs=true", "-p:SkipCompilerExecution=true", "-p:NonExistentFile=__none__",
            "-getProperty:RoslynTargetsPath", "-getItem:CscCommandLineArgs",
        ];
        CommandResult result = Command.Run(folder, NoEnvironment, Limit, null, command);
        if (result.ExitCode != 0)
        {
            throw new InvalidOperationException(result.Output);
        }

        using JsonDocument said = JsonDocument.Parse(result.Output);
        string roslyn = said.RootElement.GetProperty("Properties").GetProperty("RoslynTargetsPath").GetString()!;
        JsonElement items = said.RootElement.GetProperty("Items").GetProperty("CscCommandLineArgs");
        return new Arguments(
            Path.Combine(roslyn, "bincore", "csc.dll"),
            [.. items.EnumerateArray().Select(item => item.GetProperty("Identity").GetString()!)]);
    }

    /// <summary>Generators are needed, which stand among the analyzers; nothing is written but the assembly.</summary>
    private static bool IsNeeded(string argument) =>
        argument != "/noconfig" && !argument.StartsWith("/out:", StringComparison.Ordinal) && !argument.StartsWith("/refout:", StringComparison.Ordinal)
        && !argument.StartsWith("/doc:", StringComparison.Ordinal) && !argument.StartsWith("/warnaserror", StringComparison.Ordinal);

    private static string Quoted(string argument) => argument.StartsWith('/') || argument.Contains('"', StringComparison.Ordinal) ? argument : $"\"{argument}\"";
}
