using BenchmarkDotNet.Running;
using PamuFastPath.Bench.Compare;
using PamuFastPath.Bench.Suites;

switch (args)
{
    case ["compare", .. string[] rest]:
        return CompareCommand.Run(rest);
    default:
        return BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, SuiteConfig.Create(args))
            .Any(summary => summary.HasCriticalValidationErrors || summary.Reports.Any(report => !report.Success)) ? 1 : 0;
}
