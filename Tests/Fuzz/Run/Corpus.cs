using System.Security.Cryptography;

namespace PamuFastPath.Fuzz.Run;

/// <summary>Inputs that are worth keeping, as files of a directory.</summary>
internal static class Corpus
{
    /// <summary>Files that are kept of a run: a corpus in a repository is to be small.</summary>
    private const int FilesMax = 48;
    private const int BytesMax = 96 * 1024;

    internal static IEnumerable<byte[]> Read(string directory) =>
        Directory.Exists(directory) ? Directory.GetFiles(directory).Order(StringComparer.Ordinal).Select(File.ReadAllBytes) : [];

    /// <summary>Few and short inputs that together reach most of what all of them reach: again and again the one that adds most.</summary>
    internal static List<byte[]> Cover(List<(byte[] Input, List<int> Reached)> kept)
    {
        var chosen = new List<byte[]>();
        var covered = new HashSet<int>();
        int bytesLeft = BytesMax;
        while (chosen.Count < FilesMax)
        {
            List<(byte[] Input, List<int> Reached)> fitting = kept.FindAll(one => one.Input.Length <= bytesLeft);
            if (fitting.Count == 0)
            {
                break;
            }

            (byte[] input, List<int> reached) = fitting.MaxBy(one => (one.Reached.Count(place => !covered.Contains(place)), -one.Input.Length));
            int before = covered.Count;
            covered.UnionWith(reached);
            if (covered.Count == before)
            {
                break;
            }

            chosen.Add(input);
            bytesLeft -= input.Length;
        }

        return chosen;
    }

    /// <summary>Makes these the only ones.</summary>
    internal static void Write(string directory, string extension, List<byte[]> inputs)
    {
        Directory.CreateDirectory(directory);
        foreach (string old in Directory.GetFiles(directory))
        {
            File.Delete(old);
        }

        foreach (byte[] input in inputs)
        {
            File.WriteAllBytes(Path.Combine(directory, Convert.ToHexStringLower(SHA256.HashData(input))[..12] + extension), input);
        }
    }
}
