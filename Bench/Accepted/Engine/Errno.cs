namespace PamuFastPath;

/// <summary>
/// The Linux errno values the control layer answers with (positive; the byte doors return them negated).
/// Source: the error table of the VFIO-PAMU ABI. With hardware bound, a call may answer any errno of its kernel.
/// </summary>
public enum Errno
{
    /// <summary>The call succeeded.</summary>
    Ok = 0,

    /// <summary>The kernel's: not permitted; a VFIO group that is not viable.</summary>
    EPERM = 1,

    /// <summary>The kernel's: no such file; a VFIO group whose devices no VFIO driver has.</summary>
    ENOENT = 2,

    /// <summary>The kernel's: input or output failed, or fewer bytes came than belong there.</summary>
    EIO = 5,

    /// <summary>The kernel's: no such device or address.</summary>
    ENXIO = 6,

    /// <summary>A descriptor number that names no container.</summary>
    EBADF = 9,

    /// <summary>A limit is exceeded.</summary>
    ENOMEM = 12,

    /// <summary>The kernel's: access to a file is denied.</summary>
    EACCES = 13,

    /// <summary>Argument memory is null or not accessible, or the page source cannot supply the memory behind a <c>vaddr</c>.</summary>
    EFAULT = 14,

    /// <summary>A window or range is already mapped, the domain is enabled, or something is taken.</summary>
    EBUSY = 16,

    /// <summary>The kernel's: the IOMMU holds a map there.</summary>
    EEXIST = 17,

    /// <summary>A snapshot was made on another platform.</summary>
    EXDEV = 18,

    /// <summary>No such MSI bank or IOMMU type, or a window is mapped before the window count was set.</summary>
    ENODEV = 19,

    /// <summary>An argument has a bad size, alignment, range, flag or order.</summary>
    EINVAL = 22,

    /// <summary>An unknown request, or an IOMMU call on a container without a PAMU IOMMU.</summary>
    ENOTTY = 25,

    /// <summary>The kernel's: the IOMMU holds as many maps as it may.</summary>
    ENOSPC = 28,

    /// <summary>The call would wait for a reader section, or a transaction, of its own thread.</summary>
    EDEADLK = 35,

    /// <summary>The kernel's answer contradicts itself, or what was given, a snapshot or a C header, is of a version that this library does not know.</summary>
    EPROTO = 71,
}
