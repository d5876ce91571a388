using System.Buffers.Text;
using System.Text;
using PamuFastPath.Cli.Run.Scenarios;

namespace PamuFastPath.Cli.Run.Traces;

/// <summary>
/// Reads a trace, <c>time_ns,device,op,addr,len</c>, block by block: devices become LIODNs and messages become writes, both as the
/// scenario says. A byte order mark before the header and empty lines after it say nothing.
/// </summary>
internal sealed class TraceReader(TraceFile file, Scenario scenario)
{
    private const string Header = "time_ns,device,op,addr,len";
    private const int ColumnCount = 5;

    private readonly byte[][] _deviceNames = [.. scenario.Devices.Select(static device => Encoding.UTF8.GetBytes(device.Name))];
    private readonly Dictionary<(string Device, ulong Address), ulong> _routes =
        scenario.Messages.ToDictionary(static route => (route.Device, route.Address), static route => route.Iova);

    private int _lastDevice;

    /// <summary>Rows read, header aside.</summary>
    public long Rows { get; private set; }

    /// <summary>Rows that are IOTLB invalidations: no accesses.</summary>
    public long Invalidations { get; private set; }

    public void ReadHeader()
    {
        if (!file.TryReadLine(out ReadOnlySpan<byte> line))
        {
            throw new CliException($"{file.Name}:1: the file is empty");
        }

        line = line is [0xEF, 0xBB, 0xBF, ..] ? line[3..] : line;
        if (!line.SequenceEqual(Encoding.UTF8.GetBytes(Header)))
        {
            throw file.Error($"the header is not {Header}");
        }
    }

    /// <summary>Fills a block with the next accesses.</summary>
    /// <returns>False if there are none.</returns>
    public bool Read(TraceBlock block)
    {
        block.Count = 0;
        while (block.Count < block.Capacity && file.TryReadLine(out ReadOnlySpan<byte> line))
        {
            if (!line.IsEmpty)
            {
                Rows++;
                ReadRow(line, block);
            }
        }

        return block.Count > 0;
    }

    private void ReadRow(ReadOnlySpan<byte> line, TraceBlock block)
    {
        if (line.Count((byte)',') + 1 is var count and not ColumnCount)
        {
            throw file.Error($"the number of columns is {count}, not {ColumnCount}");
        }

        Decimal("time_ns", NextColumn(ref line));
        ReadOnlySpan<byte> deviceName = NextColumn(ref line);
        ReadOnlySpan<byte> op = NextColumn(ref line);
        ulong address = Hex("addr", NextColumn(ref line));
        ulong length = Decimal("len", line);
        if (op is not [(byte)'R' or (byte)'W' or (byte)'M' or (byte)'U'])
        {
            throw file.Error($"op: '{Text(op)}' is none of R, W, M, U");
        }

        if (op[0] == 'U')
        {
            Invalidations++;
            return;
        }

        int device = DeviceOf(deviceName);
        int row = block.Count++;
        block.Line[row] = file.Line;
        block.Device[row] = device;
        block.Liodn[row] = scenario.Devices[device].Liodn;
        block.Op[row] = op[0];
        bool isMessage = op[0] == 'M';
        block.Iova[row] = isMessage ? RouteOf(scenario.Devices[device], address) : address;
        block.Length[row] = isMessage ? sizeof(uint) : length;
        block.Access[row] = op[0] == 'R' ? DmaAccess.Read : DmaAccess.Write;
        block.Data[row] = !isMessage ? 0 : length <= uint.MaxValue ? (uint)length : throw file.Error($"len: {length} is no 32-bit message");
    }

    private static ReadOnlySpan<byte> NextColumn(ref ReadOnlySpan<byte> line)
    {
        int comma = line.IndexOf((byte)',');
        ReadOnlySpan<byte> column = line[..comma];
        line = line[(comma + 1)..];
        return column;
    }

    private int DeviceOf(ReadOnlySpan<byte> name)
    {
        if (_deviceNames.Length > 0 && name.SequenceEqual(_deviceNames[_lastDevice]))
        {
            return _lastDevice;
        }

        for (int i = 0; i < _deviceNames.Length; i++)
        {
            if (name.SequenceEqual(_deviceNames[i]))
            {
                return _lastDevice = i;
            }
        }

        throw file.Error($"device: the scenario has no '{Text(name)}'");
    }

    private ulong RouteOf(Device device, ulong address) => _routes.TryGetValue((device.Name, address), out ulong iova)
        ? iova
        : throw file.Error($"addr: the scenario has no message of '{device.Name}' to 0x{address:x}");

    private ulong Hex(string column, ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text, out ulong value, out int used, 'x') && used == text.Length
            ? value
            : throw file.Error($"{column}: '{Text(text)}' is no hex address");

    private ulong Decimal(string column, ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text, out ulong value, out int used) && used == text.Length
            ? value
            : throw file.Error($"{column}: '{Text(text)}' is no number");

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);
}
