using System.Runtime.InteropServices;
using PamuFastPath.Diagnostics;

namespace PamuFastPath.Native;

/// <summary>struct pamu_stats: what an engine has done so far.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeStats
{
    internal uint Size;
    internal uint Containers;
    internal uint Readers;
    internal uint RetiredTables;
    internal ulong Ioctls;
    internal ulong RefusedIoctls;
    internal ulong Publications;
    internal ulong Faults;
    internal ulong DroppedFaults;
    internal uint Counting;
    private readonly uint _reserved;
    internal NativeAccessCounts Accesses;
    internal ulong GracePeriods;
    internal ulong GraceNanoseconds;
    internal ulong LongestGraceNanoseconds;

    internal static NativeStats Of(NativeEngine engine, EngineStatistics figures) => new()
    {
        Size = (uint)sizeof(NativeStats),
        Containers = (uint)figures.Containers.Count,
        Readers = (uint)Volatile.Read(ref engine.ReaderCount),
        RetiredTables = (uint)figures.TablesRetired,
        Ioctls = (ulong)Interlocked.Read(ref engine.IoctlCount),
        RefusedIoctls = (ulong)Interlocked.Read(ref engine.RefusedCount),
        Publications = (ulong)engine.Engine.Publisher.PublishedCount,
        Faults = (ulong)figures.FaultsLogged,
        DroppedFaults = (ulong)figures.FaultsDropped,
        Counting = figures.IsCounting ? 1u : 0u,
        Accesses = NativeAccessCounts.Of(figures.Accesses),
        GracePeriods = NativeAccessCounts.Sum(figures.Control.GracePeriods),
        GraceNanoseconds = figures.Control.GraceNanoseconds,
        LongestGraceNanoseconds = figures.Control.GraceNanosecondsMax,
    };
}

/// <summary>struct pamu_container_stats: what was done with one container so far.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeContainerStats
{
    internal uint Size;
    internal int Container;
    internal ulong Generation;
    internal ulong ApertureStart;
    internal ulong ApertureLast;
    internal uint Windows;
    internal uint LiveWindows;
    internal NativeAccessCounts Accesses;
    private fixed ulong _windowSamples[TableLayout.WindowCountMax];
    private fixed ulong _windowHits[TableLayout.WindowCountMax];

    internal static NativeContainerStats Of(ContainerStatistics figures)
    {
        var stats = new NativeContainerStats
        {
            Size = (uint)sizeof(NativeContainerStats),
            Container = figures.Container,
            Generation = figures.Generation,
            ApertureStart = figures.ApertureStart,
            ApertureLast = figures.ApertureLast,
            Windows = (uint)figures.WindowCount,
            LiveWindows = (uint)figures.WindowsLive,
            Accesses = NativeAccessCounts.Of(figures.Accesses),
        };
        figures.Accesses.WindowSamples.CopyTo(new(stats._windowSamples, TableLayout.WindowCountMax));
        figures.Accesses.WindowHits.CopyTo(new(stats._windowHits, TableLayout.WindowCountMax));
        return stats;
    }
}

/// <summary>The counts of accesses in both.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeAccessCounts
{
    private ulong _translations;
    private ulong _memoryHits;
    private ulong _bytesRead;
    private ulong _bytesWritten;
    private ulong _msiHits;
    private ulong _crosses;
    private fixed ulong _refused[ReaderCounters.FaultKinds];

    internal static NativeAccessCounts Of(AccessCounts counts)
    {
        var native = new NativeAccessCounts
        {
            _translations = counts.Translations,
            _memoryHits = counts.MemoryHits,
            _bytesRead = counts.BytesRead,
            _bytesWritten = counts.BytesWritten,
            _msiHits = counts.MsiHitCount,
            _crosses = counts.Crosses,
        };
        counts.Faults.CopyTo(new(native._refused, ReaderCounters.FaultKinds));
        return native;
    }

    internal static ulong Sum(ReadOnlySpan<ulong> counts)
    {
        ulong sum = 0;
        foreach (ulong count in counts)
        {
            sum += count;
        }

        return sum;
    }
}
