using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text;
using PamuFastPath.Cli.Conform;
using PamuFastPath.Cli.Live;
using PamuFastPath.Cli.Probe;
using PamuFastPath.Cli.Run;
using PamuFastPath.Cli.Snapshot;

namespace PamuFastPath.Cli;

/// <summary>The command <c>pamu</c>: arguments in, text and exit code out.</summary>
public static class PamuCli
{
    /// <summary>Everything that was expected happened.</summary>
    public const int Success = 0;

    /// <summary>The input is good, and what was expected of it did not happen.</summary>
    public const int ExpectationFailed = 1;

    /// <summary>Bad input or usage; one line on the error writer says which.</summary>
    public const int BadInput = 2;

    /// <summary>Runs one command line in this process.</summary>
    /// <param name="args">The arguments after the program's name.</param>
    /// <param name="output">Receives what is printed. A progress bar is shown only if it is the terminal.</param>
    /// <param name="error">Receives one line if the exit code is <see cref="BadInput"/> (conform: one for each bad file), else nothing.</param>
    /// <returns>The exit code.</returns>
    public static int Run(string[] args, TextWriter output, TextWriter error)
    {
        try
        {
            // Without the replacer "@name" is a file called @name, as everywhere else.
            ParseResult parsed = Root().Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
            return parsed.Errors is [ParseError first, ..]
                ? throw new CliException($"pamu: {first.Message} (see pamu --help)")
                : parsed.Invoke(new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false });
        }
        catch (CliException bad)
        {
            error.WriteLine(OneLine(bad.Message));
            return BadInput;
        }
    }

    /// <summary>All commands, one line each.</summary>
    private static RootCommand Root() => new(
        "PamuFastPath, an engine that does what a Freescale PAMU (aperture-and-window IOMMU) does, on the command line.\n"
        + "Exit codes: 0 everything was as expected, 1 something was not, 2 bad usage or input (one line on stderr says what).")
    {
        RunCommand.Create(),
        ConformCommand.Create(),
        ProbeCommand.Create(),
        SnapshotCommand.Create(),
        PsCommand.Create(),
        MonitorCommand.Create(),
        TraceCommand.Create(),
    };

    /// <summary>File names and file contents are quoted in messages; neither may add a line or steer the terminal.</summary>
    internal static string OneLine(string text)
    {
        var line = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            line.Append(char.IsControl(c) ? '?' : c);
        }

        return line.ToString();
    }
}
