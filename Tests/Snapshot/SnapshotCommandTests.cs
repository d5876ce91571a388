using System.Text.Json;
using PamuFastPath.Cli;
using PamuFastPath.Tests.Run;

namespace PamuFastPath.Tests.Snapshot;

/// <summary><c>pamu run --save</c> and <c>pamu snapshot</c>; what the text says is in the golden files.</summary>
public sealed class SnapshotCommandTests : IDisposable
{
    private readonly RunCase _run = new();

    public void Dispose() => _run.Dispose();

    [Fact]
    public void What_a_run_saves_is_what_its_container_was_in_the_end()
    {
        string file = _run.PathOf("saved.pamu");
        Assert.Equal(PamuCli.Success, _run.Run(_run.Write("s.json", RunCase.Scenario), "--json", "--save", file));
        JsonElement ran = JsonDocument.Parse(_run.Output).RootElement;

        JsonElement saved = JsonDocument.Parse(Print(file, "--json")).RootElement;

        foreach (string field in (string[])["aperture", "windowCount", "windowSize"])
        {
            Assert.Equal(Compact(ran.GetProperty(field)), Compact(saved.GetProperty(field)));
        }

        Assert.Equal(Windows(ran), Windows(saved));

        Assert.Equal([1, 2], saved.GetProperty("groups").EnumerateArray().Select(group => group.GetProperty("id").GetInt32()));
        Assert.Contains("IOMMU       PAMU", Print(file), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_field_of_the_document_is_there()
    {
        string file = _run.Write("f.pamu", SnapshotMachine.Saved());
        JsonElement saved = JsonDocument.Parse(Print(file, "--json")).RootElement;
        Assert.Equal(
            ["bytes", "platform", "iommuSet", "aperture", "windowCount", "windowSize", "stash", "generation", "windows", "groups", "faults"],
            saved.EnumerateObject().Select(field => field.Name));
        Assert.Equal("""{"cpu":2,"cache":3}""", Compact(saved.GetProperty("stash")));
        Assert.Equal("""{"id":7,"liodns":[81,66],"msiBanks":[1]}""", Compact(saved.GetProperty("groups")[0]));
        Assert.Equal(
            """{"kind":"noMapping","liodn":66,"op":"write","iova":"0x170042","length":"0x40","refusedAt":"0x170000"}""", Compact(saved.GetProperty("faults")[0]));
    }

    [Theory]
    [InlineData("no.pamu", null, ": snapshot: no such file or directory")]
    [InlineData("", null, ": snapshot: is a directory")]
    [InlineData("empty.pamu", 0, ": EINVAL: snapshot: it is none: those begin with PAMUSNAP")]
    [InlineData("cut.pamu", 100, ": EINVAL: snapshot: truncated: 100 of its 616 bytes are there")]
    public void A_file_that_is_no_snapshot_is_one_line_and_exit_code_2(string name, int? bytes, string message)
    {
        string file = _run.PathOf(name);
        if (bytes is int length)
        {
            _run.Write(name, SnapshotMachine.Saved()[..length]);
        }

        using var output = new StringWriter();
        using var error = new StringWriter { NewLine = "\n" };
        Assert.Equal(PamuCli.BadInput, PamuCli.Run(["snapshot", file], output, error));
        Assert.Equal((file + message + "\n", ""), (error.ToString(), output.ToString()));
    }

    [Fact]
    public void A_file_that_cannot_be_written_is_refused_before_the_run_and_one_that_is_there_stays_if_the_run_fails()
    {
        string scenario = _run.Write("s.json", RunCase.Scenario);
        Assert.Equal(PamuCli.BadInput, _run.Run(scenario, "--save", _run.PathOf("no/where.pamu")));
        Assert.Equal(($"{_run.PathOf("no/where.pamu")}: snapshot: no such file or directory\n", ""), (_run.Error, _run.Output));
        string old = _run.Write("old.pamu", "old");
        Assert.Equal(PamuCli.BadInput, _run.Run(scenario, "--save", old, "--trace", _run.PathOf("no.csv")));
        Assert.Equal("old", File.ReadAllText(old));
    }

    private static IEnumerable<string> Windows(JsonElement document) =>
        document.GetProperty("windows").EnumerateArray().Select(window => Compact(window).Replace(",\"msiBank\":null", "", StringComparison.Ordinal));

    private static string Compact(JsonElement element) => JsonSerializer.Serialize(element);

    private static string Print(string file, params string[] options)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        Assert.Equal(PamuCli.Success, PamuCli.Run(["snapshot", file, .. options], output, error));
        Assert.Empty(error.ToString());
        return output.ToString();
    }
}
