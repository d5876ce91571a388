using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace PamuFastPath.Tests.PlantedBugs;

/// <summary>Which kernels run on the processor at hand, of those that a bug may need to be seen; as <c>BatchKernel</c> decides it.</summary>
internal static class Processor
{
    private static readonly Dictionary<string, bool> Features = new()
    {
        ["AVX2"] = Vector256.IsHardwareAccelerated && Avx2.IsSupported,
        ["AVX-512"] = Vector512.IsHardwareAccelerated && Avx512F.IsSupported,
        ["AVX-512 VBMI"] = Vector512.IsHardwareAccelerated && Avx512Vbmi.IsSupported,
    };

    /// <summary>Whether there is such a feature at all.</summary>
    internal static bool Knows(string feature) => Features.ContainsKey(feature);

    /// <summary>Whether a bug that needs it can be seen here.</summary>
    internal static bool Has(string? feature) => feature == null || Features[feature];
}
