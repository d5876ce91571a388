using System.Diagnostics;
using System.Text;

namespace PamuFastPath.Tests.PlantedBugs;

/// <summary>Runs another program, looking at what it prints while it prints it.</summary>
internal static class Command
{
    /// <summary>Runs a program to its end, or until a line is seen that says enough, or until time is up.</summary>
    /// <param name="folder">Where it runs.</param>
    /// <param name="environment">Variables besides the inherited ones.</param>
    /// <param name="limit">After this it is ended, with all it started.</param>
    /// <param name="isEnough">Looks at each line of output; true ends the program, with all it started.</param>
    /// <param name="arguments">The program and its arguments.</param>
    internal static CommandResult Run(
        string folder, IReadOnlyDictionary<string, string> environment, TimeSpan limit, Func<string, bool>? isEnough, IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo(arguments[0], arguments.Skip(1))
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        var output = new StringBuilder();
        using var ended = new ManualResetEventSlim();
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{arguments[0]} did not start");
        process.OutputDataReceived += (_, line) => Take(line.Data);
        process.ErrorDataReceived += (_, line) => Take(line.Data);
        process.EnableRaisingEvents = true;
        process.Exited += (_, _) => Set(ended);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();

        bool isInTime = process.HasExited || ended.Wait(limit);
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
        }

        process.WaitForExit();
        lock (output)
        {
            return new CommandResult(process.ExitCode, output.ToString(), !isInTime);
        }

        void Take(string? line)
        {
            if (line != null)
            {
                lock (output)
                {
                    output.AppendLine(line);
                }

                if (isEnough?.Invoke(line) == true)
                {
                    Set(ended);
                }
            }
        }

        // The last lines may come when nobody waits any more.
        static void Set(ManualResetEventSlim ended)
        {
            try
            {
                ended.Set();
            }
            catch (ObjectDisposedException)
            {
            }
        }
    }
}

internal sealed record CommandResult(int ExitCode, string Output, bool IsOverdue);
