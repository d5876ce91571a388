using System.Reflection;
using System.Text;
using SharpFuzz;

namespace PamuFastPath.Fuzz.Run;

/// <summary>
/// This program a second time, in a directory next to it, with the assemblies under test instrumented: every branch counts itself. Made when they
/// have changed.
/// </summary>
internal static class InstrumentedCopy
{
    private static readonly string[] UnderTest = ["PamuFastPath.dll", "PamuFastPath.Interop.dll", "PamuFastPath.Native.dll", "pamu.dll"];

    /// <summary>The program's file there.</summary>
    internal static string Make()
    {
        string here = AppContext.BaseDirectory;
        string there = Path.Combine(here, "instrumented");
        Directory.CreateDirectory(there);
        using FileStream turn = Lock(Path.Combine(there, "lock")); // of two that start at once, one makes it
        string stamp = Path.Combine(there, "made-of");
        string madeOf = Describe(here);
        if (!File.Exists(stamp) || File.ReadAllText(stamp) != madeOf)
        {
            File.Delete(stamp);
            Copy(here, there);
            foreach (string assembly in UnderTest)
            {
                Fuzzer.Instrument(Path.Combine(there, assembly), static _ => true, Options.Value);
            }

            File.WriteAllText(stamp, madeOf);
        }

        return Path.Combine(there, Path.GetFileName(Assembly.GetExecutingAssembly().Location));
    }

    private static FileStream Lock(string path)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                Thread.Sleep(100);
            }
        }
    }

    private static string Describe(string directory)
    {
        var text = new StringBuilder();
        foreach (FileInfo file in new DirectoryInfo(directory).GetFiles().OrderBy(file => file.Name, StringComparer.Ordinal))
        {
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"{file.Name} {file.Length} {file.LastWriteTimeUtc:O}\n");
        }

        return text.ToString();
    }

    private static void Copy(string from, string to)
    {
        foreach (FileInfo file in new DirectoryInfo(from).GetFiles())
        {
            file.CopyTo(Path.Combine(to, file.Name), overwrite: true);
        }

        foreach (DirectoryInfo inner in new DirectoryInfo(from).GetDirectories())
        {
            if (inner.Name == "runtimes")
            {
                string copy = Path.Combine(to, inner.Name);
                Directory.CreateDirectory(copy);
                CopyTree(inner.FullName, copy);
            }
        }
    }

    private static void CopyTree(string from, string to)
    {
        foreach (string file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy, overwrite: true);
        }
    }
}
