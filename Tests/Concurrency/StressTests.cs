using System.Globalization;
using PamuFastPath.Tests.Child;
using Xunit.Abstractions;

namespace PamuFastPath.Tests.Concurrency;

/// <summary>
/// The publication protocol under load, in child processes. <c>PAMU_STRESS_SECONDS</c> sets how long the engine runs in each (default 10). Each test has a
/// negative control: the same child with the grace period removed must be caught.
/// </summary>
public class StressTests(ITestOutputHelper output)
{
    /// <summary>A broken protocol fails within a second, or later where other tests take the processors; it ends with its failure.</summary>
    private const int Patience = 120;

    private static int Seconds => int.Parse(Environment.GetEnvironmentVariable("PAMU_STRESS_SECONDS") ?? "10", CultureInfo.InvariantCulture);

    [Fact]
    public void Every_answer_is_of_a_table_that_was_current_in_its_section()
    {
        ChildResult child = Run(Seconds, "stress", "with-grace");
        Assert.True(child.ExitCode == 0, child.ToString());
    }

    [Fact]
    public void Without_the_grace_period_the_table_stress_fails()
    {
        ChildResult child = Run(Patience, "stress", "without-grace");
        Assert.True(child.ExitCode != 0, "the broken protocol was not caught: " + child);
    }

    [Fact]
    public void After_unmap_returned_no_reader_touches_the_memory()
    {
        ChildResult child = Run(Seconds, "unmapped-memory", "with-grace");
        Assert.True(child.ExitCode == 0, child.ToString());
    }

    [Fact]
    public void Without_the_grace_period_a_reader_touches_unmapped_memory()
    {
        ChildResult child = Run(Patience, "unmapped-memory", "without-grace");
        Assert.True(child.ExitCode is 139 or 134, "the broken protocol did not crash: " + child);
    }

    private ChildResult Run(int seconds, string command, string protocol)
    {
        ChildResult child = ChildProcess.Run(TimeSpan.FromSeconds(seconds + 60), null, command, protocol, seconds.ToString(CultureInfo.InvariantCulture));
        output.WriteLine(child.Output);
        return child;
    }
}
