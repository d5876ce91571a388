// A small emulator with PamuFastPath: two DMA devices, one vCPU, an interrupt controller, guest RAM in mapped memory.
//
//     emulator-dotnet TRACE.csv[.gz] TRACE.csv[.gz]
//
// Each device is a thread. The guest's driver, on the vCPU thread, puts requests into a descriptor ring in guest RAM; the device
// fetches them by DMA, moves the data by DMA, writes the status back by DMA and sends messages. What it is asked to do is a
// recording of real DMA: one descriptor per row. Every address a device uses is an IOVA, and goes through the device's DmaPort.
//
// The guest allows a device 4 windows of RAM at a time. When a request touches another one, the driver unmaps the window that was not
// used for longest and maps the new one, while the devices run: that is where unmaps and their grace periods come from.
//
// The same program in C: samples/emulator-c.

using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using PamuFastPath;

if (args.Length != 2 || !args.All(File.Exists))
{
    Console.Error.WriteLine("usage: emulator-dotnet TRACE.csv[.gz] TRACE.csv[.gz]  (two files that exist)");
    return 2;
}

using var engine = new PamuEngine();
using var ram = new GuestRam();
var interrupts = new InterruptController();
Device[] devices = [new(0, engine, ram, interrupts, args[0]), new(1, engine, ram, interrupts, args[1])];

long began = Stopwatch.GetTimestamp();
foreach (Device device in devices)
{
    device.Start();
}

var vcpu = new Vcpu(devices);
vcpu.Run();
double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;

bool right = true;
Console.WriteLine($"{"device",-8} {"requests",10} {"reads",10} {"writes",10} {"messages",10} {"refused",10} {"MB",12}");
foreach (Device device in devices)
{
    device.Stop();
    right &= device.Driver.Wrong == 0 && device.Refused == device.Driver.ExpectedRefusals;
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{device.Number,-8} {device.Driver.Reaped,10} {device.Reads,10} {device.Writes,10} {device.Messages,10} {device.Refused,10} {device.Bytes / 1e6,12:f1}"));
}

right &= interrupts.Count == devices.Sum(static device => device.Messages);
right &= engine.Faults.TotalCount == devices.Sum(static device => device.Driver.ExpectedRefusals);
long requests = devices.Sum(static device => (long)device.Driver.Reaped);

Console.WriteLine();
Line("seconds", seconds, 2);
Line("requests a second", requests / seconds, 0);
Line("translated accesses a second", 3 * requests / seconds, 0); // a descriptor, its work, its status
Line("MB a second", devices.Sum(static device => device.Bytes) / 1e6 / seconds, 0);
Line("interrupts", interrupts.Count, 0);
Line("windows mapped", vcpu.Maps, 0);
Line("windows unmapped under the devices", vcpu.Unmaps, 0);
Line("  microseconds each, mean", vcpu.Unmaps == 0 ? 0 : vcpu.UnmapTotal.TotalMicroseconds / vcpu.Unmaps, 1);
Line("  microseconds, worst", vcpu.UnmapWorst.TotalMicroseconds, 1);
foreach (Device device in devices)
{
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"translation alone, device {device.Number} {device.TimeTranslation(),20:f2} ns"));
}

Console.WriteLine(right ? "every request came back as it should" : "SOMETHING CAME BACK WRONG");
return right ? 0 : 1;

static void Line(string what, double figure, int digits) =>
    Console.WriteLine($"{what,-34} {figure.ToString("f" + digits, CultureInfo.InvariantCulture),12}");

internal enum Op : ushort
{
    Read,
    Write,
    Message,
}

internal enum Status : ushort
{
    Pending,
    Done,
    Refused,
}

/// <summary>What the guest asks a device for.</summary>
/// <param name="Iova">Where.</param>
/// <param name="Length">Bytes; of a message its word.</param>
/// <param name="Op">What.</param>
internal readonly record struct Request(ulong Iova, uint Length, Op Op)
{
    /// <summary>Whether it goes where a PC has its messages and this machine has nothing: it must be refused.</summary>
    public bool IsRogue => Iova == Machine.Rogue;
}

/// <summary>A descriptor, as it lies in guest RAM.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Descriptor
{
    public ulong Iova;
    public uint Length;
    public Op Op;
    public Status Status;
}

/// <summary>The machine's addresses.</summary>
internal static class Machine
{
    public const ulong GiB = 1UL << 30;
    public const int RingEntries = 256;
    public const ulong RingBytes = 65536;
    public const ulong RingAt = 6 * GiB; // also the IOVA of each device's own ring
    public const ulong MessagesAt = 6 * GiB + GiB / 2;
    public const ulong ApertureLast = 8 * GiB - 1;
    public const int Windows = 256;
    public const int WindowShift = 25;
    public const ulong WindowBytes = 1UL << WindowShift;
    public const int WindowsAllowed = 4;
    public const ulong Rogue = 0xfee0_0000;
}

/// <summary>2 GiB of RAM at 0, 2 GiB at 4 GiB, and 1 MiB for the rings; one mapping behind all of it.</summary>
internal sealed unsafe class GuestRam : IDisposable
{
    private const ulong Ring = 1 << 20;
    private readonly MemoryMappedFile _file = MemoryMappedFile.CreateNew(null, (long)(4 * Machine.GiB + Ring));
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _bytes;

    public GuestRam()
    {
        _view = _file.CreateViewAccessor();
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _bytes);
        Memory.Add(0, _bytes, 2 * Machine.GiB);
        Memory.Add(4 * Machine.GiB, _bytes + 2 * Machine.GiB, 2 * Machine.GiB + Ring);
    }

    /// <summary>The RAM as devices reach it.</summary>
    public GuestMemory Memory { get; } = new();

    /// <summary>A device's ring, as the guest's own code sees it.</summary>
    public Span<Descriptor> RingOf(int device) =>
        new(_bytes + 4 * Machine.GiB + (ulong)device * Machine.RingBytes, Machine.RingEntries);

    public void Dispose()
    {
        Memory.Dispose();
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}

/// <summary>Counts what reaches it, by bank and register.</summary>
internal sealed class InterruptController : IMsiSink
{
    private readonly long[] _asserted = new long[8 * 8];

    public long Count => _asserted.Sum();

    public void Deliver(in MsiMessage message)
    {
        if (MsiDecoder.TryDecode(MpicVersion.Mpic20, message, out MsiInterrupt interrupt))
        {
            Interlocked.Increment(ref _asserted[message.Bank * 8 + interrupt.Register]);
        }
    }
}

/// <summary>A device: fetches descriptors up to the doorbell, does what they say, writes their status back.</summary>
internal sealed class Device
{
    private readonly PamuEngine _engine;
    private readonly GuestRam _ram;
    private readonly InterruptController _interrupts;
    private readonly Thread _thread;
    private readonly uint _liodn;
    private volatile bool _stop;
    private uint _tail;
    private uint _completed;

    public Device(int number, PamuEngine engine, GuestRam ram, InterruptController interrupts, string trace)
    {
        Number = number;
        _engine = engine;
        _ram = ram;
        _interrupts = interrupts;
        _liodn = 0x50 + (uint)number;
        _thread = new Thread(Run) { Name = $"device {number}" };

        Container = engine.CreateContainer();
        Container.SetIommu(PamuPlatform.DefaultPamuExtension);
        Container.SetGeometry(0, Machine.ApertureLast);
        Container.SetWindows(Machine.Windows);
        Container.MapDma(Machine.RingAt + (ulong)number * Machine.RingBytes, Machine.RingAt, Machine.RingBytes, DmaPermissions.ReadWrite);
        for (uint bank = 0; bank < 2; bank++)
        {
            Container.MapMsiBank(bank, Machine.MessagesAt + bank * Machine.WindowBytes);
        }

        engine.CreateGroup(number + 1, [(int)_liodn], [0, 1]).Attach(Container);
        Driver = new Driver(this, Trace.Read(trace));
    }

    public int Number { get; }

    public PamuContainer Container { get; }

    public Driver Driver { get; }

    public long Reads { get; private set; }

    public long Writes { get; private set; }

    public long Messages { get; private set; }

    public long Refused { get; private set; }

    public long Bytes { get; private set; }

    public Span<Descriptor> Ring => _ram.RingOf(Number);

    /// <summary>What the device has completed; its descriptors' status was written before.</summary>
    public uint Completed => Volatile.Read(ref _completed);

    public void RingDoorbell(uint tail) => Volatile.Write(ref _tail, tail);

    public void Start() => _thread.Start();

    public void Stop()
    {
        _stop = true;
        _thread.Join();
    }

    /// <summary>Translation alone: every request once, in a section each, with all RAM mapped. Nanoseconds, the best of five passes.</summary>
    public double TimeTranslation()
    {
        Container.UnmapDma(0, Machine.RingAt);
        Container.MapDma(0, 0, 2 * Machine.GiB, DmaPermissions.ReadWrite);
        Container.MapDma(4 * Machine.GiB, 4 * Machine.GiB, 2 * Machine.GiB, DmaPermissions.ReadWrite);
        using PamuReader reader = _engine.CreateReader("timing");
        double best = double.MaxValue;
        for (int pass = 0; pass < 5; pass++)
        {
            best = Math.Min(best, TimePass(reader));
        }

        return best;
    }

    private double TimePass(PamuReader reader)
    {
        ReadOnlySpan<Request> requests = Driver.Requests;
        int hits = 0;
        long began = Stopwatch.GetTimestamp();
        foreach (ref readonly Request next in requests)
        {
            ulong length = next.Op == Op.Message ? 4 : next.Length;
            hits += reader.Translate(_liodn, next.Iova, length, next.Op == Op.Read ? DmaAccess.Read : DmaAccess.Write).IsHit ? 1 : 0;
        }

        double nanoseconds = Stopwatch.GetElapsedTime(began).TotalNanoseconds / requests.Length;
        return hits > 0 ? nanoseconds : throw new InvalidOperationException("nothing was translated");
    }

    private void Run()
    {
        using PamuReader reader = _engine.CreateReader();
        var port = new DmaPort(reader, _liodn, _ram.Memory, _interrupts);
        byte[] buffer = new byte[2 << 20]; // what the device holds: larger than any request
        Descriptor work = default;
        for (uint head = 0; !_stop;)
        {
            if (head == Volatile.Read(ref _tail))
            {
                Thread.Yield();
                continue;
            }

            ulong at = Machine.RingAt + (ulong)(head % Machine.RingEntries * Marshal.SizeOf<Descriptor>());
            if (!port.Read(at, MemoryMarshal.AsBytes(new Span<Descriptor>(ref work))).IsOk)
            {
                throw new InvalidOperationException("a ring that is not mapped");
            }

            Status status = Do(port, work, buffer) ? Status.Done : Status.Refused;
            Refused += status == Status.Refused ? 1 : 0;
            port.Write(at + (ulong)Marshal.OffsetOf<Descriptor>(nameof(Descriptor.Status)), MemoryMarshal.AsBytes(new Span<Status>(ref status)));
            Volatile.Write(ref _completed, ++head);
        }
    }

    private bool Do(DmaPort port, Descriptor work, byte[] buffer)
    {
        Span<byte> bytes = buffer.AsSpan(0, work.Op == Op.Message ? 4 : (int)work.Length);
        if (work.Op == Op.Message)
        {
            MemoryMarshal.Write(bytes, work.Length);
        }

        bool ok = (work.Op == Op.Read ? port.Read(work.Iova, bytes) : port.Write(work.Iova, bytes)).IsOk;
        if (ok && work.Op == Op.Message)
        {
            Messages++;
        }
        else if (ok)
        {
            Bytes += bytes.Length;
            Reads += work.Op == Op.Read ? 1 : 0;
            Writes += work.Op == Op.Write ? 1 : 0;
        }

        return ok;
    }
}

/// <summary>The guest's driver of one device: posts requests, looks after windows, reaps completions. Runs on the vCPU thread.</summary>
internal sealed class Driver(Device device, Request[] requests)
{
    private readonly int[] _inFlight = new int[Machine.Windows];
    private readonly long[] _lastUse = new long[Machine.Windows]; // 0: not mapped
    private int _mapped;

    public ReadOnlySpan<Request> Requests => requests;

    public int Posted { get; private set; }

    public int Reaped { get; private set; }

    public long ExpectedRefusals { get; private set; }

    public long Wrong { get; private set; }

    public bool CanPost => Posted < requests.Length && Posted - Reaped < Machine.RingEntries;

    /// <summary>Puts one request into the ring: a row of the recording, or, now and then, one that must be refused.</summary>
    /// <returns>False if it has to wait for a window.</returns>
    public bool TryPost(long tick, Vcpu vcpu)
    {
        Request next = requests[Posted];
        if (next.Op != Op.Message && !next.IsRogue)
        {
            (int first, int last) = WindowsOf(next);
            for (int window = first; window <= last; window++)
            {
                if (!TryMap(window, tick, vcpu))
                {
                    while (window-- > first)
                    {
                        _inFlight[window]--;
                    }

                    return false;
                }

                _inFlight[window]++;
            }
        }

        device.Ring[Posted % Machine.RingEntries] = new Descriptor { Iova = next.Iova, Length = next.Length, Op = next.Op };
        device.RingDoorbell((uint)++Posted);
        return true;
    }

    /// <summary>Takes back what the device has completed, and looks at the status it wrote.</summary>
    public void Reap()
    {
        for (uint completed = device.Completed; (uint)Reaped != completed; Reaped++)
        {
            Request asked = requests[Reaped];
            ExpectedRefusals += asked.IsRogue ? 1 : 0;
            Wrong += device.Ring[Reaped % Machine.RingEntries].Status == (asked.IsRogue ? Status.Refused : Status.Done) ? 0 : 1;
            if (asked.Op != Op.Message && !asked.IsRogue)
            {
                (int first, int last) = WindowsOf(asked);
                for (int window = first; window <= last; window++)
                {
                    _inFlight[window]--;
                }
            }
        }
    }

    private static (int First, int Last) WindowsOf(Request request) =>
        ((int)(request.Iova >> Machine.WindowShift), (int)((request.Iova + request.Length - 1) >> Machine.WindowShift));

    /// <summary>Maps a window, and unmaps the one that was not used for longest if the device has its share.</summary>
    /// <returns>False if all are in use.</returns>
    private bool TryMap(int window, long tick, Vcpu vcpu)
    {
        if (_lastUse[window] == 0)
        {
            if (_mapped == Machine.WindowsAllowed)
            {
                int oldest = -1;
                for (int i = 0; i < Machine.Windows; i++)
                {
                    if (_lastUse[i] != 0 && _inFlight[i] == 0 && (oldest < 0 || _lastUse[i] < _lastUse[oldest]))
                    {
                        oldest = i;
                    }
                }

                if (oldest < 0)
                {
                    return false;
                }

                vcpu.Unmap(device.Container, (ulong)oldest * Machine.WindowBytes);
                _lastUse[oldest] = 0;
                _mapped--;
            }

            vcpu.Map(device.Container, (ulong)window * Machine.WindowBytes);
            _mapped++;
        }

        _lastUse[window] = tick;
        return true;
    }
}

/// <summary>The vCPU: runs the driver of both devices until every request has come back.</summary>
internal sealed class Vcpu(Device[] devices)
{
    public long Maps { get; private set; }

    public long Unmaps { get; private set; }

    public TimeSpan UnmapTotal { get; private set; }

    public TimeSpan UnmapWorst { get; private set; }

    public void Run()
    {
        int all = devices.Sum(static device => device.Driver.Requests.Length);
        int left = all;
        for (long tick = 1; left > 0; tick++)
        {
            int before = left;
            left = 0;
            foreach (Device device in devices)
            {
                Driver driver = device.Driver;
                driver.Reap();
                while (driver.CanPost && driver.TryPost(tick, this))
                {
                }

                left += driver.Requests.Length - driver.Reaped;
            }

            if (left == before)
            {
                Thread.Yield();
            }

            if (tick % 4096 == 0 && !Console.IsErrorRedirected)
            {
                Console.Error.Write($"\r{100.0 * (all - left) / all:f0} %");
            }
        }

        if (!Console.IsErrorRedirected)
        {
            Console.Error.Write("\r     \r");
        }
    }

    public void Map(PamuContainer container, ulong iova)
    {
        container.MapDma(vaddr: iova, iova, Machine.WindowBytes, DmaPermissions.ReadWrite);
        Maps++;
    }

    /// <summary>The grace period is in it: when it returns, no device uses the window any more.</summary>
    public void Unmap(PamuContainer container, ulong iova)
    {
        long began = Stopwatch.GetTimestamp();
        container.UnmapDma(iova, Machine.WindowBytes);
        TimeSpan took = Stopwatch.GetElapsedTime(began);
        UnmapTotal += took;
        UnmapWorst = took > UnmapWorst ? took : UnmapWorst;
        Unmaps++;
    }
}

/// <summary>Recordings: <c>time_ns,device,op,addr,len</c>.</summary>
internal static class Trace
{
    /// <summary>The rows as requests. After every thousandth comes one that must be refused.</summary>
    public static Request[] Read(string path)
    {
        using Stream file = path.EndsWith(".gz", StringComparison.Ordinal)
            ? new GZipStream(File.OpenRead(path), CompressionMode.Decompress)
            : File.OpenRead(path);
        using var reader = new StreamReader(file);
        var requests = new List<Request>();
        reader.ReadLine();
        for (int row = 0; reader.ReadLine() is string line; row++)
        {
            string[] columns = line.Split(',');
            ulong address = ulong.Parse(columns[3], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            uint length = uint.Parse(columns[4], CultureInfo.InvariantCulture);
            requests.Add(columns[2] switch
            {
                "R" => new(address, length, Op.Read),
                "W" => new(address, length, Op.Write),

                // Recorded at 0xfee0N000, N the cpu: a bank for each.
                _ => new(Machine.MessagesAt + ((address >> 12) - 1) % 2 * Machine.WindowBytes + MsiDecoder.Msiir, length, Op.Message),
            });
            if (row % 1000 == 999)
            {
                requests.Add(new(Machine.Rogue, 4, Op.Write));
            }
        }

        return [.. requests];
    }
}
