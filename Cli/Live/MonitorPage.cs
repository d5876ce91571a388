using System.Globalization;
using PamuFastPath.Cli.Run.Reports;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace PamuFastPath.Cli.Live;

/// <summary>The page <c>pamu monitor</c> shows on a terminal.</summary>
internal sealed class MonitorPage(int pid, Watch watch)
{
    private const int HeatWidth = 64;
    private const string Levels = "▁▂▃▄▅▆▇█";

    private static readonly Style Dim = new(decoration: Decoration.Dim);
    private static readonly Style Heading = new(decoration: Decoration.Bold);
    private static readonly Style Bad = new(Color.Red);
    private static readonly Color[] Warmth = [Color.Blue, Color.Teal, Color.Green, Color.Yellow, Color.Orange1, Color.Red];

    private readonly string _command = Printable.Of(EngineProcess.CommandOf(pid), 80);

    public IRenderable Draw()
    {
        var rows = new List<IRenderable> { new Text($"pamu monitor   process {pid}   {_command}", Heading) };
        IReadOnlyList<EngineActivity> engines = watch.Engines;
        if (engines.Count == 0)
        {
            rows.Add(new Text("Waiting for the first snapshot: the process has no engine yet, or is stopped.", Dim));
        }

        foreach (EngineActivity engine in engines)
        {
            rows.Add(Text.Empty);
            rows.AddRange(Engine(engine));
        }

        rows.Add(Text.Empty);
        rows.Add(Runtime(watch.Runtime));
        Lines(rows, "waits", watch.Warnings, Bad);
        Lines(rows, "last faults", watch.Faults, Bad);
        Lines(rows, "last control calls", watch.Calls, Style.Plain);
        return new Rows(rows);
    }

    private static IEnumerable<IRenderable> Engine(EngineActivity engine)
    {
        EngineSnapshot now = engine.Now;
        string state = now.IsLast ? "disposed" : now.IsCounting ? "counting" : "accesses are not counted";
        yield return new Text($"engine {now.Engine}   {state}, {now.Readers} readers", Heading);

        Grid rates = Columns(6);
        rates.AddRow(Cells(Dim, "translations/s", "read/s", "written/s", "messages/s", "faults/s", "control calls/s"));
        rates.AddRow(Cells(
            Heading,
            Amounts.Rate(engine.PerSecond(static of => of.Translations)),
            Amounts.Bytes(engine.PerSecond(static of => of.BytesRead)),
            Amounts.Bytes(engine.PerSecond(static of => of.BytesWritten)),
            Amounts.Rate(engine.PerSecond(static of => of.MsiHits)),
            Amounts.Rate(engine.PerSecond(static of => of.Faults)),
            Amounts.Rate(engine.PerSecond(static of => of.ControlCalls))));
        rates.AddRow(Cells(
            Dim,
            Whole(now.Translations),
            Units.Bytes(now.BytesRead),
            Units.Bytes(now.BytesWritten),
            Whole(now.MsiHits),
            Whole(now.Faults),
            Whole(now.ControlCalls)));
        yield return rates;
        yield return new Text(
            $"tables {Amounts.Rate(engine.PerSecond(static of => of.Publications))}/s   grace periods "
            + string.Join("  ", EngineActivity.Quantiles.Select(q => $"{q.Name} < {Amounts.Time(engine.GraceQuantile(q.Share))}"))
            + $"  longest {Amounts.Time(now.GraceNanosecondsMax)}   tables to be freed {now.TablesRetired}");
        if (now.FaultEventsSuppressed + now.FaultsDropped > 0)
        {
            yield return new Text($"faults not shown {Whole((ulong)now.FaultEventsSuppressed)}   not in the fault log {Whole((ulong)now.FaultsDropped)}", Dim);
        }

        foreach (ContainerActivity container in engine.Containers.Where(static of => !of.IsIdle))
        {
            foreach (IRenderable row in Container(container))
            {
                yield return row;
            }
        }
    }

    private static IEnumerable<IRenderable> Container(ContainerActivity container)
    {
        ContainerSnapshot now = container.Now;
        string what = now.Container < 0
            ? "no container: LIODNs nobody holds, and containers that are closed"
            : $"container {now.Container}   {Units.Address(now.ApertureStart)} to {Units.Address(now.ApertureLast)}, "
                + $"{now.WindowsLive} of {now.Windows} windows live";
        string messages = string.Join("  ", container.PerSecond(static of => of.MsiHits)
            .Select(static (rate, bank) => (Bank: bank, Rate: rate))
            .Where(bank => now.MsiHits[bank.Bank] > 0)
            .Select(static bank => $"bank {bank.Bank}: {Amounts.Rate(bank.Rate)}/s"));
        string faults = string.Join("  ", MonitorText.Kinds(now.Faults).Select(static kind => $"{kind.Key} {kind.Value:N0}"));
        yield return new Text($"  {what}{(messages.Length > 0 ? "   " + messages : "")}");
        if (faults.Length > 0)
        {
            yield return new Text($"  faults so far: {faults}", Bad);
        }

        double[] heat = container.Heat;
        double hottest = heat.Length == 0 ? 0 : heat.Max();
        for (int first = 0; first < heat.Length; first += HeatWidth)
        {
            var strip = new Paragraph();
            strip.Append(string.Create(CultureInfo.InvariantCulture, $"  {first,3} "), Dim);
            foreach (double rate in heat.Skip(first).Take(HeatWidth))
            {
                bool isHot = rate > 0;
                strip.Append(
                    isHot ? $"{Levels[Step(rate, hottest, Levels.Length)]}" : "·", isHot ? new Style(Warmth[Step(rate, hottest, Warmth.Length)]) : Dim);
            }

            yield return strip;
        }
    }

    /// <summary>0 to <paramref name="steps"/> - 1; each step is twice as hot, so that a window next to a much hotter one is still seen.</summary>
    private static int Step(double rate, double hottest, int steps) =>
        Math.Clamp(steps - 1 + (int)Math.Floor(Math.Log2(rate / hottest) * steps / 10), 0, steps - 1);

    private static Text Runtime(IReadOnlyDictionary<string, double> figures)
    {
        double Of(string name) => figures.TryGetValue(name, out double value) ? value : 0;
        return new Text(
            figures.Count == 0
                ? "the runtime has said nothing yet"
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"runtime   CPU {Of("cpu-usage"):0} %   memory {Of("working-set"):0} MB   managed heap {Of("gc-heap-size"):0.0} MB"
                    + $"   allocated {Amounts.Bytes(Of("alloc-rate"))}/s   collections/s {Of("gen-0-gc-count"):0} + {Of("gen-1-gc-count"):0} + {Of("gen-2-gc-count"):0}   time in GC {Of("time-in-gc"):0} %"));
    }

    private static void Lines(List<IRenderable> rows, string heading, IReadOnlyList<string> lines, Style style)
    {
        if (lines.Count > 0)
        {
            rows.Add(Text.Empty);
            rows.Add(new Text(heading, Heading));
            rows.AddRange(lines.Select(line => new Text("  " + line, style)));
        }
    }

    private static Grid Columns(int count)
    {
        var grid = new Grid();
        for (int i = 0; i < count; i++)
        {
            grid.AddColumn(new GridColumn { Alignment = Justify.Right, NoWrap = true, Padding = new Padding(2, 0, 2, 0) });
        }

        return grid;
    }

    private static IRenderable[] Cells(Style style, params string[] texts) => [.. texts.Select(text => new Text(text, style))];

    private static string Whole(ulong count) => count.ToString("N0", CultureInfo.InvariantCulture);
}
