using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace PamuFastPath.Tests.PlantedBugs;

/// <summary>
/// The findings of a long run that was interrupted, so that it can go on. They hold for the sources and tests they were made with, and are
/// dropped with them.
/// </summary>
internal sealed class Record
{
    private static readonly string[] NotCounted = ["/bin/", "/obj/", "/PlantedBugs/", "/corpus/"]; // a bug that changes is compared by itself

    /// <summary>Of sources, the model's too, and of scripts, which have none.</summary>
    private static readonly string[] Endings = [".cs", ".c", ".h", ".pml", ""];

    private readonly string _file;
    private readonly string _sources;

    internal Record(string root)
    {
        _file = Path.Combine(root, "artifacts/planted-bugs.jsonl");
        _sources = HashOfSources(root);
        Directory.CreateDirectory(Path.GetDirectoryName(_file)!);
    }

    private sealed record Line(string Sources, Finding Finding);

    /// <summary>What is known of the sources as they are.</summary>
    internal List<Finding> Read() => File.Exists(_file)
        ? [.. File.ReadLines(_file).Select(line => JsonSerializer.Deserialize<Line>(line)!).Where(line => line.Sources == _sources).Select(line => line.Finding)]
        : [];

    internal void Add(Finding finding) => File.AppendAllText(_file, JsonSerializer.Serialize(new Line(_sources, finding)) + "\n");

    internal void Clear() => File.Delete(_file);

    private static string HashOfSources(string root)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string folder in (string[])["Engine", "Interop", "Tests", "Cli"])
        {
            foreach (string file in Directory.GetFiles(Path.Combine(root, folder), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            {
                string name = Path.GetRelativePath(root, file);
                if (Endings.Contains(Path.GetExtension(file)) && !Array.Exists(NotCounted, part => name.Contains(part, StringComparison.Ordinal)))
                {
                    hash.AppendData(Encoding.UTF8.GetBytes(name));
                    hash.AppendData(File.ReadAllBytes(file));
                }
            }
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
