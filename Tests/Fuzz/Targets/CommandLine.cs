using System.Text.Json;
using PamuFastPath.Cli;

namespace PamuFastPath.Fuzz.Targets;

/// <summary>Runs <c>pamu</c> in this process and holds it to its contract: exit code 0, 1 or 2, and with 2 one line on stderr and no more.</summary>
internal static class CommandLine
{
    internal static (int ExitCode, string Output, string Complaint) Run(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int exitCode = PamuCli.Run(args, output, error);
        string complaint = error.ToString();
        bool isGood = exitCode switch
        {
            PamuCli.Success or PamuCli.ExpectationFailed => complaint.Length == 0,
            PamuCli.BadInput => complaint.Length > 1 && complaint.IndexOf('\n', StringComparison.Ordinal) == complaint.Length - 1,
            _ => false,
        };
        return isGood
            ? (exitCode, output.ToString(), complaint)
            : throw new FindingException($"pamu {string.Join(' ', args)}: exit code {exitCode}, stderr '{complaint}'");
    }

    /// <summary>Whatever is printed with --json is one document, unless the input was bad.</summary>
    internal static int RunForJson(params string[] args)
    {
        (int exitCode, string output, _) = Run(args);
        if (exitCode != PamuCli.BadInput)
        {
            JsonDocument.Parse(output).Dispose();
        }

        return exitCode;
    }
}
