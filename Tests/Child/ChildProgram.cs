using System.Globalization;
using PamuFastPath.Tests.Concurrency;
using PamuFastPath.Tests.Native;
using PamuFastPath.Tests.Vfio;

namespace PamuFastPath.Tests.Child;

/// <summary>
/// The test assembly run by itself: what must happen in a process of its own, because it may crash on purpose or needs runtime switches.
/// </summary>
public static class ChildProgram
{
    private const int Readers = 2;

    public static int Main(string[] args) => args switch
    {
        ["fast-path-probe"] => FastPathProbe.Run(),
        ["stress", string protocol, string seconds] => Stress(protocol == "without-grace", Duration(seconds)),
        ["unmapped-memory", string protocol, string seconds] => UnmappedMemory(protocol == "without-grace", Duration(seconds)),
        ["failing-sink"] when OperatingSystem.IsLinux() => DeviceChild.FailingSink(),
        ["device-cycles", string cycles] when OperatingSystem.IsLinux() => DeviceChild.Cycles(Number(cycles)),
        ["table-dump", string path, string tables, string probes] => DumpTables(path, Number(tables), Number(probes)),
        ["native-agreement", string library, string shim, string accesses, string seed] =>
            NativePrograms.Agreement(library, shim, Number(accesses), Number(seed)),
        ["native-conform", string library, string shim, .. string[] files] => NativePrograms.Conform(library, shim, files),
        _ => throw new ArgumentException($"no child command '{string.Join(' ', args)}'"),
    };

    private static TimeSpan Duration(string seconds) => TimeSpan.FromSeconds(Number(seconds));

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static int DumpTables(string path, int tables, int probes)
    {
        TableDump.Write(path, tables, probes, seed: 1);
        return 0;
    }

    private static int Stress(bool withoutGrace, TimeSpan duration)
    {
        using var stress = new PublicationStress(withoutGrace);
        (string? violation, long sections, long publications) = stress.Run(duration, Readers);
        Console.WriteLine($"{sections:N0} sections, {publications:N0} publications: {violation ?? "no violation"}");
        return violation == null ? 0 : 1;
    }

    private static int UnmappedMemory(bool withoutGrace, TimeSpan duration)
    {
        using var stress = new UnmappedMemoryStress(withoutGrace);
        (long reads, long unmaps) = stress.Run(duration, Readers);
        Console.WriteLine($"{reads:N0} reads through translations, {unmaps:N0} unmaps, nothing touched after one");
        return 0;
    }
}
