using System.Text;

namespace PamuFastPath.Fuzz.Mutate;

/// <summary>Changes text by its lines, its bracketed parts and its tokens, so that most of it stays what it was; and now and then by bytes.</summary>
internal static class TextMutator
{
    private static readonly string[] Tokens =
    [
        "0", "1", "-1", "3", "255", "256", "257", "4095", "4096", "65535", "65536", "2147483647", "2147483648", "4294967295", "4294967296",
        "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "-9223372036854775809",
        "1e3", "1e999", "0.5", "-0", "\"0x0\"", "\"0x1000\"", "\"0xfff\"", "\"0xffffffff\"", "\"0xffff_ffff_ffff_f000\"",
        "\"0xffffffffffffffff\"", "\"0x10000000000000000\"", "\"-0x1\"", "\"0x\"",
        "0x0", "fff", "ffffffffffffffff", "true", "false", "null", "{}", "[]", "\"\"", "\"\\u0000\"", "\"\\ud800\"", "\u00e9", "\ufeff", "{", "}", "[", "]", ",", ":", "\"",
        "R", "W", "M", "U", "//", "/*", "\r", "\n",
    ];

    internal static byte[] Mutate(Random random, byte[] input, byte[] other)
    {
        if (random.Next(8) == 0)
        {
            return BinaryMutator.Mutate(random, input, other, header: 0, unit: 1);
        }

        string text = Encoding.UTF8.GetString(input);
        string donor = Encoding.UTF8.GetString(other);
        for (int changes = 1 << random.Next(4); changes > 0; changes--)
        {
            text = random.Next(4) switch
            {
                0 => ChangeLines(random, text, donor),
                1 => ChangeParts(random, text, donor),
                _ => ChangeToken(random, text, donor),
            };
        }

        return Encoding.UTF8.GetBytes(text);
    }

    private static string ChangeLines(Random random, string text, string donor)
    {
        List<string> lines = [.. text.Split('\n')];
        string[] others = donor.Split('\n');
        int at = random.Next(lines.Count);
        switch (random.Next(5))
        {
            case 0:
                lines.RemoveAt(at);
                break;
            case 1:
                lines.Insert(at, lines[random.Next(lines.Count)]);
                break;
            case 2:
                int swap = random.Next(lines.Count);
                (lines[at], lines[swap]) = (lines[swap], lines[at]);
                break;
            case 3:
                lines.Insert(at, others[random.Next(others.Length)]);
                break;
            default:
                lines[at] = others[random.Next(others.Length)];
                break;
        }

        return string.Join('\n', lines);
    }

    /// <summary>Takes out, doubles or replaces something in brackets.</summary>
    private static string ChangeParts(Random random, string text, string donor)
    {
        if (!TryPart(random, text, out int from, out int to))
        {
            return text;
        }

        return random.Next(3) switch
        {
            0 => text[..from] + text[to..],
            1 => text[..to] + "," + text[from..],
            _ => TryPart(random, donor, out int start, out int end) ? text[..from] + donor[start..end] + text[to..] : text,
        };
    }

    private static bool TryPart(Random random, string text, out int from, out int to)
    {
        (from, to) = (0, 0);
        for (int attempt = 0; attempt < 8 && text.Length > 0; attempt++)
        {
            from = text.IndexOfAny(['{', '['], random.Next(text.Length));
            int depth = 0;
            for (to = Math.Max(from, 0); from >= 0 && to < text.Length; to++)
            {
                depth += text[to] is '{' or '[' ? 1 : text[to] is '}' or ']' ? -1 : 0;
                if (depth == 0)
                {
                    to++;
                    return true;
                }
            }
        }

        return false;
    }

    private static string ChangeToken(Random random, string text, string donor)
    {
        (int from, int to) = Token(random, text);
        (int start, int end) = Token(random, donor);
        string replacement = random.Next(4) switch
        {
            0 => "",
            1 => donor[start..end],
            2 => Neighbour(random, text[from..to]),
            _ => Tokens[random.Next(Tokens.Length)],
        };
        return text[..from] + replacement + text[to..];
    }

    /// <summary>A word, number or string somewhere.</summary>
    private static (int From, int To) Token(Random random, string text)
    {
        if (text.Length == 0)
        {
            return (0, 0);
        }

        int at = random.Next(text.Length);
        int from = at;
        int to = at;
        while (from > 0 && IsOfToken(text[from - 1]))
        {
            from--;
        }

        while (to < text.Length && IsOfToken(text[to]))
        {
            to++;
        }

        return (from, Math.Max(to, Math.Min(at + 1, text.Length)));
    }

    private static bool IsOfToken(char c) => char.IsLetterOrDigit(c) || c is '_' or '"' or '-' or '.';

    /// <summary>The same with one of its characters changed.</summary>
    private static string Neighbour(Random random, string token)
    {
        if (token.Length == 0)
        {
            return "0";
        }

        int at = random.Next(token.Length);
        const string others = "0123456789abcdefx_-\"";
        return string.Concat(token.AsSpan(0, at), others[random.Next(others.Length)].ToString(), token.AsSpan(at + 1));
    }
}
