using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace PamuFastPath.Bench.Measure;

/// <summary>Where and when figures were taken: without it they mean nothing.</summary>
internal sealed record Machine(string Name, string Cpu, int Cores, string Isa, string Runtime, string Os, DateTimeOffset Date)
{
    internal static Machine Current() => new(
        Environment.MachineName,
        CpuModel(),
        Environment.ProcessorCount,
        WidestVectors(),
        RuntimeInformation.FrameworkDescription,
        RuntimeInformation.OSDescription,
        DateTimeOffset.UtcNow);

    public override string ToString() => $"{Name}: {Cpu}, {Cores} cores, {Isa}, {Runtime}, {Os}, {Date:yyyy-MM-dd HH:mm} UTC";

    private static string WidestVectors() =>
        Vector512.IsHardwareAccelerated ? "AVX-512"
        : Vector256.IsHardwareAccelerated ? "AVX2"
        : Vector128.IsHardwareAccelerated ? "128-bit vectors"
        : "scalar";

    private static string CpuModel()
    {
        const string Key = "model name";
        string? line = File.Exists("/proc/cpuinfo")
            ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith(Key, StringComparison.Ordinal))
            : Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER");
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
