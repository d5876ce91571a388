using System.Diagnostics;
using PamuFastPath.Fuzz.Targets;

namespace PamuFastPath.Fuzz.Mutate;

/// <summary>Makes an input that found something smaller, as long as it still finds the same.</summary>
internal static class Minimizer
{
    internal static byte[] Minimize(byte[] input, FuzzTarget shape, Func<byte[], bool> stillFinds, TimeSpan budget)
    {
        var clock = Stopwatch.StartNew();
        bool Finds(byte[] candidate) => clock.Elapsed < budget && stillFinds(candidate);

        byte[] small = input;
        int before;
        do
        {
            before = small.Length;
            small = shape.IsText ? WithoutLines(small, Finds) : small;
            small = WithoutPieces(small, shape.HeaderBytes, shape.Unit, Finds);
        }
        while (small.Length < before);

        return shape.IsText ? small : Zeroed(small, Finds);
    }

    private static byte[] WithoutLines(byte[] input, Func<byte[], bool> finds)
    {
        List<byte[]> lines = [];
        int start = 0;
        for (int i = 0; i < input.Length; i++)
        {
            if (input[i] == (byte)'\n' || i == input.Length - 1)
            {
                lines.Add(input[start..(i + 1)]);
                start = i + 1;
            }
        }

        for (int part = lines.Count / 2; part > 0; part /= 2)
        {
            for (int from = 0; from + part <= lines.Count;)
            {
                List<byte[]> rest = [.. lines[..from], .. lines[(from + part)..]];
                if (finds(Join(rest)))
                {
                    lines = rest;
                }
                else
                {
                    from += part;
                }
            }
        }

        return Join(lines);
    }

    private static byte[] WithoutPieces(byte[] input, int header, int unit, Func<byte[], bool> finds)
    {
        for (int units = Math.Max(1, (input.Length - header) / unit / 2); units > 0; units /= 2)
        {
            int part = units * unit;
            for (int from = header; from < input.Length;)
            {
                int to = Math.Min(from + part, input.Length);
                byte[] rest = [.. input[..from], .. input[to..]];
                if (finds(rest))
                {
                    input = rest;
                }
                else
                {
                    from = to;
                }
            }
        }

        return input;
    }

    private static byte[] Zeroed(byte[] input, Func<byte[], bool> finds)
    {
        for (int i = 0; i < input.Length; i++)
        {
            if (input[i] != 0)
            {
                byte[] simpler = [.. input];
                simpler[i] = 0;
                input = finds(simpler) ? simpler : input;
            }
        }

        return input;
    }

    private static byte[] Join(List<byte[]> lines)
    {
        var joined = new List<byte>();
        lines.ForEach(joined.AddRange);
        return [.. joined];
    }
}
