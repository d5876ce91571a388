using System.Runtime.Versioning;

namespace PamuFastPath.Interop;

public abstract partial class VfioMirror
{
    private const uint Type1v2 = Type1Mirror.Extension;

    /// <summary>
    /// Opens the host's VFIO with the IOMMU it offers: TYPE1v2. Holds nothing yet: bind groups
    /// (<see cref="Bind"/>), then bind this to a container (<see cref="PamuContainer.BindHardware"/>), which owns it from then on.
    /// </summary>
    /// <param name="options">What the host is, and how it is used; null for the defaults.</param>
    /// <exception cref="PamuException">
    /// ENODEV: no IOMMU we know, or another version of VFIO. ENOENT, EACCES and others: <c>/dev/vfio/vfio</c> does not open.
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

            return Offers(Type1v2)
                ? new Type1Mirror(kernel) { MergeNeighbours = options.MergeNeighbours }
                : throw new PamuException(
                    Errno.ENODEV,
                    "iommu",
                    "the kernel offers TYPE1v2 (modprobe vfio_iommu_type1, on a host with an IOMMU that is switched on)");
        }
        catch
        {
            kernel.Dispose();
            throw;
        }

        bool Offers(uint extension) => kernel.Ioctl(PamuRequests.CheckExtension, extension) > 0;
    }
}
