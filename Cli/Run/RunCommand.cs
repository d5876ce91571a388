using System.CommandLine;
using PamuFastPath.Cli.Probe;
using PamuFastPath.Cli.Run.Hardware;
using PamuFastPath.Cli.Run.Reports;
using PamuFastPath.Cli.Run.Scenarios;
using PamuFastPath.Cli.Run.Traces;
using PamuFastPath.Interop;
using Spectre.Console;

namespace PamuFastPath.Cli.Run;

/// <summary>The command <c>pamu run</c>.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var scenario = new Argument<string>("SCENARIO.json")
        {
            Description = "The scenario: docs/scenarios.md has the format, scenarios/ examples.",
        };
        var trace = new Option<string?>("--trace")
        {
            HelpName = "DMA.csv[.gz]",
            Description = "Replay this DMA trace (columns time_ns,device,op,addr,len) when the scenario's steps are done.",
        };
        var json = new Option<bool>("--json") { Description = "Print one JSON document instead of text." };
        var report = new Option<string?>("--report") { HelpName = "OUT.html", Description = "Also write a report as one HTML page." };
        var save = new Option<string?>("--save") { HelpName = "FILE", Description = "Also save the container as it is in the end: pamu snapshot prints it." };
        var hardware = new Option<string[]>("--hardware")
        {
            HelpName = "[GROUP=]BDF",
            Description = "Also hold the container's windows in the host's IOMMU, for the device with this PCI address (docs/hardware.md). It stands "
                + "behind the first group that is attached, or the one named. Once for each group.",
        };
        var command = new Command(
            "run",
            "Set up a machine by the steps of a scenario, try its accesses, replay a DMA trace, and say what happened.")
        {
            scenario,
            trace,
            json,
            report,
            save,
            hardware,
        };
        command.SetAction(parsed => Run(
            parsed.GetValue(scenario)!,
            parsed.GetValue(trace),
            parsed.GetValue(json),
            parsed.GetValue(report),
            parsed.GetValue(save),
            parsed.GetValue(hardware) ?? [],
            parsed.InvocationConfiguration.Output));
        return command;
    }

    private static int Run(
        string scenarioPath, string? tracePath, bool json, string? reportPath, string? savePath, string[] devices, TextWriter output)
    {
        using ScenarioMemory? memory = devices.Length == 0 ? null : new ScenarioMemory();
        Scenario scenario = ScenarioReader.Read(scenarioPath, memory == null ? null : memory.Supply);
        ScenarioHardware? hardware = memory == null ? null : ScenarioHardware.Open(devices, scenario, memory);
        OutputFile? page = reportPath == null ? null : OutputFile.Prepare("report", reportPath);
        OutputFile? snapshot = savePath == null ? null : OutputFile.Prepare("snapshot", savePath);
        IAnsiConsole console = OutputConsole.Over(output);
        TextReport? text = json ? null : new TextReport(console);
        text?.Begin(scenario);

        using var machine = new Machine(scenario, hardware);
        var pictures = new List<Picture>();
        machine.TakeSteps(picture =>
        {
            pictures.Add(picture);
            text?.Show(picture);
        });
        IReadOnlyList<AccessResult> accesses = AccessResult.TryAll(machine, scenario.Accesses);
        ReplayResult? replay = tracePath == null ? null : ReplayWithProgress(machine, scenario, tracePath, json ? null : console);
        PamuContainer container = machine.Container;
        var result = new RunResult(
            scenario, container.Geometry, container.WindowCount, container.WindowSize, container.GetWindows(), pictures, accesses, replay)
        {
            Hardware = hardware?.Choices ?? [],
        };

        page?.Write(HtmlReport.Write(result));
        snapshot?.Write(container.Save());
        text?.End(result);
        if (json)
        {
            output.WriteLine(JsonReport.Write(result));
        }

        return result.Passed ? PamuCli.Success : PamuCli.ExpectationFailed;
    }

    private static ReplayResult ReplayWithProgress(Machine machine, Scenario scenario, string trace, IAnsiConsole? console)
    {
        if (console is not { Profile.Capabilities.Interactive: true })
        {
            return Replay.Run(machine, scenario, trace, static _ => { });
        }

        return console.Progress().AutoClear(true).Start(context =>
        {
            ProgressTask task = context.AddTask("replay", maxValue: 1);
            return Replay.Run(machine, scenario, trace, done => task.Value = done);
        });
    }
}
