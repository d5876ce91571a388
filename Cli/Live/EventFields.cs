using System.Globalization;
using System.Numerics;
using Microsoft.Diagnostics.Tracing;
using PamuFastPath.Diagnostics;

namespace PamuFastPath.Cli.Live;

/// <summary>
/// Fields of an event by name. One that is missing reads as 0: an older engine does not write what a newer one does. An event that describes itself arrives
/// as one nameless structure.
/// </summary>
internal sealed class EventFields
{
    /// <summary>More than any list has: a length from another process is not believed.</summary>
    private const int CountsMax = 4096;

    private readonly Dictionary<string, object?> _fields;

    public EventFields(TraceEvent e)
    {
        _fields = e.PayloadNames is [""] && e.PayloadValue(0) is IDictionary<string, object> nameless
            ? nameless.ToDictionary(static field => field.Key, object? (field) => field.Value)
            : e.PayloadNames.ToDictionary(static name => name, object? (name) => e.PayloadByName(name));
    }

    public IReadOnlyDictionary<string, object?> All => _fields;

    public ulong UInt64(string name) => Integer<ulong>(name);

    public long Int64(string name) => Integer<long>(name);

    public int Int32(string name) => Integer<int>(name);

    public bool Bool(string name) => _fields.GetValueOrDefault(name) is true;

    public string Text(string name) => _fields.GetValueOrDefault(name) as string ?? "";

    public IReadOnlyList<ulong> Counts(string name, int length) => CountList.Read(Text(name), Math.Clamp(length, 0, CountsMax));

    private T Integer<T>(string name)
        where T : struct, IBinaryInteger<T> => _fields.GetValueOrDefault(name) switch
        {
            ulong value => T.CreateTruncating(value),
            long value => T.CreateTruncating(value),
            int value => T.CreateTruncating(value),
            uint value => T.CreateTruncating(value),
            IConvertible value and not string => T.CreateTruncating(value.ToInt64(CultureInfo.InvariantCulture)), // enums, and narrower than 32 bits
            _ => T.Zero,
        };
}
