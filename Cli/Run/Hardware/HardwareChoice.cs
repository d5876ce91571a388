using System.Globalization;
using PamuFastPath.Cli.Run.Scenarios;
using PamuFastPath.Interop;

namespace PamuFastPath.Cli.Run.Hardware;

/// <summary>A device of the host that stands behind a group of the scenario.</summary>
/// <param name="Group">The scenario's group.</param>
/// <param name="Device">The device's PCI address, as sysfs writes it.</param>
/// <param name="VfioGroup">The host's IOMMU group that it is in; all devices of that come along.</param>
internal sealed record HardwareChoice(int Group, string Device, int VfioGroup)
{
    /// <summary>Reads what <c>--hardware</c> says: each <c>BDF</c>, for the first group that is attached, or <c>GROUP=BDF</c>.</summary>
    /// <param name="texts">What was said.</param>
    /// <param name="scenario">What it was said for.</param>
    /// <param name="host">The host.</param>
    /// <param name="sysfs">The host's sysfs.</param>
    public static IReadOnlyList<HardwareChoice> Read(IEnumerable<string> texts, Scenario scenario, HostProbe host, HostSysfs sysfs)
    {
        var choices = new List<HardwareChoice>();
        foreach (string text in texts)
        {
            HardwareChoice choice = Read(text, scenario, host, sysfs);
            if (choices.Find(other => other.Group == choice.Group) is { } same)
            {
                throw Bad(text, $"group {choice.Group} has {same.Device} already; GROUP=BDF says which group a device is for");
            }

            if (choices.Find(other => other.VfioGroup == choice.VfioGroup) is { } together)
            {
                throw Bad(text, $"the host keeps {choice.Device} and {together.Device} in one IOMMU group, {choice.VfioGroup}: name one of them");
            }

            choices.Add(choice);
        }

        return choices;
    }

    private static HardwareChoice Read(string text, Scenario scenario, HostProbe host, HostSysfs sysfs)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        int group = equals < 0 ? FirstAttached(text, scenario) : Named(text, text[..equals], scenario);
        string device = text[(equals + 1)..];
        if (!HostSysfs.TryNormalizeAddress(device, out string address))
        {
            throw Bad(text, $"'{device}' is no PCI address (such as 0000:00:04.0)");
        }

        GroupOffer? offer = host.Groups.FirstOrDefault(offer => offer.Group.Devices.Any(known => known.Name == address));
        if (offer == null)
        {
            throw Bad(text, sysfs.HasPciDevice(address)
                ? $"{address} is in no IOMMU group: the IOMMU is off, or does not cover it (see pamu probe)"
                : $"there is no PCI device {address} here (see pamu probe)");
        }

        // Whether a group with a node is viable, the kernel says at the attach: drivers we take for a hindrance may be none.
        return offer.HasNode
            ? new HardwareChoice(group, address, offer.Group.Id)
            : throw Bad(text, $"VFIO does not have its group {offer.Group.Id}: {offer.Obstacle}");
    }

    private static int FirstAttached(string text, Scenario scenario) =>
        scenario.Steps.OfType<CallStep>().FirstOrDefault(static step => step is { Call: "attach", Expect: Errno.Ok })?.Group
        ?? throw Bad(text, "the scenario attaches no group that the device could stand behind");

    private static int Named(string text, string group, Scenario scenario) =>
        int.TryParse(group, NumberStyles.None, CultureInfo.InvariantCulture, out int id) && scenario.Groups.Any(known => known.Id == id)
            ? id
            : throw Bad(text, $"the scenario has no group '{group}'");

    private static CliException Bad(string text, string why) => new($"--hardware {text}: {why}");
}
