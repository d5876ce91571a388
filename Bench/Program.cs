using BenchmarkDotNet.Running;
using PamuFastPath.Bench.Compare;
using PamuFastPath.Bench.Gate;
using PamuFastPath.Bench.Native;
using PamuFastPath.Bench.Overhead;
using PamuFastPath.Bench.Report;
using PamuFastPath.Bench.Suites;

switch (args)
{
    case ["compare", .. string[] rest]:
        return CompareCommand.Run(rest);
    case [GateCommand.Name, .. string[] rest]:
        return GateCommand.Run(rest);
    case [GateProcess.Command, .. string[] rest]:
        return GateProcess.Run(rest);
    case [OverheadCommand.Name, .. string[] rest]:
        return OverheadCommand.Run(rest);
    case [AttachCommand.Name, .. string[] rest]:
        return AttachCommand.Run(rest);
    case [OverheadProcess.Command, .. string[] rest]:
        return OverheadProcess.Run(rest);
    case [NativeCommand.Name, .. string[] rest]:
        return NativeCommand.Run(rest);
    case [ReportCommand.Name, .. string[] rest]:
        return ReportCommand.Run(rest);
    default:
        return BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, SuiteConfig.Create(args))
            .Any(summary => summary.HasCriticalValidationErrors || summary.Reports.Any(report => !report.Success)) ? 1 : 0;
}
