using System.Runtime.Versioning;
using PamuFastPath.Fuzz.Run;
using PamuFastPath.Fuzz.Targets;

[assembly: SupportedOSPlatform("linux")]

namespace PamuFastPath.Fuzz;

/// <summary>The fuzzer's command line: <c>docs/fuzzing.md</c>.</summary>
internal static class Program
{
    private const string Usage = """
        usage: Fuzz --target T --seconds N [--seed S] [--corpus DIR] [--grow] [--findings DIR]
               Fuzz --target T --replay FILE
        exit code: 0 nothing found, 1 found something, 2 bad usage, 3 skipped (the line says why)
        """;

    private static int Main(string[] args)
    {
        try
        {
            FuzzOptions options = FuzzOptions.Parse(args);
            return options.SharedInput != null ? Worker.Run(options) : Supervisor.Run(options);
        }
        catch (UsageException bad)
        {
            Console.Error.WriteLine(bad.Message);
            Console.Error.WriteLine(Usage);
            Console.Error.WriteLine($"targets: {string.Join(", ", TargetList.Names)}");
            return ExitCode.BadUsage;
        }
    }
}

/// <summary>How the program ends.</summary>
internal static class ExitCode
{
    internal const int NothingFound = 0;
    internal const int Found = 1;
    internal const int BadUsage = 2;
    internal const int Skipped = 3;
}
