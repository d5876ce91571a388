namespace PamuFastPath.Cli;

/// <summary>Says in one line why a file the user named cannot be used.</summary>
internal static class FileTrouble
{
    /// <param name="what">What the file was to be: "scenario", "trace".</param>
    /// <param name="file">Its name, as the user wrote it.</param>
    /// <param name="trouble">What opening, reading or writing it threw.</param>
    internal static string Describe(string what, string file, Exception trouble)
    {
        string reason = trouble switch
        {
            _ when Directory.Exists(file) => "is a directory",
            FileNotFoundException or DirectoryNotFoundException => "no such file or directory",
            UnauthorizedAccessException => "permission denied",
            _ => trouble.Message,
        };
        return $"{(file.Length == 0 ? "''" : file)}: {what}: {reason}";
    }
}
