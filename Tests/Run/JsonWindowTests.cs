using System.Text.Json;
using PamuFastPath.Cli;

namespace PamuFastPath.Tests.Run;

/// <summary>The windows of <c>pamu run --json</c>.</summary>
public sealed class JsonWindowTests
{
    /// <summary>A target is whatever 64 bits the page source gives: all of them are printed.</summary>
    [Fact]
    public void ATargetIsPrintedWithAllItsBits()
    {
        using var run = new RunCase();
        string scenario = RunCase.Scenario.Replace("\"vaddr\": \"0x2000_0000\"", "\"vaddr\": \"0xfedc_ba98_7654_3000\"", StringComparison.Ordinal);
        Assert.Equal(PamuCli.Success, run.Run(run.Write("s.json", scenario), "--json"));
        using JsonDocument output = JsonDocument.Parse(run.Output);
        Assert.Equal(
            ["0x0", "0x10000000", "0xfedcba9876543000", "0xffe044000", "0xffe045000"],
            output.RootElement.GetProperty("windows").EnumerateArray().Select(window => window.GetProperty("phys").GetString()));
    }
}
