using Spectre.Console;

namespace PamuFastPath.Cli.Run.Reports;

/// <summary>
/// Columns as wide as their widest cell and nothing cut off, so that a pipe gets what a terminal gets, colours aside. A heading that starts
/// with '>' aligns its column to the right.
/// </summary>
internal sealed class TextTable(params string[] headings)
{
    private const string Gap = "  ";

    private readonly List<string[]> _rows = [];

    public void Add(params string[] cells) => _rows.Add(cells);

    public void Write(IAnsiConsole console)
    {
        string[] names = [.. headings.Select(static heading => heading.TrimStart('>'))];
        int[] widths = [.. names.Select((name, column) => _rows.Select(row => row[column].Length).Append(name.Length).Max())];
        if (names.Any(static name => name.Length > 0))
        {
            console.WriteLine(Line(names, widths), new Style(decoration: Decoration.Bold));
        }

        foreach (string[] row in _rows)
        {
            console.WriteLine(Line(row, widths));
        }
    }

    private string Line(string[] cells, int[] widths) =>
        string.Join(Gap, cells.Select((cell, i) => Pad(cell, widths[i], headings[i]))).TrimEnd();

    private static string Pad(string cell, int width, string heading) =>
        heading.StartsWith('>') ? cell.PadLeft(width) : cell.PadRight(width);
}
