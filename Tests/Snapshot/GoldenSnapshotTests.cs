using PamuFastPath.Cli;
using PamuFastPath.Tests.Run;

namespace PamuFastPath.Tests.Snapshot;

/// <summary>Snapshots that earlier versions wrote: Tests/Data/snapshots.</summary>
public sealed class GoldenSnapshotTests
{
    /// <summary>File, and the one it saves back as.</summary>
    public static TheoryData<string, string> Files => new()
    {
        { "fresh", "fresh" },
        { "three-banks", "three-banks" },
        { "everything", "everything" },
        { "256-windows", "256-windows" },
        { "windows-below-a-page", "windows-below-a-page" },
        { "unknown-chunks", "everything" },
    };

    private static string Directory => Path.Combine(RunCase.Repository, "Tests", "Data", "snapshots");

    [Theory]
    [MemberData(nameof(Files))]
    public void A_snapshot_of_an_earlier_version_is_restored_saves_back_and_says_what_it_said(string name, string savesAs)
    {
        byte[] snapshot = Read(name);
        using PamuEngine engine = new(PamuSnapshot.PlatformOf(snapshot));
        PamuContainer container = engine.CreateContainer();

        container.Restore(snapshot);

        Assert.Equal(Read(savesAs), container.Save());
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter();
        Assert.Equal(PamuCli.Success, PamuCli.Run(["snapshot", PathOf(name + ".pamu")], output, error));
        Assert.Equal(File.ReadAllText(PathOf(name + ".txt")), output.ToString());
    }

    [Fact]
    public void A_snapshot_of_a_later_version_is_EPROTO()
    {
        using PamuEngine engine = new();
        PamuContainer container = engine.CreateContainer();
        Assert.Equal(Errno.EPROTO, ErrnoOf.Call(() => container.Restore(Read("newer-version"))));
        Assert.Equal(Errno.EPROTO, ErrnoOf.Call(() => PamuSnapshot.PlatformOf(Read("newer-version"))));
    }

    [Fact]
    public void Every_file_there_is_in_a_test_and_on_the_list()
    {
        IEnumerable<string> files = System.IO.Directory.GetFiles(Directory, "*.pamu").Select(file => Path.GetFileNameWithoutExtension(file)!);
        Assert.Equal([.. Files.Select(row => (string)row[0]).Append("newer-version").Order(StringComparer.Ordinal)], files.Order(StringComparer.Ordinal));
        string list = File.ReadAllText(PathOf("README.md"));
        Assert.All(files, file => Assert.Contains($"| `{file}` |", list, StringComparison.Ordinal));
    }

    /// <summary>Nothing of the writer has changed either: what made the file makes it still.</summary>
    [Fact]
    public void The_same_container_still_saves_as_the_same_file() => Assert.Equal(Read("everything"), SnapshotMachine.Saved());

    private static string PathOf(string file) => Path.Combine(Directory, file);

    private static byte[] Read(string name) => File.ReadAllBytes(PathOf(name + ".pamu"));
}
