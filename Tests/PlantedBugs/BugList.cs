using System.Text.Json;
using System.Text.Json.Serialization;

namespace PamuFastPath.Tests.PlantedBugs;

/// <summary>The lists in <c>Bugs/</c>, checked against the sources, so that none of them can go stale unnoticed.</summary>
internal static class BugList
{
    private static readonly JsonSerializerOptions Strict = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Reads every list.</summary>
    /// <exception cref="BadListException">A list cannot be read, or a bug in it cannot be planted.</exception>
    internal static List<Bug> Read(string root)
    {
        var bugs = new List<Bug>();
        foreach (string file in Directory.GetFiles(Path.Combine(root, "Tests/PlantedBugs/Bugs"), "*.json").Order(StringComparer.Ordinal))
        {
            try
            {
                Bug[] list = JsonSerializer.Deserialize<Bug[]>(File.ReadAllText(file), Strict) ?? [];
                bugs.AddRange(list.Select(bug => bug with { Area = Path.GetFileNameWithoutExtension(file) }));
            }
            catch (JsonException wrong)
            {
                throw new BadListException($"{Path.GetFileName(file)}: {wrong.Message}");
            }
        }

        string[] faults = [.. bugs.SelectMany(bug => FaultsOf(bug, bugs, root))];
        return faults.Length == 0 ? bugs : throw new BadListException(string.Join('\n', faults));
    }

    private static IEnumerable<string> FaultsOf(Bug bug, List<Bug> all, string root)
    {
        if (all.Count(other => other.Name == bug.Name) > 1)
        {
            yield return $"{bug.FullName}: the name is used twice";
        }

        if (bug.From == bug.To || bug.From.Length == 0)
        {
            yield return $"{bug.FullName}: nothing is changed";
        }

        int ways = (bug.Tests.Count > 0 ? 1 : 0) + (bug.Litmus ? 1 : 0) + (bug.Model != null ? 1 : 0);
        if (ways != (bug.IsCounted ? 1 : 0))
        {
            yield return $"{bug.FullName}: either tests, or the litmus, or the model should notice, and one of them is named; none for a change nobody can see";
        }

        if ((bug.Model != null) != (bug.Because != null))
        {
            yield return $"{bug.FullName}: a bug left to the model, and no other, says why the model's break is this line";
        }

        if (bug.Needs != null && !Processor.Knows(bug.Needs))
        {
            yield return $"{bug.FullName}: no processor is asked for this: {bug.Needs}";
        }

        if (bug.Model != null && !ModelTests.Exists(bug.Model, root))
        {
            yield return $"{bug.FullName}: {ModelTests.Runs} has no run of this name: {bug.Model}";
        }

        string file = Path.Combine(root, bug.File);
        int times = File.Exists(file) ? File.ReadAllText(file).Split(bug.From).Length - 1 : 0;
        if (times != 1)
        {
            yield return $"{bug.FullName}: the text to replace stands in {bug.File} {times} times, not once: {bug.From}";
        }
    }
}

/// <summary>The list of bugs is wrong, or a bug cannot be planted, or not be looked for.</summary>
internal sealed class BadListException(string message) : Exception(message);
