using System.Runtime.Intrinsics.X86;

namespace PamuFastPath.Tests.PlantedBugs;

/// <summary>What the processor at hand can do, of what a bug may need to be seen.</summary>
internal static class Processor
{
    private static readonly Dictionary<string, bool> Features = new()
    {
        ["AVX2"] = Avx2.IsSupported,
        ["AVX-512"] = Avx512F.IsSupported,
        ["AVX-512 VBMI"] = Avx512Vbmi.IsSupported,
    };

    /// <summary>Whether there is such a feature at all.</summary>
    internal static bool Knows(string feature) => Features.ContainsKey(feature);

    /// <summary>Whether a bug that needs it can be seen here.</summary>
    internal static bool Has(string? feature) => feature == null || Features[feature];
}
