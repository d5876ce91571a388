using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace PamuFastPath.Bench.Measure;

/// <summary>What figures were measured on, and when. Figures of different machines are not compared.</summary>
internal sealed record Machine(string Cpu, int Cores, string Isa, string Runtime, string Os, string Date)
{
    internal static Machine Here() => new(
        CpuModel(),
        Environment.ProcessorCount,
        WidestIsa(),
        RuntimeInformation.FrameworkDescription,
        RuntimeInformation.OSDescription,
        DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));

    /// <summary>The commit the engine was built from, as the SDK wrote it into the assembly; "unknown" outside a repository.</summary>
    internal static string Commit()
    {
        string? version = typeof(PamuEngine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
        return version?.Split('+') is [_, { Length: >= 12 } commit] ? commit[..12] : "unknown";
    }

    private static string CpuModel()
    {
        const string CpuInfo = "/proc/cpuinfo";
        string? line = File.Exists(CpuInfo)
            ? File.ReadLines(CpuInfo).FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return line?[(line.IndexOf(':') + 1)..].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }

    private static string WidestIsa() =>
        Vector512.IsHardwareAccelerated ? "AVX-512"
        : Avx2.IsSupported ? "AVX2"
        : Vector128.IsHardwareAccelerated ? $"{RuntimeInformation.ProcessArchitecture} 128-bit"
        : "scalar";
}
