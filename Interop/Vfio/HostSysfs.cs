using System.Globalization;

namespace PamuFastPath.Interop;

/// <summary>
/// What a Linux host's sysfs says about its IOMMUs and the groups behind them. Layout: Documentation/ABI/testing/sysfs-kernel-iommu_groups.
/// Every call reads anew. What is missing or unreadable is left out, since a device may go while we look; the kernel has the last word on
/// anything we miss.
/// </summary>
/// <param name="root">The mount point.</param>
/// <remarks>Thread-safe.</remarks>
public sealed class HostSysfs(string root = "/sys")
{
    private const int LargestBus = 0xFF;
    private const int LargestSlot = 0x1F;
    private const int LargestFunction = 7;

    private readonly string _groups = Path.Combine(root, "kernel", "iommu_groups");

    /// <summary>
    /// A PCI address in the form of sysfs: <c>dddd:bb:dd.f</c>, lower-case hex, where the domain may be left out (<c>00:04.0</c>).
    /// </summary>
    /// <returns>False if <paramref name="text"/> is no PCI address.</returns>
    public static bool TryNormalizeAddress(string text, out string address)
    {
        ArgumentNullException.ThrowIfNull(text);
        address = "";
        string[] parts = text.Split(':');
        string[] tail = parts[^1].Split('.');
        if (parts.Length is not (2 or 3) || tail.Length != 2)
        {
            return false;
        }

        // Domains have more than 16 bits behind Intel's VMD.
        uint domain = 0;
        if ((parts.Length == 3 && !TryHex(parts[0], uint.MaxValue, out domain))
            || !TryHex(parts[^2], LargestBus, out uint bus)
            || !TryHex(tail[0], LargestSlot, out uint slot)
            || !TryHex(tail[1], LargestFunction, out uint function))
        {
            return false;
        }

        address = $"{domain:x4}:{bus:x2}:{slot:x2}.{function:x}";
        return true;
    }

    /// <summary>The IOMMUs by name: <c>dmar0</c> (Intel), <c>ivhd0</c> (AMD), <c>smmu3.0x...</c> (Arm).</summary>
    public IReadOnlyList<string> Iommus() => [.. Names(Path.Combine(root, "class", "iommu"))];

    /// <summary>All groups by number.</summary>
    public IReadOnlyList<HostGroup> Groups() => [.. GroupNumbers().Order().Select(Read)];

    /// <summary>The group with this number, or null.</summary>
    public HostGroup? Group(int id) => Directory.Exists(GroupPath(id)) ? Read(id) : null;

    /// <summary>The group a device is in, or null.</summary>
    /// <param name="device">The device's name in the form of sysfs (<see cref="TryNormalizeAddress"/>).</param>
    public HostGroup? GroupOf(string device)
    {
        ArgumentException.ThrowIfNullOrEmpty(device);
        foreach (int id in GroupNumbers())
        {
            if (Names(Path.Combine(GroupPath(id), "devices")).Contains(device))
            {
                return Read(id);
            }
        }

        return null;
    }

    /// <summary>Whether there is such a PCI device, in a group or not.</summary>
    /// <param name="address">Its address in the form of sysfs.</param>
    public bool HasPciDevice(string address) => Names(Path.Combine(root, "bus", "pci", "devices")).Contains(address);

    private static IEnumerable<string> Names(string directory)
    {
        try
        {
            return Directory.GetFileSystemEntries(directory).Select(static path => Path.GetFileName(path)).Order(StringComparer.Ordinal);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string? Text(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim() is { Length: > 0 } text ? text : null;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static uint? Hex(string path, uint largest) =>
        Text(path) is { } text && TryPrefixedHex(text, out ulong value) && value <= largest ? (uint)value : null;

    private static bool TryPrefixedHex(string text, out ulong value)
    {
        value = 0;
        return text.StartsWith("0x", StringComparison.Ordinal)
            && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    private static bool TryHex(string text, uint largest, out uint value) =>
        uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value) && value <= largest;

    private static string? Driver(string device)
    {
        try
        {
            return new FileInfo(Path.Combine(device, "driver")).LinkTarget is { } target ? Path.GetFileName(target) : null;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static HostDevice ReadDevice(string path) => new(
        Path.GetFileName(path),
        (ushort?)Hex(Path.Combine(path, "vendor"), ushort.MaxValue),
        (ushort?)Hex(Path.Combine(path, "device"), ushort.MaxValue),
        Hex(Path.Combine(path, "class"), 0xFF_FFFF),
        Driver(path));

    /// <summary>Lines of <c>0xstart 0xend type</c>, both ends inclusive.</summary>
    /// <summary>A group's reserved regions by start; none if the group, or the list, is not there.</summary>
    private ReservedRegion[] Reserved(int group) =>
        [.. ReadReserved(Path.Combine(GroupPath(group), "reserved_regions")).OrderBy(static region => region.Range.Start)];

    /// <summary>The IOVAs that cannot be mapped for a group's devices.</summary>
    internal IReadOnlyList<IovaRange> ForbiddenRanges(int group) =>
        [.. Reserved(group).Where(static region => region.ForbidsMapping).Select(static region => region.Range)];

    private static IEnumerable<ReservedRegion> ReadReserved(string file)
    {
        foreach (string line in (Text(file) ?? "").Split('\n'))
        {
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (fields is [var start, var last, var type]
                && TryPrefixedHex(start, out ulong first)
                && TryPrefixedHex(last, out ulong end)
                && first <= end)
            {
                yield return new ReservedRegion(new IovaRange(first, end), type);
            }
        }
    }

    private IEnumerable<int> GroupNumbers()
    {
        foreach (string name in Names(_groups))
        {
            if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int id))
            {
                yield return id;
            }
        }
    }

    private string GroupPath(int id) => Path.Combine(_groups, id.ToString(CultureInfo.InvariantCulture));

    private HostGroup Read(int id)
    {
        string group = GroupPath(id);
        string devices = Path.Combine(group, "devices");
        return new HostGroup(
            id,
            Text(Path.Combine(group, "type")),
            [.. Names(devices).Select(name => ReadDevice(Path.Combine(devices, name)))],
            Reserved(id));
    }
}
