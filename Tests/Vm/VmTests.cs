namespace PamuFastPath.Tests.Vm;

/// <summary>
/// The binding against a real kernel, IOMMU and DMA device, in a virtual machine that is booted once. Each check of its guest program is a test here:
/// one that is listed but was not reported fails, and so does one that was reported but is not listed. See docs/vm.md.
/// </summary>
[Collection(LongestFirst.VirtualMachine)]
public class VmTests
{
    /// <summary>What the guest has to report.</summary>
    private static readonly string[] Listed =
    [
        "probe.table",
        "probe.json",
        "run.hardware",
        "run.hardware.refused",
        "container.up",
        "container.geometry",
        "container.groups-attached",
        "device.registers",
        "device.config-space",
        "device.reset",
        "device.bus-master-off",
        "refused.reserved-range",
        "refused.group-in-use",
        "refused.group-not-viable",
        "refused.detach-with-open-device",
        "dma.window-0.first-bytes",
        "dma.window-0.last-bytes",
        "dma.window-1.first-bytes",
        "dma.window-1.last-bytes",
        "dma.window-2.first-bytes",
        "dma.window-2.last-bytes",
        "dma.window-4.first-bytes",
        "dma.window-4.last-bytes",
        "dma.window-5.first-bytes",
        "dma.window-5.last-bytes",
        "dma.window-7.first-bytes",
        "dma.window-7.last-bytes",
        "dma.straddle-0-1",
        "dma.random",
        "fault.unmapped-window.write",
        "fault.unmapped-window.read",
        "fault.beyond-mapping.write",
        "fault.beyond-mapping.read",
        "fault.read-only.write",
        "limit.write-only-is-readable",
        "fault.end-of-window.beyond-mapping",
        "fault.msi-window-is-no-memory",
        "msi.sink",
        "msi.dma-done",
        "msi.awaited",
        "intx.sink",
        "armed.unmap.write",
        "armed.unmap.read",
        "armed.dispose.write",
        "cycles.attach-detach",
    ];

    public static TheoryData<string> Checks => [.. Listed];

    [VmTheory]
    [MemberData(nameof(Checks))]
    public void Check_holds_in_the_virtual_machine(string name)
    {
        VmRun run = VmRun.Once.Value;
        VmCheck? check = run.Checks.SingleOrDefault(check => check.Name == name);
        Assert.True(check != null, $"the guest did not report {name}; vm ended with {run.ExitCode}\n{run.Error}");
        Assert.True(check.Passed, check.Detail);
    }

    [VmFact]
    public void Guest_reports_nothing_that_is_not_listed() =>
        Assert.Empty(VmRun.Once.Value.Checks.Select(static check => check.Name).Except(Listed));

    [VmFact]
    public void Random_transfers_are_as_many_as_asked_for() =>
        Assert.StartsWith(
            $"{VmRun.TransferCount} of {VmRun.TransferCount} as software says",
            VmRun.Once.Value.Checks.Single(static check => check.Name == "dma.random").Detail,
            StringComparison.Ordinal);

    [VmFact]
    public void Guest_comes_to_its_end()
    {
        VmRun run = VmRun.Once.Value;
        int passed = run.Checks.Count(static check => check.Passed);
        Assert.Equal([$"END {passed} {run.Checks.Count - passed}", $"EXIT {(passed == run.Checks.Count ? 0 : 1)}"], run.Ending);
        Assert.True(run.ExitCode == 0, $"vm ended with {run.ExitCode}\n{run.Error}");
    }
}

internal sealed class VmFactAttribute : FactAttribute
{
    public VmFactAttribute() => Skip = DisplayName = VmSkip.Reason;
}

internal sealed class VmTheoryAttribute : TheoryAttribute
{
    public VmTheoryAttribute() => Skip = DisplayName = VmSkip.Reason;
}

/// <summary>Why the tests are skipped; null if they run. It is their name then, too: the name is what a console shows of a skipped test.</summary>
internal static class VmSkip
{
    internal static string? Reason => VmRun.Missing.Value is string command ? $"the virtual machine needs: {command}" : null;
}
