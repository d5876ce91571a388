// Everything that comes and goes, for long: `dotnet run -c Release --project Tests/Soak -- --seconds 900`.
// Exit code 0: memory, handles and threads are flat, and after that every measure saw a planted leak in a short run. 1: not so. 2: a bad call, or no Linux.
// --leak plants it for all of the run, which then has to end with 1.

using System.Globalization;
using PamuFastPath.Soak;

const int DefaultSeconds = 14;
const int LeakSeconds = 10;

if (!OperatingSystem.IsLinux())
{
    Console.Error.WriteLine("soak: handles, threads and memory are read from Linux's /proc");
    return 2;
}

int seconds = DefaultSeconds;
bool leak = false;
for (int i = 0; i < args.Length; i++)
{
    if (args[i] == "--leak")
    {
        leak = true;
    }
    else if (args[i] != "--seconds" || ++i == args.Length || !IsPositive(args[i], out seconds))
    {
        Console.Error.WriteLine("soak: the options are --seconds N, a positive number, and --leak");
        return 2;
    }
}

if (leak)
{
    return Soak(seconds, planted: true).Length == 0 ? 0 : 1;
}

string[] wrong = Soak(seconds, planted: false);
if (wrong.Length > 0)
{
    return 1;
}

Console.WriteLine();
string[] missed = [.. Measures.Working.Except(Soak(LeakSeconds, planted: true))];
Console.WriteLine(missed.Length == 0
    ? "PASS: flat, and every measure sees a planted leak"
    : $"FAIL: the planted leak was not seen by: {string.Join("; ", missed)}");
return missed.Length == 0 ? 0 : 1;

static string[] Soak(int seconds, bool planted)
{
    using PlantedLeak? leak = planted ? new PlantedLeak() : null;
    using var run = new SoakRun(TimeSpan.FromSeconds(seconds), leak, Console.Out);
    return run.Run();
}

static bool IsPositive(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number > 0;
