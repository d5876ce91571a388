using System.Runtime.Versioning;
using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Vfio;

/// <summary>Device tests that need a process of their own.</summary>
[SupportedOSPlatform("linux")]
internal static class DeviceChild
{
    private static readonly MsiMessage[] Messages = [new(0x42, 0, MsiDecoder.Msiir, 0), new(0x42, 0, MsiDecoder.Msiir, 1)];

    /// <summary>A sink that throws, and nobody to tell.</summary>
    internal static int FailingSink()
    {
        using var fake = new FakeDevice();
        File.Delete(fake.Backing); // there will be no Dispose
        using VfioDevice device = fake.Open();
        device.EnableInterrupts(VfioInterruptKind.Msi, Messages, new RecordingSink(_ => throw new InvalidOperationException("the sink cannot")));
        fake.Fire(VfioInterruptKind.Msi);
        Thread.Sleep(TimeSpan.FromSeconds(60)); // ended by the exception
        Console.WriteLine("survived");
        return 0;
    }

    /// <summary>Opens a device, maps, takes an interrupt, and disposes, again and again; then counts what is left.</summary>
    internal static int Cycles(int cycles)
    {
        int messages = Cycle(0, true) + Cycle(1, false) + Cycle(2, true) - 3; // what the runtime opens, it opens now
        string before = Held();
        string open = "";
        Cycle(3, true, () => open = Held());
        for (int i = 0; i < cycles; i++)
        {
            messages += Cycle(i, i % 2 == 0);
        }

        // A thread that was joined may still be on its way out of the kernel's list.
        string after = Held();
        SpinWait.SpinUntil(() => (after = Held()) == before, TimeSpan.FromSeconds(30));
        Console.WriteLine($"{cycles} cycles, {messages} messages; before: {before}; open: {open}; after: {after}");
        return before == after && open.EndsWith("1 threads, 1 mappings", StringComparison.Ordinal) ? 0 : 1;
    }

    private static int Cycle(int cycle, bool disposesInterrupts, Action? whileOpen = null)
    {
        using var fake = new FakeDevice();
        fake.Regions[0] = FakeDevice.Answer(FakeDevice.ReadWrite | VfioDeviceAbi.RegionMap, 0x4000, 0);
        using VfioDevice device = fake.Open();
        using VfioMapping mapping = device.Region(0).Map(0x1000, 0x2000);
        mapping.Write32(0, (uint)cycle);
        var sink = new RecordingSink();
        VfioInterrupts interrupts = device.EnableInterrupts(VfioInterruptKind.Msi, Messages, sink);
        fake.Fire(VfioInterruptKind.Msi, cycle % 2);
        sink.WaitFor(1);
        whileOpen?.Invoke();
        if (disposesInterrupts)
        {
            interrupts.Dispose();
        }

        return sink.Messages.Length;
    }

    private static string Held()
    {
        int files = Directory.GetFileSystemEntries("/proc/self/fd").Length;
        int threads = Directory.GetDirectories("/proc/self/task").Count(
            task => File.ReadAllText(Path.Combine(task, "comm")).StartsWith("irq ", StringComparison.Ordinal));
        int mappings = File.ReadLines("/proc/self/maps").Count(line => line.Contains("pamu-fake-", StringComparison.Ordinal));
        return $"{files} descriptors, {threads} threads, {mappings} mappings";
    }
}
