using System.Diagnostics;
using System.Globalization;
using PamuFastPath.Tests.Run;

namespace PamuFastPath.Tests.Vm;

/// <summary>What the guest said of one check.</summary>
internal sealed record VmCheck(string Name, bool Passed, string Detail);

/// <summary>One boot of the virtual machine, built and run by <c>Tests/Vm/vm</c>, and what its guest reported.</summary>
internal sealed class VmRun
{
    private const string Transfers = "PAMU_VM_TRANSFERS";
    private const int DefaultTransfers = 1_000;

    /// <summary>The one run that all tests read.</summary>
    internal static readonly Lazy<VmRun> Once = new(Boot);

    /// <summary>The command that makes the machine run here, or null if it can.</summary>
    internal static readonly Lazy<string?> Missing = new(FindMissing);

    private VmRun(int exitCode, string output, string error)
    {
        ExitCode = exitCode;
        Error = error;
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        foreach (string line in lines.Where(static line => line.StartsWith("CHECK ", StringComparison.Ordinal)))
        {
            string[] fields = line.Split(' ', 4);
            Checks.Add(fields is [_, string name, "PASS" or "FAIL", string detail]
                ? new VmCheck(name, fields[2] == "PASS", detail)
                : new VmCheck(line, Passed: false, "is no check line"));
        }

        Ending = [.. lines.TakeLast(2)];
    }

    internal int ExitCode { get; }

    internal string Error { get; }

    internal List<VmCheck> Checks { get; } = [];

    /// <summary>The last two lines: the guest program's and its init's.</summary>
    internal IReadOnlyList<string> Ending { get; }

    internal static int TransferCount =>
        Environment.GetEnvironmentVariable(Transfers) is string count ? int.Parse(count, CultureInfo.InvariantCulture) : DefaultTransfers;

    private static string Script => Path.Combine(RunCase.Repository, "Tests", "Vm", "vm");

    private static VmRun Boot()
    {
        (int code, string output, string error) = Call("run", TransferCount.ToString(CultureInfo.InvariantCulture));
        return new VmRun(code, output, error);
    }

    private static string? FindMissing()
    {
        if (!OperatingSystem.IsLinux())
        {
            return "the virtual machine is built on Linux";
        }

        (int code, string output, _) = Call("missing");
        return code == 0 ? null : output.Trim();
    }

    private static (int Code, string Output, string Error) Call(params string[] arguments)
    {
        var start = new ProcessStartInfo("bash", [Script, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };

        // What the test host's SDK says of itself is not meant for the SDK that publishes the guest.
        foreach (string name in start.Environment.Keys.Where(static name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList())
        {
            start.Environment.Remove(name);
        }

        using Process process = Process.Start(start) ?? throw new InvalidOperationException("bash did not start");
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
