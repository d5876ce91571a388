namespace PamuFastPath.Cli.Run.Reports;

/// <summary>
/// A file that a command writes in the end: a path that cannot be written is refused before the work is done, without touching what is there.
/// </summary>
internal sealed class OutputFile
{
    private readonly string _what;
    private readonly string _path;

    private OutputFile(string what, string path)
    {
        _what = what;
        _path = path;
    }

    /// <param name="what">What the file is to be, for messages: "report".</param>
    /// <param name="path">Where.</param>
    public static OutputFile Prepare(string what, string path)
    {
        var file = new OutputFile(what, path);
        file.Try(() =>
        {
            bool isNew = !File.Exists(path);
            File.Open(path, FileMode.OpenOrCreate, FileAccess.Write).Dispose();
            if (isNew)
            {
                File.Delete(path);
            }
        });
        return file;
    }

    public void Write(string text) => Try(() => File.WriteAllText(_path, text));

    public void Write(byte[] bytes) => Try(() => File.WriteAllBytes(_path, bytes));

    private void Try(Action use)
    {
        try
        {
            use();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new CliException(FileTrouble.Describe(_what, _path, e));
        }
    }
}
