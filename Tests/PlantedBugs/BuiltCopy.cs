namespace PamuFastPath.Tests.PlantedBugs;

/// <summary>A copy of what a build made, in a folder of its own, where an assembly with a bug can take the place of the one without.</summary>
internal sealed class BuiltCopy
{
    private readonly string _folder;

    /// <summary>Copies, over whatever an earlier run left there.</summary>
    /// <param name="built">What is copied.</param>
    /// <param name="folder">Where to.</param>
    /// <param name="leftOut">A folder in it that is not.</param>
    /// <exception cref="BadListException">Nothing is built there.</exception>
    internal BuiltCopy(string built, string folder, string? leftOut = null)
    {
        if (!Directory.Exists(built))
        {
            throw new BadListException($"{built} is not there: dotnet build -c Release");
        }

        _folder = folder;
        foreach (string file in Directory.GetFiles(built, "*", SearchOption.AllDirectories))
        {
            string name = Path.GetRelativePath(built, file);
            if (leftOut == null || !name.StartsWith(leftOut + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            {
                string copy = Of(name);
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(file, copy, overwrite: true);
            }
        }
    }

    /// <summary>The path of a file in the copy.</summary>
    internal string Of(string name) => Path.Combine(_folder, name);

    /// <summary>Does something while an assembly stands in the copy in place of the built one of its name.</summary>
    internal T With<T>(string assembly, Func<T> run)
    {
        string place = Of(Path.GetFileName(assembly));
        string aside = place + ".built";
        File.Move(place, aside, overwrite: true);
        File.Copy(assembly, place);
        try
        {
            return run();
        }
        finally
        {
            File.Move(aside, place, overwrite: true);
        }
    }
}
