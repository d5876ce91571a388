namespace PamuFastPath.Bench.Measure;

/// <summary>Where the sources are that this program was built from.</summary>
internal static class Repository
{
    private const string Solution = "PamuFastPath.sln";

    /// <summary>The folder of the solution, found upwards from the program.</summary>
    /// <exception cref="DirectoryNotFoundException">The program lies outside a repository.</exception>
    internal static string Root
    {
        get
        {
            DirectoryInfo? folder = new(AppContext.BaseDirectory);
            while (folder != null && !File.Exists(Path.Combine(folder.FullName, Solution)))
            {
                folder = folder.Parent;
            }

            return folder?.FullName ?? throw new DirectoryNotFoundException($"no {Solution} above {AppContext.BaseDirectory}");
        }
    }

    internal static string PerfResults => Path.Combine(Root, "perf-results");
}
