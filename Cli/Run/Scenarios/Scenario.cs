namespace PamuFastPath.Cli.Run.Scenarios;

/// <summary>A scenario file, read and checked: a machine, what is done to it, and what is expected of it.</summary>
/// <param name="File">Its name, as the user wrote it.</param>
/// <param name="Description">What it shows.</param>
/// <param name="Platform">The machine.</param>
/// <param name="Mpic">Its interrupt controller.</param>
/// <param name="Groups">Its groups.</param>
/// <param name="Devices">The devices of all groups; trace rows and accesses name them.</param>
/// <param name="Messages">Where the messages of the devices go.</param>
/// <param name="Steps">The control calls, in order.</param>
/// <param name="Accesses">Single accesses to try when the steps are done.</param>
/// <param name="AllowFaults">Whether faults in a trace are no failure.</param>
internal sealed record Scenario(
    string File,
    string Description,
    PamuPlatform Platform,
    MpicVersion Mpic,
    IReadOnlyList<GroupDefinition> Groups,
    IReadOnlyList<Device> Devices,
    IReadOnlyList<MessageRoute> Messages,
    IReadOnlyList<Step> Steps,
    IReadOnlyList<AccessTrial> Accesses,
    bool AllowFaults);

/// <summary>Devices that are isolated together.</summary>
internal sealed record GroupDefinition(int Id, IReadOnlyList<int> Liodns, IReadOnlyList<int> MsiBanks);

/// <summary>A device by the name traces use, and the LIODN its accesses carry.</summary>
internal sealed record Device(string Name, uint Liodn);

/// <summary>
/// A message that a device sent to <paramref name="Address"/> when recorded is a 32-bit write to <paramref name="Iova"/> here.
/// </summary>
internal sealed record MessageRoute(string Device, ulong Address, ulong Iova);

/// <summary>One step; <paramref name="Place"/> is where it stands in the file.</summary>
internal abstract record Step(string Place);

/// <summary>A control call.</summary>
/// <param name="Place">Where it stands in the file.</param>
/// <param name="Call">Its name there.</param>
/// <param name="Expect">What it must answer.</param>
/// <param name="Group">The group it names, or null.</param>
/// <param name="Issue">Makes the call.</param>
internal sealed record CallStep(string Place, string Call, Errno Expect, int? Group, Func<VfioClient, long> Issue) : Step(Place);

/// <summary>Prints the window table as it is at this point.</summary>
internal sealed record ShowStep(string Place, string Caption) : Step(Place);

/// <summary>One access to try, and its expected outcome.</summary>
/// <param name="Place">Where it stands in the file.</param>
/// <param name="Who">The device's name, or its LIODN if none was named.</param>
/// <param name="Liodn">What the access carries.</param>
/// <param name="Access">Its direction.</param>
/// <param name="Iova">First IOVA.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Expect">What must happen.</param>
/// <param name="Target">The target it must reach, if the file says.</param>
internal sealed record AccessTrial(
    string Place, string Who, uint Liodn, DmaAccess Access, ulong Iova, ulong Length, Outcome Expect, ulong? Target);
