using System.Buffers;
using System.Text;
using System.Text.Json;
using PamuFastPath.Diagnostics;

namespace PamuFastPath.Native;

/// <summary>What an engine and its containers have done, as JSON under the names of the structs.</summary>
internal static class StatsJson
{
    internal static string Write(in NativeStats stats, EngineStatistics figures)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteNumber("containers", stats.Containers);
            json.WriteNumber("readers", stats.Readers);
            json.WriteNumber("retired_tables", stats.RetiredTables);
            json.WriteNumber("ioctls", stats.Ioctls);
            json.WriteNumber("refused_ioctls", stats.RefusedIoctls);
            json.WriteNumber("publications", stats.Publications);
            json.WriteNumber("faults", stats.Faults);
            json.WriteNumber("dropped_faults", stats.DroppedFaults);
            json.WriteBoolean("counting", figures.IsCounting);
            Write(json, figures.Accesses);
            json.WriteNumber("grace_periods", stats.GracePeriods);
            json.WriteNumber("grace_nanoseconds", stats.GraceNanoseconds);
            json.WriteNumber("longest_grace_nanoseconds", stats.LongestGraceNanoseconds);
            json.WriteStartArray("by_container");
            foreach (ContainerStatistics container in figures.Containers)
            {
                Write(json, container);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter json, ContainerStatistics container)
    {
        json.WriteStartObject();
        json.WriteNumber("container", container.Container);
        json.WriteNumber("generation", container.Generation);
        json.WriteNumber("aperture_start", container.ApertureStart);
        json.WriteNumber("aperture_last", container.ApertureLast);
        json.WriteNumber("windows", container.WindowCount);
        json.WriteNumber("live_windows", container.WindowsLive);
        Write(json, container.Accesses);
        Write(json, "msi_hits_by_bank", container.Accesses.MsiHits);
        Write(json, "window_samples", container.Accesses.WindowSamples[..container.WindowCount]);
        Write(json, "window_hits", container.Accesses.WindowHits[..container.WindowCount]);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, AccessCounts counts)
    {
        json.WriteNumber("translations", counts.Translations);
        json.WriteNumber("memory_hits", counts.MemoryHits);
        json.WriteNumber("bytes_read", counts.BytesRead);
        json.WriteNumber("bytes_written", counts.BytesWritten);
        json.WriteNumber("msi_hits", counts.MsiHitCount);
        json.WriteNumber("crosses", counts.Crosses);
        Write(json, "refused", counts.Faults);
    }

    private static void Write(Utf8JsonWriter json, string name, ReadOnlySpan<ulong> counts)
    {
        json.WriteStartArray(name);
        foreach (ulong count in counts)
        {
            json.WriteNumberValue(count);
        }

        json.WriteEndArray();
    }
}
