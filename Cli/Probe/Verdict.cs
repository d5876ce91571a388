using PamuFastPath.Interop;

namespace PamuFastPath.Cli.Probe;

/// <summary>What a probe comes to, in a sentence: what can be bound here, or what is missing and what to do about it.</summary>
internal static class Verdict
{
    private const int NoSuchFile = 2; // ENOENT
    private const int NoAccess = 13; // EACCES
    private const string SwitchOn = "switch the IOMMU on in the firmware and for the kernel (intel_iommu=on; AMD and Arm have it on)";
    private const string Otherwise = "The software engine needs none of it.";

    public static string On(HostProbe probe)
    {
        if (VfioTrouble(probe) is { } trouble)
        {
            string more = probe is { IsLinux: true, Groups.Count: 0 } ? $" There is no IOMMU group either: {SwitchOn}." : "";
            return $"{trouble}{more} {Otherwise}";
        }

        string[] ready = [.. probe.Groups.Where(static offer => offer.IsReady).Select(static offer => $"{offer.Group.Id}")];
        return (probe.Groups.Count, ready) switch
        {
            (0, _) => $"VFIO is here, but no IOMMU group: {SwitchOn}. {Otherwise}",
            (_, []) => $"VFIO is here, but no group is ready for it; the table says what keeps each. {Otherwise}",
            _ => $"Ready for VFIO: group {string.Join(", ", ready)}.",
        };
    }

    /// <summary>Why nothing can be bound to VFIO here, and what to do, or null.</summary>
    public static string? VfioTrouble(HostProbe probe) => probe switch
    {
        { IsLinux: false } => "This is not Linux, and VFIO is Linux's: there is no hardware to bind to here.",
        { Vfio.IsUsable: true } => null,
        { Vfio.Error: NoSuchFile } => "There is no VFIO here (no /dev/vfio/vfio): run modprobe vfio-pci; in a container, pass /dev/vfio in.",
        { Vfio.Error: NoAccess } => "VFIO is here, but /dev/vfio/vfio may not be opened (Permission denied): run as root, or change its mode.",
        { Vfio.Error: not 0 } => $"VFIO cannot be used: opening /dev/vfio/vfio failed ({probe.Vfio.ErrorText}); is its module loaded (modprobe vfio-pci)?",
        { Vfio.ApiVersion: int version } => $"VFIO cannot be used: its API version is {version}, and 0 is the one known here.",
        _ => "/dev/vfio/vfio is not VFIO: it has no API version.",
    };
}
