namespace PamuFastPath.Diagnostics;

/// <summary>What an engine has done so far, as of one moment.</summary>
/// <param name="Engine">The engine's number in this process, from 1.</param>
/// <param name="IsCounting">Whether accesses are counted at the moment.</param>
/// <param name="Readers">Readers that are registered.</param>
/// <param name="Accesses">Accesses of all containers, those that are closed and LIODNs nobody holds included.</param>
/// <param name="OfNoContainer">Those of LIODNs nobody holds, and of containers that are closed. With each open container's they add up to all.</param>
/// <param name="Control">Control calls, publications and grace periods.</param>
/// <param name="TablesRetired">Tables that were replaced and are not freed yet.</param>
/// <param name="FaultsLogged">Faults that DMA ports recorded in the fault log, dropped ones included.</param>
/// <param name="FaultsDropped">Those that found the log full.</param>
/// <param name="FaultEventsSuppressed">Faults that were not written as events, because there were too many in a second.</param>
/// <param name="Containers">Each open container.</param>
public sealed record EngineStatistics(
    int Engine,
    bool IsCounting,
    int Readers,
    AccessCounts Accesses,
    AccessCounts OfNoContainer,
    ControlCounts Control,
    int TablesRetired,
    long FaultsLogged,
    long FaultsDropped,
    long FaultEventsSuppressed,
    IReadOnlyList<ContainerStatistics> Containers);

/// <summary>What was done with one container so far, as of one moment.</summary>
/// <param name="Container">Its number.</param>
/// <param name="Generation">The tables published so far; 1 for the first.</param>
/// <param name="ApertureStart">First IOVA of the aperture.</param>
/// <param name="ApertureLast">Last IOVA of the aperture (inclusive).</param>
/// <param name="WindowCount">Windows of the aperture.</param>
/// <param name="WindowsLive">Windows a device can reach.</param>
/// <param name="Accesses">Its accesses.</param>
public sealed record ContainerStatistics(
    int Container,
    ulong Generation,
    ulong ApertureStart,
    ulong ApertureLast,
    int WindowCount,
    int WindowsLive,
    AccessCounts Accesses);
