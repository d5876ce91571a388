using PamuFastPath.Cli.Run.Scenarios;

namespace PamuFastPath.Cli.Run.Traces;

/// <summary>What a replay came to.</summary>
/// <param name="File">The trace.</param>
/// <param name="Rows">Its rows.</param>
/// <param name="Invalidations">Rows that are no accesses.</param>
/// <param name="Translated">Accesses that reached memory.</param>
/// <param name="Messages">Accesses that sent a message.</param>
/// <param name="Faults">Accesses that were refused.</param>
/// <param name="Crossing">Accesses over a window's end, whatever became of them.</param>
/// <param name="BytesRead">Bytes of the reads that reached memory.</param>
/// <param name="BytesWritten">Bytes of the writes that reached memory.</param>
/// <param name="Devices">Per device of the scenario.</param>
/// <param name="Windows">Per window of the aperture.</param>
/// <param name="MessagesSent">Per bank, register and word.</param>
/// <param name="FaultsByKind">Only the kinds that occurred.</param>
/// <param name="FirstFaults">The first few.</param>
/// <param name="TranslateTime">Time spent in translation alone, reader sections included.</param>
/// <param name="WallTime">Time spent altogether: reading, unpacking, parsing, translating, counting.</param>
internal sealed record ReplayResult(
    string File,
    long Rows,
    long Invalidations,
    long Translated,
    long Messages,
    long Faults,
    long Crossing,
    UInt128 BytesRead,
    UInt128 BytesWritten,
    IReadOnlyList<DeviceHits> Devices,
    IReadOnlyList<WindowHits> Windows,
    IReadOnlyList<MessageHits> MessagesSent,
    IReadOnlyList<(FaultKind Kind, long Count)> FaultsByKind,
    IReadOnlyList<TraceFault> FirstFaults,
    TimeSpan TranslateTime,
    TimeSpan WallTime)
{
    /// <summary>What the file holds, counted while reading; the answers are counted by what became of them.</summary>
    public long Accesses => Rows - Invalidations;

    public bool IsAccountedFor => Translated + Messages + Faults == Accesses;

    public double NanosecondsPerAccess => Accesses == 0 ? 0 : TranslateTime.TotalNanoseconds / Accesses;

    public double AccessesPerSecond => TranslateTime == TimeSpan.Zero ? 0 : Accesses / TranslateTime.TotalSeconds;
}

/// <summary>Accesses of one device.</summary>
internal sealed record DeviceHits(Device Device, long Reads, long Writes, long Messages, long Faults);

/// <summary>Accesses that touched one window; one over a window's end touches several.</summary>
internal sealed record WindowHits(int Index, long Reads, long Writes, long Messages, long Faults)
{
    public long Hits => Reads + Writes + Messages;
}

/// <summary>Messages with one word to one register.</summary>
/// <param name="Bank">The bank.</param>
/// <param name="Offset">The register's offset in the bank's page.</param>
/// <param name="Data">The word; null for a write row that hit the bank, whose data a trace does not have.</param>
/// <param name="Interrupt">The interrupt it raises, or null if the word is unknown or the register is no message register.</param>
/// <param name="Count">How many.</param>
internal sealed record MessageHits(int Bank, int Offset, uint? Data, MsiInterrupt? Interrupt, long Count);

/// <summary>One refused access of a trace.</summary>
internal sealed record TraceFault(long Line, string Device, char Op, ulong Iova, ulong Length, FaultKind Kind, ulong FaultIova);
