// Unsafe: owns the memory that the cycles map; it stays until they are over.

using System.Runtime.InteropServices;
using PamuFastPath.Interop;
using static PamuFastPath.Tests.Vm.Guest.Report;

namespace PamuFastPath.Tests.Vm.Guest;

/// <summary>Attaching and detaching leaves nothing behind: descriptors, mappings, threads, locked or pinned pages.</summary>
internal static unsafe class CycleChecks
{
    private const int Cycles = 1000;
    private const int Warmup = 20;
    private const int DmaEvery = 100;
    private const int PerContainer = 10;
    private const ulong Bytes = 1 << 16;

    /// <summary>What the process holds.</summary>
    private sealed record Holdings(string Files, int DeviceMaps, int InterruptThreads, string Locked, string Pinned)
    {
        public override string ToString() =>
            $"{Files.Count(static one => one == ' ') + 1} kinds of files, {DeviceMaps} device mappings, {InterruptThreads} interrupt threads, "
            + $"locked {Locked}, pinned {Pinned}";

        public bool IsMoreThan(Holdings other) => Files != other.Files && DeviceMaps > other.DeviceMaps
            && InterruptThreads > other.InterruptThreads && Locked != other.Locked;
    }

    private sealed class NoSink : IMsiSink
    {
        public void Deliver(in MsiMessage message)
        {
        }
    }

    public static void Run(Report report, IReadOnlyList<HostGroup> groups) => report.Check("cycles.attach-detach", () =>
    {
        byte* memory = (byte*)NativeMemory.AlignedAlloc((nuint)Bytes, 4096);
        new Span<byte>(memory, (int)Bytes).Fill(0x11);
        try
        {
            Turn(groups, memory, Warmup);
            Holdings before = Held();
            (int cycles, Holdings during) = Turn(groups, memory, Cycles);
            Holdings after = Held();
            Require(during.IsMoreThan(before), $"an attached group does not show in {during}: the check would see no leak");
            Require(before == after, $"before: {before} ({before.Files}); after: {after} ({after.Files})");
            return $"{cycles} cycles; before and after: {before}; while attached: {during}";
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    });

    private static (int Cycles, Holdings During) Turn(IReadOnlyList<HostGroup> groups, byte* memory, int cycles)
    {
        Holdings? during = null;
        int done = 0;
        while (done < cycles)
        {
            using var engine = new PamuEngine();
            PamuContainer container = engine.CreateContainer();
            container.SetGeometry(0, Machine.ApertureLast);
            container.SetWindows(Machine.WindowCount);
            VfioMirror mirror = VfioMirror.Open();
            container.BindHardware(mirror);
            container.MapDma((ulong)memory, 0, Bytes / 2, DmaPermissions.Read | DmaPermissions.Write);
            container.MapDma((ulong)memory + Bytes / 2, Machine.WindowBytes, Bytes / 2, DmaPermissions.Read);
            PamuGroup[] pair = [Group(engine, mirror, groups[0]), Group(engine, mirror, groups[^1])];
            for (int i = 0; i < PerContainer && done < cycles; i++, done++)
            {
                pair[0].Attach(container);
                pair[1].Attach(container);
                using (var edu = new Edu(mirror.OpenDevice(groups[0].Id, groups[0].Devices[0].Name), (uint)groups[0].Id))
                {
                    var message = new MsiMessage(edu.Liodn, 0, 0x140, 0);
                    using VfioInterrupts interrupts = edu.Device.EnableInterrupts(VfioInterruptKind.Msi, [message], new NoSink());
                    RequireEqual(Edu.Identification, edu.Id, $"cycle {done + 1}: identification");
                    if (done % DmaEvery == 0)
                    {
                        memory[0] = (byte)(done / DmaEvery);
                        edu.Start(DmaAccess.Read, 0, 0, 1);
                        edu.Finish();
                        edu.Start(DmaAccess.Write, 100, 0, 1);
                        edu.Finish();
                        RequireEqual(memory[0], memory[100], $"cycle {done + 1}: a byte through the device");
                    }

                    during ??= Held();
                }

                pair[0].Detach();
                pair[1].Detach();
            }

            container.Dispose();
        }

        return (done, during!);
    }

    private static PamuGroup Group(PamuEngine engine, VfioMirror mirror, HostGroup host)
    {
        PamuGroup group = engine.CreateGroup(host.Id, [host.Id], []);
        mirror.Bind(group, host.Id);
        return group;
    }

    private static Holdings Held()
    {
        IEnumerable<string> files = Directory.GetFiles("/proc/self/fd")
            .Select(static file => File.ResolveLinkTarget(file, false)?.FullName ?? "")
            .Where(static file => file.Length > 0 && !file.StartsWith("/proc/", StringComparison.Ordinal));
        string[] status = File.ReadAllLines("/proc/self/status");
        return new Holdings(
            string.Join(' ', files.CountBy(static file => file)
                .OrderBy(static one => one.Key, StringComparer.Ordinal)
                .Select(static one => $"{one.Value}x{Path.GetFileName(one.Key)}")),
            File.ReadLines("/proc/self/maps").Count(static line => line.Contains("vfio", StringComparison.Ordinal)),
            Directory.GetDirectories("/proc/self/task").Count(static task => CommandOf(task).StartsWith("irq ", StringComparison.Ordinal)),
            Value("VmLck:"),
            Value("VmPin:"));

        string Value(string name) => status.Single(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..].Trim();
    }

    private static string CommandOf(string task)
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, "comm"));
        }
        catch (IOException)
        {
            return ""; // ended meanwhile
        }
    }
}
