using System.Globalization;
using System.IO.Compression;
using System.Runtime.CompilerServices;

namespace PamuFastPath.Bench.Workloads;

/// <summary>
/// What a real NVMe drive did (scenarios/traces/README.md), over the table of scenarios/nvme.json: RAM where it is, messages in MSI
/// windows.
/// </summary>
internal sealed unsafe class RecordedTrace : IDisposable
{
    private const ulong WindowBytes = 0x200_0000;
    private const ulong MessageWindow = 0x1_8000_0000;
    private const ulong MessageOffset = 0x140;

    private readonly NativeArray<Access> _accesses;

    internal RecordedTrace()
    {
        Engine = new PamuEngine();
        Container = Engine.CreateContainer();
        Container.SetGeometry(0, 256 * WindowBytes - 1);
        Container.SetWindows(256);
        Container.MapDma(0, 0, 0x8000_0000, DmaPermissions.ReadWrite);
        Container.MapDma(0x1_0000_0000, 0x1_0000_0000, 0x8000_0000, DmaPermissions.ReadWrite);
        Container.MapMsiBank(0, MessageWindow);
        Container.MapMsiBank(1, MessageWindow + WindowBytes);
        Engine.CreateGroup(1, [0x50], [0, 1]).Attach(Container);
        Reader = Engine.CreateReader();

        List<Access> accesses = Load();
        _accesses = new NativeArray<Access>(accesses.Count);
        accesses.CopyTo(_accesses.Span);
    }

    private readonly record struct Access(ulong Iova, uint Length, DmaAccess Direction);

    internal PamuEngine Engine { get; }

    internal PamuContainer Container { get; }

    internal PamuReader Reader { get; }

    internal int Count => _accesses.Length;

    /// <summary>One access after the other in recorded order, a section each, own length and direction.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal ulong TranslateEach()
    {
        ulong sum = 0;
        PamuReader reader = Reader;
        PamuContainer container = Container;
        Access* last = _accesses.Pointer + _accesses.Length;
        for (Access* access = _accesses.Pointer; access < last; access++)
        {
            sum += reader.Translate(container, access->Iova, access->Length, access->Direction).Target;
        }

        return sum;
    }

    /// <summary>The same without sections.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal ulong TranslateEachBare()
    {
        ulong sum = 0;
        TableHeader* table = Container.Cell->Current;
        Access* last = _accesses.Pointer + _accesses.Length;
        for (Access* access = _accesses.Pointer; access < last; access++)
        {
            sum += Translator.Translate(table, access->Iova, access->Length, access->Direction).Target;
        }

        return sum;
    }

    /// <summary>The drive's writes and messages, in order, as batches of at most <paramref name="count"/>.</summary>
    internal BatchWorkload[] WriteBatches(int count)
    {
        Access[] writes = [.. _accesses.Span.ToArray().Where(access => access.Direction == DmaAccess.Write)];
        return
        [
            .. writes.Chunk(count).Select(chunk => new BatchWorkload(
                Reader, Container, chunk.Select(access => access.Iova).ToArray(), chunk.Select(access => access.Length).ToArray())),
        ];
    }

    public void Dispose()
    {
        _accesses.Dispose();
        Engine.Dispose();
    }

    private static List<Access> Load()
    {
        using Stream file = typeof(RecordedTrace).Assembly.GetManifestResourceStream("nvme-slice.csv.gz")
            ?? throw new InvalidOperationException("the trace is not part of the assembly");
        using var lines = new StreamReader(new GZipStream(file, CompressionMode.Decompress));
        lines.ReadLine(); // the column names
        var accesses = new List<Access>();
        while (lines.ReadLine() is string line)
        {
            string[] fields = line.Split(',');
            ulong address = ulong.Parse(fields[3], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            uint length = uint.Parse(fields[4], CultureInfo.InvariantCulture);
            accesses.Add(fields[2] switch
            {
                "R" => new Access(address, length, DmaAccess.Read),
                "W" => new Access(address, length, DmaAccess.Write),
                _ => new Access(MessageIova(address), 4, DmaAccess.Write), // an x86 message: one 32-bit write, the cpu in the address
            });
        }

        return accesses;
    }

    private static ulong MessageIova(ulong x86Address)
    {
        ulong cpu = (x86Address >> 12) & 1; // 0xfee01004 and 0xfee02004 are the two that occur
        return MessageWindow + (cpu ^ 1) * WindowBytes + MessageOffset;
    }
}
