namespace PamuFastPath.Fuzz.Run;

/// <summary>Where things are in the repository that this was built in.</summary>
internal static class Repository
{
    private static readonly string Root = Find();

    internal static string CorpusOf(string target) => PathOf("Tests", "Fuzz", "corpus", target);

    internal static string PathOf(params ReadOnlySpan<string> parts) => Path.Combine([Root, .. parts]);

    private static string Find()
    {
        for (DirectoryInfo? directory = new(AppContext.BaseDirectory); directory != null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "PamuFastPath.sln")))
            {
                return directory.FullName;
            }
        }

        throw new UsageException("the fuzzer runs where it was built: its corpus and the files it starts from are in the repository");
    }
}
