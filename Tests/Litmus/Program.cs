// The publication protocol on this machine's memory: `dotnet run -c Release --project Tests/Litmus -- --seconds 600`.
// Exit codes: Help.

using System.Globalization;
using PamuFastPath.Litmus;

const int DefaultSeconds = 8;
const string Help = """
    litmus [--seconds N]: the engine's publication against broken copies of it, on this machine's memory

    exit code
    0  PASS          the engine never failed, and every broken protocol did, every time
    1  FAIL          the engine failed: a reader was in a table it must not be in, or crashed when all readers were in place
    2                a bad call
    3  INCONCLUSIVE  the engine never failed, but neither did a broken protocol: too busy a machine, or one processor
    4  ERROR         nothing can be said: a race did not start, threw, was killed or did not end, or one that throws was not taken for an error
    """;

switch (args)
{
    case []:
        return new LitmusRun(TimeSpan.FromSeconds(DefaultSeconds), Console.Out).Run();

    case ["--seconds", string text] when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) && seconds > 0:
        return new LitmusRun(TimeSpan.FromSeconds(seconds), Console.Out).Run();

    case ["--help" or "-h"]:
        Console.WriteLine(Help);
        return 0;

    case [RaceProcess.Command, string hasBarrier, string calls, string fault, string milliseconds, string readers]:
        return RaceProcess.Run(
            new Race(bool.Parse(hasBarrier), Enum.Parse<Calls>(calls), Enum.Parse<Fault>(fault)),
            TimeSpan.FromMilliseconds(double.Parse(milliseconds, CultureInfo.InvariantCulture)),
            int.Parse(readers, CultureInfo.InvariantCulture));

    default:
        Console.Error.WriteLine("litmus: the options are --seconds N, a positive number, and --help");
        return 2;
}
