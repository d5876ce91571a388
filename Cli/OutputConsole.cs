using Spectre.Console;

namespace PamuFastPath.Cli;

/// <summary>A console over the command's output: colours and movement only on the terminal.</summary>
internal static class OutputConsole
{
    /// <summary>Where nobody sees the width, nothing is wrapped.</summary>
    private const int UnlimitedWidth = 10_000;

    public static IAnsiConsole Over(TextWriter output)
    {
        var to = new AnsiConsoleOutput(output);
        bool isTerminal = to.IsTerminal;
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = to,
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = isTerminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = isTerminal ? InteractionSupport.Detect : InteractionSupport.No,
        });
        if (!isTerminal)
        {
            console.Profile.Width = UnlimitedWidth;
        }

        return console;
    }
}
