using System.Globalization;

namespace PamuFastPath.Cli.Run.Reports;

/// <summary>How reports write numbers.</summary>
internal static class Units
{
    private static readonly string[] Binary = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>Hex; above 32 bits the upper half is set apart, as in the mail: 0xf_fe044000.</summary>
    public static string Address(ulong address) =>
        address <= uint.MaxValue ? $"0x{address:x8}" : $"0x{address >> 32:x}_{(uint)address:x8}";

    /// <summary>A power of two as the mail writes it: 4KB.</summary>
    public static string PowerOfTwo(ulong bytes)
    {
        int unit = 0;
        for (; bytes >= 1024 && bytes % 1024 == 0; bytes /= 1024)
        {
            unit++;
        }

        return $"{bytes}{Binary[unit].Replace("i", "", StringComparison.Ordinal)}";
    }

    /// <summary>An amount, rounded: 345.6 MiB.</summary>
    public static string Bytes(UInt128 bytes)
    {
        double amount = (double)bytes;
        int unit = 0;
        for (; amount >= 1024 && unit < Binary.Length - 1; amount /= 1024)
        {
            unit++;
        }

        return unit == 0 ? $"{bytes} B" : string.Create(CultureInfo.InvariantCulture, $"{amount:0.0} {Binary[unit]}");
    }

    public static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    public static string Fraction(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    public static string Permissions(DmaPermissions permissions) => permissions switch
    {
        DmaPermissions.Read => "read",
        DmaPermissions.Write => "write",
        _ => "read write",
    };
}
