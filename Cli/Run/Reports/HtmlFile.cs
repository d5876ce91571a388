namespace PamuFastPath.Cli.Run.Reports;

/// <summary>
/// The file of the report: a path that cannot be written is refused before the work is done, without touching what is there.
/// </summary>
internal sealed class HtmlFile
{
    private readonly string _path;

    private HtmlFile(string path) => _path = path;

    public static HtmlFile Prepare(string path) => Try(path, () =>
    {
        bool isNew = !File.Exists(path);
        File.Open(path, FileMode.OpenOrCreate, FileAccess.Write).Dispose();
        if (isNew)
        {
            File.Delete(path);
        }
    });

    public void Write(string page) => Try(_path, () => File.WriteAllText(_path, page));

    private static HtmlFile Try(string path, Action use)
    {
        try
        {
            use();
            return new HtmlFile(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new CliException(FileTrouble.Describe("report", path, e));
        }
    }
}
