using System.Globalization;
using System.Text;
using PamuFastPath.Cli.Run.Scenarios;
using PamuFastPath.Tests.Model;

namespace PamuFastPath.Fuzz.Targets;

/// <summary>A trace read the plain way: lines, columns, and the plain model for each row.</summary>
internal sealed class PlainTrace(Scenario scenario, RebuiltModel model)
{
    /// <summary>What the trace comes to, or null if it is bad.</summary>
    internal string? Account(byte[] input)
    {
        // Bytes as characters: what a name is, is for the reader under test to say, and any other row has none but ASCII.
        string text = Encoding.Latin1.GetString(input);
        text = text.StartsWith("\u00EF\u00BB\u00BF", StringComparison.Ordinal) ? text[3..] : text; // a byte order mark
        List<string> lines = [.. text.Split('\n')];
        if (lines[^1].Length == 0)
        {
            lines.RemoveAt(lines.Count - 1);
        }

        lines = lines.ConvertAll(line => line.EndsWith('\r') ? line[..^1] : line);
        if (lines.Count == 0 || lines[0] != "time_ns,device,op,addr,len")
        {
            return null;
        }

        var counts = new Counts();
        foreach (string line in lines.Skip(1).Where(line => line.Length > 0))
        {
            if (!Row(line, counts))
            {
                return null;
            }
        }

        return Text(
            counts.Rows,
            counts.Invalidations,
            counts.Translated,
            counts.Messages,
            counts.Crossing,
            counts.BytesRead,
            counts.BytesWritten,
            [.. counts.Faults.Select(pair => (pair.Key, pair.Value))]);
    }

    internal static string Text(
        long rows,
        long invalidations,
        long translated,
        long messages,
        long crossing,
        UInt128 read,
        UInt128 written,
        IReadOnlyList<(FaultKind Kind, long Count)> faults) =>
        string.Create(CultureInfo.InvariantCulture, $"{rows} rows, {invalidations} invalidations, {translated} translated, {messages} messages, ")
        + string.Create(CultureInfo.InvariantCulture, $"{crossing} crossing, {read} and {written} bytes, ")
        + string.Join(", ", faults.OrderBy(fault => fault.Kind).Select(fault => $"{fault.Kind} {fault.Count}"));

    private sealed class Counts
    {
        internal long Rows { get; set; }

        internal long Invalidations { get; set; }

        internal long Translated { get; set; }

        internal long Messages { get; set; }

        internal long Crossing { get; set; }

        internal UInt128 BytesRead { get; set; }

        internal UInt128 BytesWritten { get; set; }

        internal SortedDictionary<FaultKind, long> Faults { get; } = [];
    }

    /// <returns>Whether it is a row.</returns>
    private bool Row(string line, Counts counts)
    {
        string[] columns = line.Split(',');
        if (columns.Length != 5 || !IsNumber(columns[0], out _) || !IsHex(columns[3], out ulong address) || !IsNumber(columns[4], out ulong length))
        {
            return false;
        }

        counts.Rows++;
        if (columns[2] == "U")
        {
            counts.Invalidations++;
            return true;
        }

        Device? device = scenario.Devices.FirstOrDefault(device => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(device.Name)) == columns[1]);
        if (device == null || columns[2] is not ("R" or "W" or "M"))
        {
            return false;
        }

        if (columns[2] == "M")
        {
            MessageRoute? route = scenario.Messages.FirstOrDefault(route => route.Device == device.Name && route.Address == address);
            if (route == null || length > uint.MaxValue)
            {
                return false;
            }

            (address, length) = (route.Iova, 4);
        }

        Add(counts, device.Liodn, address, length, columns[2] == "R" ? DmaAccess.Read : DmaAccess.Write);
        return true;
    }

    private void Add(Counts counts, uint liodn, ulong iova, ulong length, DmaAccess access)
    {
        counts.Crossing += ModelTranslation.Translate(model.Holder(liodn), iova, length, access).Kind == TranslationKind.Crosses ? 1 : 0;
        PlainAccess answer = PlainAccess.Of(model.Holder(liodn), iova, length, access);
        if (answer.Fault != FaultKind.None)
        {
            counts.Faults[answer.Fault] = counts.Faults.GetValueOrDefault(answer.Fault) + 1;
        }
        else if (answer.IsMessage)
        {
            counts.Messages++;
        }
        else
        {
            counts.Translated++;
            counts.BytesRead += access == DmaAccess.Read ? length : 0ul;
            counts.BytesWritten += access == DmaAccess.Write ? length : 0ul;
        }
    }

    private static bool IsNumber(string text, out ulong value) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && !text.Contains('\0'); // the runtime lets zeros follow

    private static bool IsHex(string text, out ulong value) =>
        ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value) && !text.Contains('\0');
}
