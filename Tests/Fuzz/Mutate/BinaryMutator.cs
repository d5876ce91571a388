using System.Buffers.Binary;

namespace PamuFastPath.Fuzz.Mutate;

/// <summary>Changes bytes: of an input made of a header and units of one size, mostly whole units or numbers inside one.</summary>
internal static class BinaryMutator
{
    private static readonly ulong[] Numbers =
    [
        0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 0xFFF, 0x1000, 0x1001, 0xFFFF, 0x1_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF,
        0x1_0000_0000, 0xF_FFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_F000, 0xFFFF_FFFF_FFFF_FFFF,
    ];

    /// <summary>A changed copy.</summary>
    /// <param name="random">What to do and where.</param>
    /// <param name="input">The input.</param>
    /// <param name="other">Another one, to take pieces from.</param>
    /// <param name="header">Bytes at the front that are no units.</param>
    /// <param name="unit">Bytes of a unit.</param>
    internal static byte[] Mutate(Random random, byte[] input, byte[] other, int header, int unit)
    {
        List<byte> bytes = [.. input];
        for (int changes = 1 << random.Next(5); changes > 0; changes--)
        {
            if (random.Next(3) == 0)
            {
                ChangeUnits(random, bytes, other, header, unit);
            }
            else
            {
                ChangeBytes(random, bytes);
            }
        }

        return [.. bytes];
    }

    private static void ChangeBytes(Random random, List<byte> bytes)
    {
        if (bytes.Count == 0)
        {
            return;
        }

        int at = random.Next(bytes.Count);
        switch (random.Next(5))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                bytes[at] = (byte)random.Next(256);
                break;
            case 2:
                bytes[at] += (byte)random.Next(-8, 9);
                break;
            default:
                int size = 1 << random.Next(4);
                at -= at % size;
                if (at + size <= bytes.Count)
                {
                    ChangeNumber(random, bytes, at, size);
                }

                break;
        }
    }

    private static void ChangeNumber(Random random, List<byte> bytes, int at, int size)
    {
        Span<byte> number = stackalloc byte[sizeof(ulong)];
        for (int i = 0; i < size; i++)
        {
            number[i] = bytes[at + i];
        }

        ulong old = BinaryPrimitives.ReadUInt64LittleEndian(number);
        ulong value = random.Next(4) switch
        {
            0 => old + (ulong)random.Next(-16, 17),
            1 => old ^ 1UL << random.Next(8 * size),
            2 => 0 - old,
            _ => Numbers[random.Next(Numbers.Length)],
        };
        BinaryPrimitives.WriteUInt64LittleEndian(number, value);
        for (int i = 0; i < size; i++)
        {
            bytes[at + i] = number[i];
        }
    }

    private static void ChangeUnits(Random random, List<byte> bytes, byte[] other, int header, int unit)
    {
        int units = Math.Max(0, (bytes.Count - header) / unit);
        int from = header + random.Next(units + 1) * unit;
        int count = Math.Min(1 + random.Next(1 << random.Next(5)), Math.Max(0, (bytes.Count - from) / unit)) * unit;
        switch (random.Next(5))
        {
            case 0 when count > 0:
                bytes.RemoveRange(from, count);
                break;
            case 1 when count > 0:
                bytes.InsertRange(from, bytes.GetRange(from, count));
                break;
            case 2:
                var fresh = new byte[unit];
                random.NextBytes(fresh);
                bytes.InsertRange(Math.Min(from, bytes.Count), fresh);
                break;
            default:
                int otherUnits = Math.Max(0, (other.Length - header) / unit);
                if (otherUnits > 0)
                {
                    int start = header + random.Next(otherUnits) * unit;
                    int length = Math.Min(1 + random.Next(8), (other.Length - start) / unit) * unit;
                    bytes.InsertRange(Math.Min(from, bytes.Count), other[start..(start + length)]);
                }

                break;
        }
    }
}
