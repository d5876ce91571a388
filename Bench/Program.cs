using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using PamuFastPath.Bench.Gate;
using PamuFastPath.Bench.Report;
using Perfolizer.Horology;

switch (args)
{
    case ["quick"]:
        PamuFastPath.Bench.Quick.Run();
        return 0;
    case [GateCommand.Name, .. string[] rest]:
        return GateCommand.Run(rest);
    case [GateProcess.Command, .. string[] rest]:
        return GateProcess.Run(rest);
    case [ReportCommand.Name, .. string[] rest]:
        return ReportCommand.Run(rest);
}

// One process per benchmark, many short iterations: these machines are shared, so the spread says more than the mean.
IConfig config = ManualConfig.CreateEmpty()
    .AddJob(Job.Default.WithWarmupCount(3).WithIterationCount(15).WithIterationTime(TimeInterval.FromMilliseconds(150)))
    .AddDiagnoser(MemoryDiagnoser.Default)
    .AddColumnProvider(DefaultColumnProviders.Instance)
    .AddColumn(StatisticColumn.Median, StatisticColumn.P95)
    .AddExporter(MarkdownExporter.GitHub)
    .AddLogger(ConsoleLogger.Default);

return BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, config).Any(summary => summary.HasCriticalValidationErrors) ? 1 : 0;
