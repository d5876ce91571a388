using PamuFastPath.Interop;
using PamuFastPath.Tests.Vm.Guest;

// vm-guest TRANSFERS: runs all checks; exit code 0 if they hold.
var report = new Report(Console.Out);
int transfers = int.Parse(args[0], System.Globalization.CultureInfo.InvariantCulture);
var sysfs = new HostSysfs();
HostGroup[] groups = [.. sysfs.Groups().Where(static group => group.Devices.Any(static device => device is { Vendor: Edu.Vendor, Product: Edu.Product }))];
report.Note($"{groups.Length} groups of edu functions; {transfers} random transfers");

PamuChecks.Probe(report, groups);
PamuChecks.RunOnHardware(report, groups[0]);
Machine? machine = null;
report.Check("container.up", () =>
{
    machine = new Machine(groups);
    return $"{machine.Devices.Count} devices, {machine.Total} bytes of memory";
});
if (machine != null)
{
    ContainerChecks.Run(report, machine);
    TransferChecks.Run(report, machine, transfers);
    FaultChecks.Run(report, machine);
    InterruptChecks.Run(report, machine);
    ArmedChecks.Run(report, machine);
    machine.Dispose();
}

ArmedChecks.RunAlone(report, groups);
CycleChecks.Run(report, groups);
return report.End();
