using PamuFastPath.Interop;
using static PamuFastPath.Tests.Vm.Guest.Report;

namespace PamuFastPath.Tests.Vm.Guest;

/// <summary>What the container and its devices are, and what the binding refuses, before anything moves.</summary>
internal static class ContainerChecks
{
    private const ulong MessageRange = 0xFEE0_0000; // x86's interrupt messages: no IOMMU of that kind maps memory there

    public static void Run(Report report, Machine machine)
    {
        report.Check("container.geometry", () =>
        {
            RequireEqual((0ul, Machine.ApertureLast), machine.Container.Geometry, "geometry");
            RequireEqual(Machine.WindowCount, machine.Container.WindowCount, "windows");
            IReadOnlyList<PamuWindow> windows = machine.Container.GetWindows();
            RequireEqual(machine.Windows.Count + 1, windows.Count, "mapped windows, the MSI window among them");
            Require(windows.All(static window => window.IsLive), "a window is not live");
            return $"0x0-0x{Machine.ApertureLast:x}, {Machine.WindowCount} windows, {windows.Count} mapped";
        });
        report.Check("container.groups-attached", () =>
        {
            Require(machine.Devices.Count > 1, $"{machine.Devices.Count} devices: too few for these checks");
            RequireEqual(machine.Devices.Count, machine.Mirror.AttachedGroups.Count, "VFIO groups in the kernel's container");
            return $"{machine.Mirror.AttachedGroups.Count} groups";
        });
        report.Check("device.registers", () => Registers(machine));
        report.Check("device.config-space", () => ConfigSpace(machine));
        report.Check("device.reset", () =>
        {
            VfioDevice device = machine.Devices[0].Device;
            RequireEqual(device.CanReset, device.TryReset(), "reset");
            machine.Devices[0].Device.EnableBusMaster(true);
            RequireEqual(Edu.Identification, machine.Devices[0].Id, "identification after it");
            return device.CanReset ? "reset" : "the device has none, and says so";
        });
        report.Check("device.bus-master-off", () => BusMasterOff(machine));
        report.Check("refused.reserved-range", () => ReservedRange(machine));
        report.Check("refused.group-in-use", () => GroupInUse(machine));
        report.Check("refused.group-not-viable", () => GroupNotViable(machine));
        report.Check("refused.detach-with-open-device", () => DetachWithOpenDevice(machine));
    }

    private static string Registers(Machine machine)
    {
        foreach (Edu edu in machine.Devices)
        {
            RequireEqual(Edu.Identification, edu.Id, $"{edu.Device.Name}: identification");
            edu.Liveness = 0x1234_0000 | edu.Liodn;
            RequireEqual(~(0x1234_0000 | edu.Liodn), edu.Liveness, $"{edu.Device.Name}: liveness");
            RequireEqual(edu.Id, edu.Device.Region(0).Read32(0), $"{edu.Device.Name}: the same through a system call");
        }

        return $"0x{Edu.Identification:x8}, mapped and by system call, {machine.Devices.Count} times";
    }

    private static string ConfigSpace(Machine machine)
    {
        foreach (Edu edu in machine.Devices)
        {
            RequireEqual(Edu.Vendor, edu.Device.ReadConfig16(0), $"{edu.Device.Name}: vendor");
            RequireEqual(Edu.Product, edu.Device.ReadConfig16(2), $"{edu.Device.Name}: device");
            RequireEqual(1, edu.Device.VectorCount(VfioInterruptKind.Msi), $"{edu.Device.Name}: MSI vectors");
        }

        return $"{Edu.Vendor:x4}:{Edu.Product:x4}";
    }

    private static string BusMasterOff(Machine machine)
    {
        Edu edu = machine.Devices[0];
        edu.Device.EnableBusMaster(false);
        edu.Start(DmaAccess.Write, machine.Windows[0].Iova, 0, 512);
        edu.Finish();
        edu.Device.EnableBusMaster(true);
        machine.RequireMemoryAsModel("a write of a device that is no bus master");
        machine.Transfer(edu, DmaAccess.Write, machine.Windows[0].Iova, 0, 512);
        machine.RequireMemoryAsModel("the same as bus master");
        return "no byte moved; 512 moved after it was switched on again";
    }

    private static string ReservedRange(Machine machine)
    {
        PamuContainer container = machine.Engine.CreateContainer();
        PamuGroup group = machine.Engine.CreateGroup(1000, [1000], []);
        try
        {
            container.SetGeometry(0, uint.MaxValue);
            container.SetWindows(16);
            ulong window = MessageRange & ~(container.WindowSize - 1);
            container.MapDma(machine.TargetOf(machine.Windows[0]), window, 4096, DmaPermissions.Read);
            container.UnmapDma(window, 4096);

            // What the binding refuses with a group of this host must be refused at attach, for the software knows no host.
            container.MapDma(machine.TargetOf(machine.Windows[0]), window, container.WindowSize, DmaPermissions.Read);
            VfioMirror mirror = VfioMirror.Open();
            container.BindHardware(mirror);
            mirror.Bind(group, (int)machine.Devices[^1].Liodn);
            PamuException refusal = RequireRefused(Errno.EINVAL, () => group.Attach(container), "a window over the host's message range");
            RequireEqual(null, group.Container, "the group's container afterwards");
            RequireEqual(0, mirror.AttachedGroups.Count, "groups in the kernel's container afterwards");
            return refusal.Message;
        }
        finally
        {
            container.Dispose();
            machine.Engine.RemoveGroup(group);
        }
    }

    private static string GroupInUse(Machine machine)
    {
        PamuContainer container = machine.Engine.CreateContainer();
        PamuGroup group = machine.Engine.CreateGroup(1001, [1001], []);
        try
        {
            VfioMirror mirror = VfioMirror.Open();
            container.BindHardware(mirror);
            mirror.Bind(group, (int)machine.Devices[0].Liodn);
            PamuException refusal = RequireRefused(Errno.EBUSY, () => group.Attach(container), "a group that is in another container");
            RequireEqual(null, group.Container, "the group's container afterwards");
            return refusal.Message;
        }
        finally
        {
            container.Dispose();
            machine.Engine.RemoveGroup(group);
        }
    }

    private static string GroupNotViable(Machine machine)
    {
        HostGroup other = new HostSysfs().Groups().First(static group => !group.Devices.Any(static device => device.IsBoundToVfio));
        PamuContainer container = machine.Engine.CreateContainer();
        PamuGroup group = machine.Engine.CreateGroup(1002, [1002], []);
        try
        {
            VfioMirror mirror = VfioMirror.Open();
            container.BindHardware(mirror);
            mirror.Bind(group, other.Id);
            PamuException refusal = RequireRefused(Errno.ENOENT, () => group.Attach(container), "a group without vfio-pci");
            foreach (string word in new[] { other.Devices[0].Name, "driver_override" })
            {
                Require(refusal.Message.Contains(word, StringComparison.Ordinal), $"the refusal does not say which device and what to do: {refusal.Message}");
            }

            return refusal.Message;
        }
        finally
        {
            container.Dispose();
            machine.Engine.RemoveGroup(group);
        }
    }

    private static string DetachWithOpenDevice(Machine machine)
    {
        Edu edu = machine.Devices[0];
        PamuGroup group = machine.Container.Groups.Single(group => group.Liodns.Contains((int)edu.Liodn));
        PamuException refusal = RequireRefused(Errno.EBUSY, group.Detach, "a group whose device is open");
        RequireEqual(machine.Container, group.Container, "the group's container afterwards");
        machine.Transfer(edu, DmaAccess.Write, machine.Windows[0].Iova + 64, 0, 100);
        machine.RequireMemoryAsModel("a transfer after the refused detach");
        return refusal.Message;
    }
}
