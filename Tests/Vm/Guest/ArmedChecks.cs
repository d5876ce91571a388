// Unsafe: owns memory that devices write to; it stays until the container that maps it is disposed.

using System.Runtime.InteropServices;
using PamuFastPath.Interop;
using static PamuFastPath.Tests.Vm.Guest.Report;

namespace PamuFastPath.Tests.Vm.Guest;

/// <summary>
/// Rights taken away while transfers are armed: a device that still runs when the call has returned makes its access after it, and must meet
/// nothing. One that was done before shows nothing and is not counted.
/// </summary>
internal static unsafe class ArmedChecks
{
    private const int ArmedWanted = 100;
    private const int RoundsMax = 200;
    private const int Count = 1000;
    private const byte Canary = 0x5A;
    private const byte InDevice = 0xA5;

    public static void Run(Report report, Machine machine)
    {
        report.Check("armed.unmap.write", () => Rounds(machine, Write));
        report.Check("armed.unmap.read", () => Rounds(machine, Read));
    }

    public static void RunAlone(Report report, IReadOnlyList<HostGroup> groups) => report.Check("armed.dispose.write", () => Dispose(groups));

    private static string Rounds(Machine machine, Func<Machine, Window, int> round)
    {
        // The biggest window's memory, mapped a second time where nothing was.
        Window source = machine.Windows.First(static window => window.Index == 7);
        var window = new Window(Machine.UnmappedWindow, 1 << 20, DmaPermissions.Read | DmaPermissions.Write, source.Place);
        int armed = 0;
        int rounds = 0;
        while (armed < ArmedWanted)
        {
            Require(rounds++ < RoundsMax, $"only {armed} transfers were armed when the unmap returned, in {RoundsMax} rounds");
            machine.Map(window);
            armed += round(machine, window);
        }

        return $"{armed} armed transfers in {rounds} rounds, not one byte";
    }

    private static int Write(Machine machine, Window window)
    {
        for (int i = 0; i < machine.Devices.Count; i++)
        {
            machine.Devices[i].Start(DmaAccess.Write, window.Iova + (ulong)i * 4096, 0, Count);
        }

        RequireEqual(window.Size, machine.Container.UnmapDma(window.Iova, window.Size), "bytes unmapped");
        int armed = machine.Devices.Count(static edu => edu.IsRunning);

        // What came before is legitimate; the model takes it over.
        Span<byte> place = machine.Memory.Slice((int)window.Place, (int)window.Size);
        place.CopyTo(machine.Model[(int)window.Place..]);
        machine.Devices.ForEach(static edu => edu.Finish());
        machine.RequireMemoryAsModel("an unmap with armed writes");
        return armed;
    }

    private static int Read(Machine machine, Window window)
    {
        byte[] bytes = new byte[(int)window.Size];
        Array.Fill(bytes, InDevice);
        machine.Put(window.Place, bytes);
        ulong first = machine.Windows[0].Iova;
        foreach (Edu edu in machine.Devices)
        {
            edu.Start(DmaAccess.Read, window.Iova, 0, Edu.BufferBytes); // buffers of one known value
            machine.Engine.Faults.TryTake(out _);
        }

        machine.Devices.ForEach(static edu => edu.Finish());
        for (int i = 0; i < machine.Devices.Count; i++)
        {
            machine.Devices[i].Start(DmaAccess.Read, window.Iova + (ulong)i * 4096, 0, Count);
        }

        machine.Container.UnmapDma(window.Iova, window.Size);
        Array.Fill(bytes, Canary);
        machine.Put(window.Place, bytes); // from here on there is something that must not be seen
        int armed = machine.Devices.Count(static edu => edu.IsRunning);
        machine.Devices.ForEach(static edu => edu.Finish());
        for (int i = 0; i < machine.Devices.Count; i++)
        {
            machine.Devices[i].Start(DmaAccess.Write, first + (ulong)i * 4096, 0, Edu.BufferBytes);
        }

        machine.Devices.ForEach(static edu => edu.Finish());
        int place = (int)machine.Windows[0].Place;
        for (int i = 0; i < machine.Devices.Count; i++)
        {
            Span<byte> seen = machine.Memory.Slice(place + i * 4096, Edu.BufferBytes);
            Require(!seen.Contains(Canary), $"{machine.Devices[i].Device.Name} read memory after its unmap");
            Require(seen[Count..].IndexOfAnyExcept(InDevice) < 0, $"{machine.Devices[i].Device.Name}: the rest of its buffer has changed");
            seen.CopyTo(machine.Devices[i].Buffer);
            machine.Put((ulong)(place + i * 4096), machine.Devices[i].Buffer);
        }

        machine.RequireMemoryAsModel("an unmap with armed reads");
        return armed;
    }

    private static string Dispose(IReadOnlyList<HostGroup> groups)
    {
        const int Wanted = 10;
        const int Size = 1 << 16;
        byte* memory = (byte*)NativeMemory.AlignedAlloc(Size, 4096);
        var seen = new Span<byte>(memory, Size);
        try
        {
            int armed = 0;
            int rounds = 0;
            while (armed < Wanted)
            {
                Require(rounds++ < RoundsMax, $"only {armed} transfers were armed when the container was closed, in {RoundsMax} rounds");
                seen.Fill(Canary);
                using var engine = new PamuEngine();
                PamuContainer container = engine.CreateContainer();
                container.SetGeometry(0, Machine.ApertureLast);
                container.SetWindows(Machine.WindowCount);
                VfioMirror mirror = VfioMirror.Open();
                container.BindHardware(mirror);
                container.MapDma((ulong)memory, 0, Size, DmaPermissions.Read | DmaPermissions.Write);
                var devices = new List<Edu>();
                foreach (HostGroup host in groups.Take(4))
                {
                    PamuGroup group = engine.CreateGroup(host.Id, [host.Id], []);
                    mirror.Bind(group, host.Id);
                    group.Attach(container);
                    devices.Add(new Edu(mirror.OpenDevice(host.Id, host.Devices[0].Name), (uint)host.Id));
                }

                for (int i = 0; i < devices.Count; i++)
                {
                    devices[i].Start(DmaAccess.Write, (ulong)i * 4096, 0, Count);
                }

                container.Dispose(); // with the devices open
                armed += devices.Count(static edu => edu.IsRunning);
                byte[] then = seen.ToArray();
                devices.ForEach(static edu => edu.Finish());
                Require(seen.SequenceEqual(then), "a byte arrived after the container was closed");
                devices.ForEach(static edu => edu.Dispose());
            }

            return $"{armed} armed transfers in {rounds} rounds, not one byte";
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }
}
