namespace PamuFastPath.Interop;

/// <summary>What keeps a group of the host from VFIO, and what to do about it, in one line for a person.</summary>
internal static class GroupAdvice
{
    internal static string For(HostGroup? group)
    {
        if (group == null)
        {
            return "the host has such a group (/sys/kernel/iommu_groups), which takes an IOMMU that is switched on";
        }

        string devices = string.Join(", ", group.Devices.Select(static device => $"{device.Name} ({device.Driver ?? "no driver"})"));
        List<HostDevice> movable = [.. group.Blockers];
        if (movable.Count == 0 && !group.Devices.Any(static device => device.IsBoundToVfio))
        {
            movable = [.. group.Devices.Where(static device => device.Driver == null)];
        }

        string steps = string.Join("; ", movable.Select(Steps));
        return $"at least one of its devices is bound to vfio-pci and the others to no driver; group {group.Id} has {devices}"
            + (steps.Length > 0 ? $". To do: {steps}" : "");
    }

    private static string Steps(HostDevice device)
    {
        if (device.Vendor == null)
        {
            return device.Driver == null
                ? $"bind {device.Name} to its bus's VFIO driver"
                : $"unbind {device.Name} from {device.Driver} and bind it to its bus's VFIO driver";
        }

        string unbind = device.Driver == null ? "" : $"echo {device.Name} > /sys/bus/pci/drivers/{device.Driver}/unbind; ";
        return $"{unbind}echo vfio-pci > /sys/bus/pci/devices/{device.Name}/driver_override; echo {device.Name} > /sys/bus/pci/drivers_probe";
    }
}
