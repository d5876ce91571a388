using System.Runtime.InteropServices;

namespace PamuFastPath.Interop;

/// <summary>An IOMMU type or feature that CHECK_EXTENSION was asked for.</summary>
/// <param name="Number">Its number (<c>linux/vfio.h</c>).</param>
/// <param name="Name">What it is called there.</param>
/// <param name="IsOffered">Whether the kernel answered that it has it.</param>
public sealed record VfioExtension(uint Number, string Name, bool IsOffered);

/// <summary>What <c>/dev/vfio/vfio</c> offers.</summary>
/// <param name="Error">The errno of opening it, positive; 0 if it opened.</param>
/// <param name="ApiVersion">What GET_API_VERSION answered: 0 is the only version there is. Null if it did not open, or answered an error.</param>
/// <param name="Extensions">The extensions that were asked for, by number; none if it did not open.</param>
public sealed record VfioOffer(int Error, int? ApiVersion, IReadOnlyList<VfioExtension> Extensions)
{
    /// <summary>Whether VFIO answers as VFIO does.</summary>
    public bool IsUsable => Error == 0 && ApiVersion == 0;

    /// <summary>The error in words, as the C library has them.</summary>
    public string ErrorText => Marshal.GetPInvokeErrorMessage(Error);

    // 7 has two meanings: mainline kernels have the second sPAPR type there, the Freescale SDK's kernels the PAMU.
    private static readonly (uint Number, string Name)[] Known =
    [
        (1, "TYPE1"),
        (2, "SPAPR_TCE"),
        (3, "TYPE1v2"),
        (4, "DMA_CC"),
        (5, "EEH"),
        (6, "TYPE1_NESTING"),
        (7, "SPAPR_TCE_v2 or FSL_PAMU"),
        (8, "NOIOMMU"),
        (9, "UNMAP_ALL"),
    ];

    /// <summary>Nothing, because the file does not open.</summary>
    internal static VfioOffer None(int error) => new(error, null, []);

    /// <summary>Asks an open container.</summary>
    /// <param name="ioctl">Makes a request with an argument by value: 0 or a positive result, or a negative errno.</param>
    internal static VfioOffer Ask(Func<uint, nuint, long> ioctl)
    {
        long version = ioctl(PamuRequests.GetApiVersion, 0);
        return version < 0
            ? new VfioOffer(0, null, [])
            : new VfioOffer(
                0,
                (int)version,
                [.. Known.Select(known => new VfioExtension(known.Number, known.Name, ioctl(PamuRequests.CheckExtension, known.Number) > 0))]);
    }
}
