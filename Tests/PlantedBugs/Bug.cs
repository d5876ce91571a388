using System.Text.Json.Serialization;

namespace PamuFastPath.Tests.PlantedBugs;

/// <summary>A mistake somebody could make: a text that stands once in a source file, and what stands there instead.</summary>
internal sealed record Bug
{
    /// <summary>What the bug is called: a few words joined by hyphens, unique in the list.</summary>
    public required string Name { get; init; }

    /// <summary>The source file, from the repository's root.</summary>
    public required string File { get; init; }

    /// <summary>The text that is replaced. It stands in the file exactly once, or the list is wrong.</summary>
    public required string From { get; init; }

    /// <summary>What stands there instead.</summary>
    public required string To { get; init; }

    /// <summary>What goes wrong for whoever uses the engine.</summary>
    public required string Breaks { get; init; }

    /// <summary>Parts of the names of tests that should notice: run first, and by themselves.</summary>
    public IReadOnlyList<string> Tests { get; init; } = [];

    /// <summary>Seconds after which a run that has not ended is a hang, for bugs whose sign is one. 0: a hang is no sign of this bug.</summary>
    public int HangsAfter { get; init; }

    /// <summary>
    /// Whether the litmus has to notice instead of the tests: for what only a race shows. It races the engine with the bug in it, and has to see a violation.
    /// </summary>
    public bool Litmus { get; init; }

    /// <summary>
    /// The run of <c>Tests/Spin/run</c> that has to notice instead of the tests, by its whole name: for what no machine at hand shows. It breaks the model as
    /// the bug breaks the engine, and the model has to fail as it says.
    /// </summary>
    public string? Model { get; init; }

    /// <summary>For a bug left to the model: why the model's break is this line. They are matched by name only.</summary>
    public string? Because { get; init; }

    /// <summary>What the processor must have for the tests to come to these lines, as <see cref="Processor"/> calls it; null if every one will do.</summary>
    public string? Needs { get; init; }

    /// <summary>Whether the tests see it only when threads meet at the wrong moment: on a busy machine that may take long, so it is in no sample.</summary>
    public bool Races { get; init; }

    /// <summary>The fuzzer's target that has to find it, too; null if none is asked to.</summary>
    public string? Fuzz { get; init; }

    /// <summary>For a change that no test can see: why. Such a change is not counted.</summary>
    public string? Equivalent { get; init; }

    /// <summary>The list's name: what part of the product the bug is in.</summary>
    [JsonIgnore]
    public string Area { get; init; } = "";

    /// <summary>Whether it has to be noticed.</summary>
    [JsonIgnore]
    internal bool IsCounted => Equivalent == null;

    /// <summary>Whether what was found out about the other holds for this one.</summary>
    internal bool IsSameAs(Bug other) =>
        (Name, File, From, To, Litmus, Model) == (other.Name, other.File, other.From, other.To, other.Litmus, other.Model);

    [JsonIgnore]
    internal string FullName => $"{Area}/{Name}";

    /// <summary>The file's text with the bug in it.</summary>
    internal string Plant(string text) => text.Replace(From, To, StringComparison.Ordinal);
}
