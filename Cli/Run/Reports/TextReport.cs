using PamuFastPath.Cli.Run.Hardware;
using PamuFastPath.Cli.Run.Scenarios;
using PamuFastPath.Cli.Run.Traces;
using Spectre.Console;

namespace PamuFastPath.Cli.Run.Reports;

/// <summary>The report that is printed.</summary>
internal sealed class TextReport(IAnsiConsole console)
{
    /// <summary>Windows and interrupts beyond this many are summed up in one line.</summary>
    private const int TopMax = 12;

    public void Begin(Scenario scenario)
    {
        console.WriteLine(scenario.File, new Style(decoration: Decoration.Bold));
        console.WriteLine(scenario.Description);
    }

    /// <summary>The window table in the shape of the mail that started it all.</summary>
    public void Show(Picture picture)
    {
        Heading(picture.Caption);
        List<WindowRun> runs = WindowRun.Of(picture.Windows);
        if (runs.Count == 0)
        {
            console.WriteLine("no window is mapped");
            return;
        }

        int index = Math.Max(2, runs.Max(static run => run.Index.Length));
        int iova = Math.Max(10, runs.Max(static run => Units.Address(run.First.Iova).Length));
        int phys = Math.Max(10, runs.Max(static run => Units.Address(run.First.Target).Length));
        int size = Math.Max(4, runs.Max(static run => run.Size.Length));
        string head = $"{"win".PadRight(Math.Max(3, index))}  enabled  {"iova".PadRight(iova)}  {"phys".PadRight(phys)}  size";
        console.WriteLine(head, new Style(decoration: Decoration.Bold));
        foreach (WindowRun run in runs)
        {
            string live = run.First.IsLive ? "Y" : "N";
            console.WriteLine(
                $"{run.Index.PadLeft(index).PadRight(3)}     {live}     {Units.Address(run.First.Iova).PadRight(iova)}  "
                + $"{Units.Address(run.First.Target).PadRight(phys)}  {run.Size.PadRight(size)}  // {run.Use}",
                run.First.IsLive ? Style.Plain : new Style(decoration: Decoration.Dim));
        }
    }

    public void End(RunResult result)
    {
        if (result.Hardware.Count > 0)
        {
            Hardware(result.Hardware);
        }

        if (result.Accesses.Count > 0)
        {
            Accesses(result.Accesses);
        }

        if (result.Replay is ReplayResult replay)
        {
            Summary(replay);
            Devices(replay);
            Windows(result, replay);
            Messages(replay);
            Faults(replay);
        }

        foreach (TranslationExplanation explanation in result.Explanations)
        {
            Explanation(explanation);
        }

        console.WriteLine();
        foreach (string failure in result.Failures)
        {
            console.WriteLine($"FAILED: {failure}", new Style(Color.Red));
        }

        if (result.Passed)
        {
            console.WriteLine("OK", new Style(Color.Green));
        }
    }

    private void Hardware(IReadOnlyList<HardwareChoice> choices)
    {
        Heading("every step was also taken in the host's IOMMU");
        var table = new TextTable(">group", "device", ">vfio group");
        foreach (HardwareChoice choice in choices)
        {
            table.Add($"{choice.Group}", choice.Device, $"{choice.VfioGroup}");
        }

        table.Write(console);
    }

    private void Explanation(TranslationExplanation explanation)
    {
        Heading($"a {(explanation.Access == DmaAccess.Read ? "read" : "write")} of {explanation.Length} bytes at {Units.Address(explanation.Iova)}");
        var table = new TextTable("", "step", "finding");
        foreach (ExplanationStep step in explanation.Steps)
        {
            table.Add(step.Passes ? "ok" : "NO", step.Check, step.Finding);
        }

        table.Write(console);
        console.WriteLine($"It {explanation.Verdict}.");
    }

    private void Accesses(IReadOnlyList<AccessResult> accesses)
    {
        Heading("accesses tried");
        var table = new TextTable("device", "op", "iova", ">length", "expected", "answer", "target");
        foreach (AccessResult access in accesses)
        {
            AccessTrial trial = access.Trial;
            table.Add(
                trial.Who,
                trial.Access == DmaAccess.Read ? "R" : "W",
                Units.Address(trial.Iova),
                $"{trial.Length}",
                trial.Expect.Name,
                access.Answer.Outcome.Name + (access.IsAsExpected ? "" : " <- FAILED"),
                access.Answer.Outcome.Fault == FaultKind.None ? Units.Address(access.Answer.Target) : "-");
        }

        table.Write(console);
    }

    private void Summary(ReplayResult replay)
    {
        Heading($"replay of {replay.File}");
        var table = new TextTable("", ">");
        table.Add("rows", Units.Count(replay.Rows));
        if (replay.Invalidations > 0)
        {
            table.Add("  invalidations (no accesses)", Units.Count(replay.Invalidations));
        }

        table.Add("accesses", Units.Count(replay.Accesses));
        table.Add("  translated", Units.Count(replay.Translated));
        table.Add("  messages", Units.Count(replay.Messages));
        table.Add("  faults", Units.Count(replay.Faults));
        table.Add("accounted for", $"{Units.Count(replay.Translated + replay.Messages + replay.Faults)} of {Units.Count(replay.Accesses)}");
        table.Add("over a window's end", Units.Count(replay.Crossing));
        table.Add("read by devices", Units.Bytes(replay.BytesRead));
        table.Add("written by devices", Units.Bytes(replay.BytesWritten));
        table.Add("translation alone", $"{Units.Fraction(replay.NanosecondsPerAccess, "0.00")} ns per access");
        table.Add("", $"{Units.Fraction(replay.AccessesPerSecond / 1e6, "0.0")} million accesses/s");
        table.Add("with reading and counting", $"{Units.Fraction(replay.WallTime.TotalMilliseconds, "0.0")} ms");
        table.Write(console);
    }

    private void Devices(ReplayResult replay)
    {
        Heading("devices");
        var table = new TextTable("device", ">liodn", ">reads", ">writes", ">messages", ">faults");
        foreach (DeviceHits hits in replay.Devices)
        {
            table.Add(
                hits.Device.Name,
                $"0x{hits.Device.Liodn:x}",
                Units.Count(hits.Reads),
                Units.Count(hits.Writes),
                Units.Count(hits.Messages),
                Units.Count(hits.Faults));
        }

        table.Write(console);
    }

    private void Windows(RunResult result, ReplayResult replay)
    {
        List<WindowHits> hit = [.. replay.Windows.Where(static window => window.Hits > 0).OrderByDescending(static window => window.Hits)];
        Heading($"windows hit: {hit.Count} of {result.WindowCount}");
        var table = new TextTable(">win", "iova", ">reads", ">writes", ">messages");
        foreach (WindowHits window in hit.Take(TopMax))
        {
            string iova = Units.Address(result.Aperture.Start + (ulong)window.Index * result.WindowSize);
            table.Add($"{window.Index}", iova, Units.Count(window.Reads), Units.Count(window.Writes), Units.Count(window.Messages));
        }

        if (hit.Count > TopMax)
        {
            WindowHits[] rest = [.. hit.Skip(TopMax)];
            table.Add(
                "",
                $"{rest.Length} more",
                Units.Count(rest.Sum(static window => window.Reads)),
                Units.Count(rest.Sum(static window => window.Writes)),
                Units.Count(rest.Sum(static window => window.Messages)));
        }

        table.Write(console);
    }

    private void Messages(ReplayResult replay)
    {
        Heading("messages");
        if (replay.MessagesSent.Count == 0)
        {
            console.WriteLine("none");
            return;
        }

        var table = new TextTable(">bank", ">register", ">data", ">msir", ">bit", ">interrupt", ">messages");
        foreach (IGrouping<int, MessageHits> bank in replay.MessagesSent.GroupBy(static hits => hits.Bank))
        {
            foreach (MessageHits hits in bank.OrderByDescending(static hits => hits.Count).Take(TopMax))
            {
                table.Add(
                    $"{hits.Bank}",
                    $"0x{hits.Offset:x}",
                    hits.Data is uint data ? $"0x{data:x}" : "-",
                    hits.Interrupt is MsiInterrupt known ? $"{known.Register}" : "-",
                    hits.Interrupt is MsiInterrupt raised ? $"{raised.Bit}" : "-",
                    hits.Interrupt is MsiInterrupt interrupt ? $"0x{interrupt.Interrupt:x}" : "none",
                    Units.Count(hits.Count));
            }

            table.Add($"{bank.Key}", "all", "", "", "", "", Units.Count(bank.Sum(static hits => hits.Count)));
        }

        table.Write(console);
    }

    private void Faults(ReplayResult replay)
    {
        Heading("faults");
        if (replay.Faults == 0)
        {
            console.WriteLine("none");
            return;
        }

        var kinds = new TextTable("kind", ">faults");
        foreach ((FaultKind kind, long count) in replay.FaultsByKind)
        {
            kinds.Add(Outcome.Faulted(kind).Name, Units.Count(count));
        }

        kinds.Write(console);
        Heading($"first {replay.FirstFaults.Count} faults");
        var first = new TextTable(">line", "device", "op", "iova", ">length", "kind", "refused at");
        foreach (TraceFault fault in replay.FirstFaults)
        {
            first.Add(
                $"{fault.Line}",
                fault.Device,
                $"{fault.Op}",
                Units.Address(fault.Iova),
                $"{fault.Length}",
                Outcome.Faulted(fault.Kind).Name,
                Units.Address(fault.FaultIova));
        }

        first.Write(console);
    }

    private void Heading(string text)
    {
        console.WriteLine();
        console.WriteLine(text, new Style(Color.Aqua));
    }
}
