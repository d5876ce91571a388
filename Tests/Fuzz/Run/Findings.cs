using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;

namespace PamuFastPath.Fuzz.Run;

/// <summary>Keeps inputs that found something.</summary>
internal static class Findings
{
    internal static string Write(FuzzOptions options, byte[] input, string extension)
    {
        Directory.CreateDirectory(options.Findings);
        string file = Path.Combine(options.Findings, $"{options.Target}-{Convert.ToHexStringLower(SHA256.HashData(input))[..12]}{extension}");
        File.WriteAllBytes(file, input);
        return file;
    }
}

/// <summary>Tells findings apart, so that one is not lost for another while its input is made smaller.</summary>
internal static class FindingKind
{
    /// <summary>The exception's type, the words of its first line, and where it was thrown.</summary>
    internal static string Of(Exception wrong)
    {
        var words = new StringBuilder(wrong.GetType().Name);
        foreach (char c in wrong.Message.Split('\n')[0])
        {
            words.Append(char.IsAsciiLetter(c) ? c : ' ');
        }

        string? place = new StackTrace(wrong).GetFrame(0)?.GetMethod()?.Name;
        return $"{place} {string.Join(' ', words.ToString().Split(' ').Where(word => word.Length > 2).Take(8))}";
    }
}
