using System.Xml.Linq;
using PamuFastPath.Bench.Report;
using PamuFastPath.Tests.Run;

namespace PamuFastPath.Tests.Gate;

/// <summary>Renders the results in Tests/Data/Report, which are invented: no machine measured them.</summary>
public sealed class ReportTests : IDisposable
{
    private static readonly string Data = Path.Combine(RunCase.Repository, "Tests/Data/Report");

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("pamu-report-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Every_plot_is_well_formed_and_shows_its_names_and_times()
    {
        Copy("compare.json", "history.jsonl");
        ReportPage.Write(_folder.FullName);

        AssertShows("baselines.svg", "two-level page directory", "1.62 ns", "single, own section", "1.31 ns");
        AssertShows("batch.svg", "AVX-512, 16 windows", "0.37 ns");
        AssertShows("windows.svg", "1", "256", "batch, AVX2, 1.88 ns");
        AssertShows("batch-size.svg", "64", "65,536", "copy, 0.19 ns");
        AssertShows("history.svg", "batch, Vector512Registers", "DMA write, 64 B");
    }

    [Fact]
    public void The_page_shows_plots_targets_and_misses()
    {
        Copy("compare.json", "history.jsonl");
        ReportPage.Write(_folder.FullName);
        string page = Read("README.md");

        Assert.Contains("![baselines](baselines.svg)", page, StringComparison.Ordinal);
        string[] lines = page.Split('\n');
        Assert.Contains("| single, own section | 16 | 1 | 1.310 | 0.052 | 1.18x bare lookup | <= 1.4x | yes |", lines);
        Assert.Contains("| AVX2, 16 windows | 16 | 1,024 | 0.960 | 0.038 | 2.58x AVX-512 | <= 2.5x | **no** |", lines);
        Assert.DoesNotContain("not measured", page, StringComparison.Ordinal);
    }

    [Fact]
    public void The_history_is_that_of_the_latest_machine()
    {
        Copy("history.jsonl");
        Assert.Equal(["history.svg", "README.md"], ReportPage.Write(_folder.FullName));

        Assert.Contains(Texts("history.svg"), text => text.Contains("3 accepted", StringComparison.Ordinal));
        Assert.DoesNotContain("Another CPU", Read("README.md"), StringComparison.Ordinal);
    }

    [Fact]
    public void Names_cannot_break_out_of_a_plot_or_a_table()
    {
        File.WriteAllText(
            Path.Combine(_folder.FullName, "compare.json"),
            """{ "rows": [ { "group": "baseline", "name": "<a> & | b", "median_ns": 2 } ] }""");
        ReportPage.Write(_folder.FullName);

        Assert.Contains("<a> & | b", Texts("baselines.svg"));
        Assert.Contains("| <a> & \\| b |", Read("README.md"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("compare.json", "{ \"rows\": [ { \"median_ns\": \"fast\" } ] }", "compare.json")]
    [InlineData("compare.json", "null", "compare.json")]
    [InlineData("history.jsonl", "{}", "history.jsonl, line 1")]
    [InlineData("history.jsonl", "not json", "history.jsonl, line 1")]
    public void A_bad_file_is_named_and_nothing_is_written(string name, string text, string named)
    {
        File.WriteAllText(Path.Combine(_folder.FullName, name), text);

        var bad = Assert.Throws<InvalidDataException>(() => ReportPage.Write(_folder.FullName));
        Assert.Contains(named, bad.Message, StringComparison.Ordinal);
        Assert.Equal([name], _folder.GetFiles().Select(file => file.Name));
    }

    private void AssertShows(string svg, params string[] texts) => Assert.All(texts, text => Assert.Contains(text, Texts(svg)));

    private void Copy(params string[] names) =>
        Array.ForEach(names, name => File.Copy(Path.Combine(Data, name), Path.Combine(_folder.FullName, name)));

    private string Read(string name) => File.ReadAllText(Path.Combine(_folder.FullName, name));

    private HashSet<string> Texts(string svg) =>
        [.. XDocument.Parse(Read(svg)).Descendants().Where(element => element.Name.LocalName == "text").Select(element => element.Value)];
}
