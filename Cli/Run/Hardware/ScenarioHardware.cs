using PamuFastPath.Cli.Probe;
using PamuFastPath.Cli.Run.Scenarios;
using PamuFastPath.Interop;

namespace PamuFastPath.Cli.Run.Hardware;

/// <summary>What a scenario is bound to: the host's devices, the IOMMU in front of them, and the memory behind its <c>vaddr</c>s.</summary>
/// <param name="Choices">Which device stands behind which group.</param>
/// <param name="Mirror">The IOMMU, nothing bound yet. The container it is bound to owns it then.</param>
/// <param name="Memory">The memory, which the scenario's platform has as its page source.</param>
internal sealed record ScenarioHardware(IReadOnlyList<HardwareChoice> Choices, VfioMirror Mirror, ScenarioMemory Memory)
{
    /// <summary>Opens the host's VFIO for the devices that were named.</summary>
    public static ScenarioHardware Open(IEnumerable<string> devices, Scenario scenario, ScenarioMemory memory)
    {
        HostProbe host = HostProbe.Take();
        if (!OperatingSystem.IsLinux() || Verdict.VfioTrouble(host) != null)
        {
            throw new CliException($"--hardware: {Verdict.VfioTrouble(host)}");
        }

        if (scenario.Platform.PageSize != Environment.SystemPageSize)
        {
            throw new CliException(
                $"{scenario.File}: platform.pageSize: with --hardware, the host's own: {Environment.SystemPageSize}");
        }

        IReadOnlyList<HardwareChoice> choices = HardwareChoice.Read(devices, scenario, host, new HostSysfs());
        try
        {
            return new ScenarioHardware(choices, VfioMirror.Open(), memory);
        }
        catch (PamuException refused)
        {
            throw new CliException($"--hardware: VFIO answered {refused.Errno}; it needs: {refused.Rule}");
        }
    }

    /// <summary>Binds the devices and the container.</summary>
    /// <returns>What the container has as its hardware.</returns>
    public HeardMirror Bind(PamuContainer container, IReadOnlyDictionary<int, PamuGroup> groups)
    {
        var heard = new HeardMirror(Mirror);
        try
        {
            foreach (HardwareChoice choice in Choices)
            {
                Mirror.Bind(groups[choice.Group], choice.VfioGroup);
            }

            container.BindHardware(heard);
            return heard;
        }
        catch (PamuException refused)
        {
            heard.Dispose();
            throw new CliException($"--hardware: binding answered {refused.Errno}; it needs: {refused.Rule}");
        }
    }
}
