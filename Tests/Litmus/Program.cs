// The publication protocol on this machine's memory: `dotnet run -c Release --project Tests/Litmus -- --seconds 600`.
// Exit code 0: PASS. 1: FAIL. 2: a bad call. 3: INCONCLUSIVE.

using System.Globalization;
using PamuFastPath.Litmus;

const int DefaultSeconds = 8;

switch (args)
{
    case []:
        return new LitmusRun(TimeSpan.FromSeconds(DefaultSeconds), Console.Out).Run();

    case ["--seconds", string text] when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) && seconds > 0:
        return new LitmusRun(TimeSpan.FromSeconds(seconds), Console.Out).Run();

    case [RaceProcess.Command, string hasBarrier, string calls, string fault, string milliseconds, string readers]:
        return RaceProcess.Run(
            new Race(bool.Parse(hasBarrier), Enum.Parse<Calls>(calls), Enum.Parse<Fault>(fault)),
            TimeSpan.FromMilliseconds(double.Parse(milliseconds, CultureInfo.InvariantCulture)),
            int.Parse(readers, CultureInfo.InvariantCulture));

    default:
        Console.Error.WriteLine("litmus: the only option is --seconds N, a positive number");
        return 2;
}
