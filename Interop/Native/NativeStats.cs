using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace PamuFastPath.Native;

/// <summary>struct pamu_stats: what an engine has done so far.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeStats
{
    internal uint Size;
    private uint _containers;
    private uint _readers;
    private uint _retiredTables;
    private ulong _ioctls;
    private ulong _refusedIoctls;
    private ulong _publications;
    private ulong _faults;
    private ulong _droppedFaults;

    internal static NativeStats Of(NativeEngine engine) => new()
    {
        _containers = (uint)engine.Engine.Containers.Count,
        _readers = (uint)Volatile.Read(ref engine.ReaderCount),
        _retiredTables = (uint)engine.Engine.Publisher.RetiredCount,
        _ioctls = (ulong)Interlocked.Read(ref engine.IoctlCount),
        _refusedIoctls = (ulong)Interlocked.Read(ref engine.RefusedCount),
        _publications = (ulong)engine.Engine.Publisher.PublishedCount,
        _faults = (ulong)engine.Engine.Faults.TotalCount,
        _droppedFaults = (ulong)engine.Engine.Faults.DroppedCount,
    };

    /// <summary>The same under the names of the struct.</summary>
    internal readonly string ToJson()
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteNumber("containers", _containers);
            json.WriteNumber("readers", _readers);
            json.WriteNumber("retired_tables", _retiredTables);
            json.WriteNumber("ioctls", _ioctls);
            json.WriteNumber("refused_ioctls", _refusedIoctls);
            json.WriteNumber("publications", _publications);
            json.WriteNumber("faults", _faults);
            json.WriteNumber("dropped_faults", _droppedFaults);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }
}
