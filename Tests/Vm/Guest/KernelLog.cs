// Unsafe: hands a buffer to the kernel, which writes no more than its length.

using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace PamuFastPath.Tests.Vm.Guest;

/// <summary>A refused DMA, as the kernel's DMAR driver logs it. Source: drivers/iommu/intel/dmar.c, dmar_fault_do_one.</summary>
/// <param name="IsWrite">Its direction.</param>
/// <param name="Device">Bus, device and function: <c>00:04.0</c>.</param>
/// <param name="Page">The page of the refused address.</param>
/// <param name="Reason">The fault reason: 5 no write access, 6 no read access.</param>
internal sealed record DmarFault(bool IsWrite, string Device, ulong Page, int Reason)
{
    public override string ToString() => $"{(IsWrite ? "write" : "read")} by {Device} at 0x{Page:x}, reason {Reason}";
}

/// <summary>The kernel's log, as far as it came after a mark.</summary>
internal static unsafe partial class KernelLog
{
    private const int ReadAll = 3; // SYSLOG_ACTION_READ_ALL
    private const int Bytes = 1 << 22;

    /// <summary>Writes a line into the log, from which <see cref="FaultsAfter"/> counts.</summary>
    public static void Mark(string mark) => File.WriteAllText("/dev/kmsg", mark + "\n"); // a line without its end is not in the log yet

    public static IReadOnlyList<DmarFault> FaultsAfter(string mark)
    {
        string log = Read();
        int from = log.LastIndexOf(mark, StringComparison.Ordinal);
        Report.Require(from >= 0, $"the mark '{mark}' is not in the kernel's log any more");
        return
        [
            .. FaultLine().Matches(log, from).Select(static match => new DmarFault(
                match.Groups["kind"].Value == "Write",
                match.Groups["device"].Value,
                ulong.Parse(match.Groups["page"].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture),
                int.Parse(match.Groups["reason"].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture))),
        ];
    }

    private static string Read()
    {
        byte[] buffer = new byte[Bytes];
        fixed (byte* bytes = buffer)
        {
            int length = klogctl(ReadAll, bytes, buffer.Length);
            return length >= 0 ? Encoding.UTF8.GetString(buffer, 0, length) : throw new InvalidOperationException("the kernel's log cannot be read");
        }
    }

    [GeneratedRegex(
        @"DMAR: \[DMA (?<kind>Read|Write)[^\]]*\] Request device \[(?<device>[0-9a-f:.]+)\] "
        + @"fault addr 0x(?<page>[0-9a-f]+) \[fault reason 0x(?<reason>[0-9a-f]+)\]")]
    private static partial Regex FaultLine();

    [LibraryImport("libc", SetLastError = true)]
    private static partial int klogctl(int type, byte* buffer, int length);
}
