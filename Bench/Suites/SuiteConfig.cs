using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Exporters.Json;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using Perfolizer.Horology;

namespace PamuFastPath.Bench.Suites;

/// <summary>
/// How all suites run: one process for each benchmark, many short iterations. The machines are shared, so the spread says more than the
/// mean.
/// </summary>
internal static class SuiteConfig
{
    internal static Job Job { get; } = BenchmarkDotNet.Jobs.Job.Default
        .WithWarmupCount(3)
        .WithIterationCount(15)
        .WithIterationTime(TimeInterval.FromMilliseconds(150));

    /// <summary>Suites that bring jobs of their own (<see cref="IsaJobsAttribute"/>) must not get this one twice.</summary>
    internal static IConfig Create(IEnumerable<string> arguments)
    {
        ManualConfig config = ManualConfig.CreateEmpty()
            .AddDiagnoser(MemoryDiagnoser.Default)
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddColumn(StatisticColumn.Median, StatisticColumn.P95)
            .AddExporter(MarkdownExporter.GitHub, JsonExporter.Full)
            .AddLogger(ConsoleLogger.Default);

        // A job named on the command line (--job Dry) takes the place of ours instead of joining it.
        return arguments.Contains("--job") || arguments.Contains("-j") ? config : config.AddJob(Job.WithId("native"));
    }
}

/// <summary>
/// Adds the suite's runs with narrower instruction sets. Switched off by environment, as an older processor would have it; the names are
/// those .NET 10 obeys (the older EnableAVX512F changes nothing).
/// </summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class IsaJobsAttribute : Attribute, IConfigSource
{
    public IConfig Config { get; } = ManualConfig.CreateEmpty()
        .AddJob(Without("AVX2 only", "DOTNET_EnableAVX512"))
        .AddJob(Without("no AVX2", "DOTNET_EnableAVX2"))
        .AddJob(Without("scalar", "DOTNET_EnableHWIntrinsic"));

    private static Job Without(string name, string variable) => SuiteConfig.Job.WithEnvironmentVariable(variable, "0").WithId(name);
}
