extern alias accepted;

using System.Reflection;

namespace PamuFastPath.Bench.Gate;

/// <summary>The engine's sources as they were last accepted, in Bench/Accepted/Engine.</summary>
internal static class FrozenCopy
{
    private const string EventSourceFile = "Diagnostics/PamuEventSource.cs";
    private const string ProviderName = "ProviderName = \"PamuFastPath\"";
    private const string FrozenProviderName = "ProviderName = \"PamuFastPath-Accepted\"";

    /// <summary>Whether the accepted side of this build is the frozen copy, and not today's engine (see Accepted.csproj).</summary>
    internal static bool IsBuiltIn => typeof(accepted::PamuFastPath.PamuEngine).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>()
        .Any(attribute => attribute is { Key: "AcceptedSource", Value: "Engine" });

    /// <summary>
    /// Replaces the frozen copy by today's engine: its sources as they are, but for the name of the event provider, which must be unique.
    /// </summary>
    /// <returns>How many files it has.</returns>
    internal static int Renew(string root)
    {
        string engine = Path.Combine(root, "Engine");
        string frozen = Path.Combine(root, "Bench", "Accepted", "Engine");
        string fresh = frozen + ".new";
        if (Directory.Exists(fresh))
        {
            Directory.Delete(fresh, recursive: true);
        }

        string[] files = [.. Sources(engine)];
        foreach (string file in files)
        {
            string to = Path.Combine(fresh, file);
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(Path.Combine(engine, file), to);
        }

        string events = Path.Combine(fresh, EventSourceFile);
        string text = File.ReadAllText(events);
        if (!text.Contains(ProviderName, StringComparison.Ordinal))
        {
            throw new InvalidOperationException($"{EventSourceFile} does not say {ProviderName}: two providers of one name would clash");
        }

        File.WriteAllText(events, text.Replace(ProviderName, FrozenProviderName, StringComparison.Ordinal));
        if (Directory.Exists(frozen))
        {
            Directory.Delete(frozen, recursive: true);
        }

        Directory.Move(fresh, frozen);
        return files.Length;
    }

    private static IEnumerable<string> Sources(string engine) =>
        Directory.EnumerateFiles(engine, "*.cs", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(engine, file))
            .Where(file => file.Split(Path.DirectorySeparatorChar)[0] is not ("bin" or "obj"))
            .Order(StringComparer.Ordinal);
}
