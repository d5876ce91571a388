namespace PamuFastPath.Cli.Conform;

/// <summary>One line of a recording.</summary>
/// <param name="Number">Line number in the file, from one.</param>
internal abstract record RecordedLine(int Number);

/// <summary>A freshly booted machine.</summary>
internal sealed record BeginLine(int Number, long Sequence, int MaxWindows, string Profile) : RecordedLine(Number);

/// <summary>A new container.</summary>
internal sealed record OpenLine(int Number, int Container) : RecordedLine(Number);

/// <summary>A call.</summary>
internal sealed record OpLine(int Number, string Name, RecordedOp Op) : RecordedLine(Number);

/// <summary>The driver's state.</summary>
internal sealed record StateLine(int Number, RecordedState State) : RecordedLine(Number);

/// <summary>Address queries for the state line before.</summary>
internal sealed record ProbesLine(int Number, int Container, IReadOnlyList<Probe> Probes) : RecordedLine(Number);

/// <summary>The end of a sequence; how many calls it had, where the line says so.</summary>
internal sealed record EndLine(int Number, long Sequence) : RecordedLine(Number);

/// <summary>What the PAMU's tables held at the end of a sequence. Such lines are recorded into files of their own.</summary>
internal sealed record TableDumpLine(int Number) : RecordedLine(Number);

/// <summary>An address query and its answer; null if the driver would have followed a bad pointer.</summary>
internal readonly record struct Probe(ulong Iova, ulong? Phys);

/// <summary>A mapped window as recorded.</summary>
internal readonly record struct RecordedWindow(int Index, bool IsValid, ulong Paddr, ulong Size, uint Prot);

/// <summary>A state line.</summary>
internal sealed record RecordedState
{
    internal required int Container { get; init; }

    internal required ulong Start { get; init; }

    internal required ulong Last { get; init; }

    internal required ulong Size { get; init; }

    internal required uint Count { get; init; }

    internal required bool AreWindowsSet { get; init; }

    internal required bool IsEnabled { get; init; }

    internal required int Mapped { get; init; }

    internal required uint StashCpu { get; init; }

    internal required uint StashCache { get; init; }

    /// <summary>The platform's number of the cache that is stashed to; -1 if none.</summary>
    internal required int StashId { get; init; }

    internal required ulong VfioStart { get; init; }

    internal required ulong VfioLast { get; init; }

    internal required ulong VfioWindowSize { get; init; }

    internal required uint VfioWindowCount { get; init; }

    /// <summary>In what the two layers differ, as <see cref="DriverContainer.Desync"/>; null if the line does not say.</summary>
    internal required int? Desync { get; init; }

    internal required IReadOnlyList<RecordedWindow> Windows { get; init; }

    internal required IReadOnlyList<DriverMapping> Mappings { get; init; }

    internal required IReadOnlyList<(ulong Iova, uint Bank)> Messages { get; init; }

    internal required IReadOnlyList<int> Groups { get; init; }

    internal required IReadOnlyList<int> Liodns { get; init; }

    internal required int SecondaryUsed { get; init; }
}
