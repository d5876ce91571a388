using System.Diagnostics;
using System.Text.Json;
using PamuFastPath.Cli;

namespace PamuFastPath.Tests.Live;

/// <summary>A running <see cref="WatchedChild"/>.</summary>
internal sealed class WatchedProcess : IDisposable
{
    private readonly Process _process;

    internal WatchedProcess(int threads = 2)
    {
        _process = Process.Start(new ProcessStartInfo("dotnet", ["exec", typeof(WatchedProcess).Assembly.Location, "watched", $"{threads}"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        Assert.Equal("running", _process.StandardOutput.ReadLine());
    }

    internal int Id => _process.Id;

    internal string Pid => $"{_process.Id}";

    internal Holding Look() => Ask<Holding>("look");

    internal Tally Stop() => Ask<Tally>("stop");

    internal void End()
    {
        _process.StandardInput.WriteLine("end");
        Assert.True(_process.WaitForExit(TimeSpan.FromMinutes(1)), "the child did not end");
        Assert.Equal(0, _process.ExitCode);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    /// <summary>Runs one <c>pamu</c> command in this process.</summary>
    internal static (int Code, string Output, string Error) Pamu(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int code = PamuCli.Run(args, TextWriter.Synchronized(output), error);
        return (code, output.ToString(), error.ToString());
    }

    private T Ask<T>(string what)
    {
        _process.StandardInput.WriteLine(what);
        return JsonSerializer.Deserialize<T>(_process.StandardOutput.ReadLine()!)!;
    }
}
