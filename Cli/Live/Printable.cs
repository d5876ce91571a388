namespace PamuFastPath.Cli.Live;

/// <summary>Text that another process chose, made fit for a terminal: it may neither steer it nor fill it.</summary>
internal static class Printable
{
    public static string Of(string text, int lengthMax)
    {
        string head = text.Length <= lengthMax ? text : text[..(lengthMax - 1)] + "…";
        return new string([.. head.Select(static c => char.IsControl(c) ? '?' : c)]);
    }
}
