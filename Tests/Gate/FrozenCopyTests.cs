using PamuFastPath.Bench.Gate;

namespace PamuFastPath.Tests.Gate;

public sealed class FrozenCopyTests : IDisposable
{
    private const string Events = "Engine/Diagnostics/PamuEventSource.cs";
    private const string Frozen = "Bench/Accepted/";

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("pamu-accept-");

    public void Dispose() => _root.Delete(recursive: true);

    [Fact]
    public void Renewing_copies_the_sources_and_nothing_else_and_gives_the_event_provider_its_own_name()
    {
        Put(Events, "const string ProviderName = \"PamuFastPath\"; // PamuFastPath");
        Put("Engine/Translate/Batch/ScalarKernel.cs", "new");
        Put("Engine/Engine.csproj", "project");
        Put("Engine/obj/Debug/Generated.cs", "generated");
        Put(Frozen + "Accepted.csproj", "kept");
        Put(Frozen + "Engine/Gone.cs", "old");
        Put(Frozen + "Engine/Translate/Batch/ScalarKernel.cs", "old");

        Assert.Equal(2, FrozenCopy.Renew(_root.FullName));

        Assert.Equal(
            [Frozen + "Accepted.csproj", Frozen + Events, Frozen + "Engine/Translate/Batch/ScalarKernel.cs"],
            Directory.GetFiles(Path.Combine(_root.FullName, "Bench"), "*", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(_root.FullName, file).Replace('\\', '/'))
                .Order(StringComparer.Ordinal));
        Assert.Equal("new", Get(Frozen + "Engine/Translate/Batch/ScalarKernel.cs"));
        Assert.Equal("const string ProviderName = \"PamuFastPath-Accepted\"; // PamuFastPath", Get(Frozen + Events));
    }

    [Fact]
    public void A_provider_name_that_is_not_found_leaves_the_frozen_copy_as_it_is()
    {
        Put(Events, "const string Renamed = \"PamuFastPath\";");
        Put(Frozen + "Engine/Old.cs", "old");

        Assert.Throws<InvalidOperationException>(() => FrozenCopy.Renew(_root.FullName));

        Assert.Equal("old", Get(Frozen + "Engine/Old.cs"));
    }

    private void Put(string path, string text)
    {
        string file = Path.Combine(_root.FullName, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }

    private string Get(string path) => File.ReadAllText(Path.Combine(_root.FullName, path));
}
