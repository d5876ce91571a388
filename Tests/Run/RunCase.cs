using PamuFastPath.Cli;

namespace PamuFastPath.Tests.Run;

/// <summary>One <c>pamu run</c> in this process, with files in a directory of its own.</summary>
internal sealed class RunCase : IDisposable
{
    /// <summary>RAM in windows 0 and 1 (the last one half mapped), a read-only window 2, MSI banks 0 and 1 in windows 4 and 5.</summary>
    public const string Scenario = """
        {
          "description": "test",
          "groups": [
            { "id": 1, "liodns": [1], "msiBanks": [0], "devices": { "disk": 1 } },
            { "id": 2, "liodns": [2], "devices": { "nic": 2 } },
          ],
          "messages": [ { "device": "disk", "address": "0xfee01004", "iova": "0x4000_0000", "offset": "0x140" } ],
          "steps": [
            { "call": "setIommu" },
            { "call": "setGeometry", "start": 0, "last": "0x7fff_ffff" },
            { "call": "setWindows", "count": 8 },
            { "call": "mapDma", "vaddr": 0, "iova": 0, "size": "0x1000_0000" },
            { "call": "mapDma", "vaddr": "0x1000_0000", "iova": "0x1000_0000", "size": "0x0800_0000" },
            { "call": "mapDma", "vaddr": "0x2000_0000", "iova": "0x2000_0000", "size": "0x1000_0000", "permissions": "read" },
            { "call": "mapMsiBank", "bank": 0, "iova": "0x4000_0000" },
            { "call": "mapMsiBank", "bank": 1, "iova": "0x5000_0000" },
            { "call": "attach", "group": 1 },
            { "call": "attach", "group": 2 },
          ],
          "accesses": [],
        }
        """;

    public const string Header = "time_ns,device,op,addr,len\n";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("pamu-run-");

    public string Output { get; private set; } = "";

    public string Error { get; private set; } = "";

    /// <summary>The directory above the solution's rooms.</summary>
    public static string Repository { get; } = FindRepository();

    public string PathOf(string name) => Path.Combine(_directory.FullName, name);

    public string Write(string name, string text) => Write(name, System.Text.Encoding.UTF8.GetBytes(text));

    public string Write(string name, byte[] bytes)
    {
        File.WriteAllBytes(PathOf(name), bytes);
        return PathOf(name);
    }

    public int Run(params string[] args)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        int code = PamuCli.Run(["run", .. args], output, error);
        Output = output.ToString();
        Error = error.ToString();
        return code;
    }

    public void Dispose() => _directory.Delete(recursive: true);

    private static string FindRepository()
    {
        string directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "PamuFastPath.sln")))
        {
            directory = Path.GetDirectoryName(directory)
                ?? throw new InvalidOperationException("the tests run from inside the repository, which has the scenarios");
        }

        return directory;
    }
}
