using PamuFastPath.Fuzz.Run;

namespace PamuFastPath.Fuzz.Targets;

/// <summary>Scenario files, through <c>pamu run</c>: text and JSON end alike, bad input is one line, and no native block is left.</summary>
internal sealed class ScenariosTarget : FuzzTarget
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), "scenario.json");
    private readonly string _report = Path.Combine(Path.GetTempPath(), "report.html");

    internal override string Extension => ".json";

    internal override bool IsText => true;

    internal override IEnumerable<byte[]> Seeds() =>
        Directory.GetFiles(Repository.PathOf("scenarios"), "*.json")
            .Where(file => !file.EndsWith("schema.json", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(File.ReadAllBytes);

    internal override void Run(byte[] input)
    {
        long live = NativeBlocks.LiveCountOfThread;
        File.WriteAllBytes(_file, input);
        int json = CommandLine.RunForJson("run", _file, "--json");
        if (json != Cli.PamuCli.BadInput)
        {
            Same(json, CommandLine.Run("run", _file, "--report", _report).ExitCode, "the exit code with text and a report");
            File.Delete(_report);
        }

        Same(live, NativeBlocks.LiveCountOfThread, "native blocks afterwards");
    }
}
