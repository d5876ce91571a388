namespace PamuFastPath.Tests.Vm.Guest;

/// <summary>A check that did not hold, and what was seen instead.</summary>
internal sealed class CheckFailedException(string seen) : Exception(seen);

/// <summary>
/// Says what was checked, a line each, as <c>VmRun</c> reads it: <c>CHECK name PASS|FAIL detail</c>, <c>NOTE text</c>, and <c>END passed failed</c>
/// as the last line.
/// </summary>
internal sealed class Report(TextWriter output)
{
    private int _passed;
    private int _failed;

    /// <summary>Runs one check. What it returns is the detail; what it throws makes it fail, and the next check runs all the same.</summary>
    public void Check(string name, Func<string> check)
    {
        string verdict;
        string detail;
        long began = Environment.TickCount64;
        try
        {
            detail = check();
            verdict = "PASS";
            _passed++;
        }
        catch (Exception failure)
        {
            detail = failure is CheckFailedException ? failure.Message : failure.ToString();
            verdict = "FAIL";
            _failed++;
        }

        Line($"CHECK {name} {verdict} {detail} ({Environment.TickCount64 - began} ms)");
    }

    public void Note(string text)
    {
        foreach (string line in text.Split('\n'))
        {
            Line($"NOTE {line}");
        }
    }

    /// <summary>The last line.</summary>
    /// <returns>The exit code.</returns>
    public int End()
    {
        Line($"END {_passed} {_failed}");
        return _failed == 0 ? 0 : 1;
    }

    internal static void Require(bool holds, string seen)
    {
        if (!holds)
        {
            throw new CheckFailedException(seen);
        }
    }

    internal static void RequireEqual<T>(T expected, T actual, string what)
    {
        Require(EqualityComparer<T>.Default.Equals(expected, actual), $"{what}: {actual}, expected {expected}");
    }

    /// <summary>What a call is refused with.</summary>
    internal static PamuException RequireRefused(Errno errno, Action call, string what)
    {
        try
        {
            call();
        }
        catch (PamuException refusal)
        {
            RequireEqual(errno, refusal.Errno, $"{what}: {refusal.Message}");
            return refusal;
        }

        throw new CheckFailedException($"{what}: succeeded, expected {errno}");
    }

    private void Line(string text)
    {
        output.Write(text.ReplaceLineEndings(" | ") + "\n");
        output.Flush();
    }
}
