using System.Runtime.Versioning;

namespace PamuFastPath.Interop;

public abstract partial class VfioMirror
{
    private const uint Type1v2 = Type1Mirror.Extension;
    private const uint SpaprTce = 2;
    private const uint SpaprTceV2 = 7;

    /// <summary>
    /// Opens the host's VFIO with the IOMMU it offers: the PAMU where <see cref="VfioOptions.PamuExtension"/> names it, the kernel offers that number, and
    /// nothing it offers besides says that the number means something else; TYPE1v2 otherwise. Holds nothing yet: bind groups
    /// (<see cref="Bind"/>), then bind this to a container (<see cref="PamuContainer.BindHardware"/>), which owns it from then on.
    /// </summary>
    /// <param name="options">What the host is, and how it is used; null for the defaults.</param>
    /// <exception cref="PamuException">
    /// ENODEV: no IOMMU we know, or another version of VFIO. ENOENT, EACCES and others: <c>/dev/vfio/vfio</c> does not open, or not say what it offers.
    /// </exception>
    [SupportedOSPlatform("linux")]
    public static VfioMirror Open(VfioOptions? options = null)
    {
        VfioKernel.Open(out VfioKernel? kernel).ThrowIfRefused();
        return Open(kernel!, options ?? new VfioOptions());
    }

    /// <summary>The same with an open kernel, which the result owns; closed if there is none.</summary>
    internal static VfioMirror Open(IVfioKernel kernel, VfioOptions options)
    {
        try
        {
            long version = kernel.Ioctl(PamuRequests.GetApiVersion);
            if (version != 0)
            {
                throw new PamuException(Errno.ENODEV, "vfio", $"the kernel has version 0 of the VFIO API, not {version}");
            }

            // A PAMU's kernel has no page-table IOMMU, and SPAPR_TCE offers both of its numbers where a PAMU offers one.
            bool hasType1 = Offers(Type1v2);
            if (!hasType1 && options.PamuExtension is { } pamu && Offers(pamu) && !(Offers(SpaprTce) && Offers(SpaprTceV2)))
            {
                return new PamuMirror(kernel, pamu);
            }

            return hasType1
                ? new Type1Mirror(kernel) { MergeNeighbours = options.MergeNeighbours }
                : throw new PamuException(
                    Errno.ENODEV,
                    "iommu",
                    "the kernel offers TYPE1v2 (modprobe vfio_iommu_type1, on a host with an IOMMU that is switched on), or a PAMU where the options name it");
        }
        catch
        {
            kernel.Dispose();
            throw;
        }

        // A check that fails is no answer: taken for a no, it would make a PAMU of an IOMMU that is none.
        bool Offers(uint extension)
        {
            long answer = kernel.Ioctl(PamuRequests.CheckExtension, extension);
            if (answer < 0)
            {
                Refused(answer, "iommu", $"the kernel says whether it offers IOMMU type {extension}").ThrowIfRefused();
            }

            return answer > 0;
        }
    }
}
