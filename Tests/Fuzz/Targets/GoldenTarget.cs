using System.IO.Compression;
using PamuFastPath.Cli;
using PamuFastPath.Cli.Conform;
using PamuFastPath.Fuzz.Run;
using PamuFastPath.Tests.Model;

namespace PamuFastPath.Fuzz.Targets;

/// <summary>
/// Recordings of a driver, through <c>pamu conform</c>: a malformed one is one line, and any other says the same of the engine and of the plain model,
/// whatever was changed in it.
/// </summary>
internal sealed class GoldenTarget : FuzzTarget
{
    private const int SequencesOfEach = 12;

    private readonly string _file = Path.Combine(Path.GetTempPath(), "recording.jsonl");

    internal override string Extension => ".jsonl";

    internal override bool IsText => true;

    internal override int LengthMax => 24 * 1024;

    internal override IEnumerable<byte[]> Seeds()
    {
        yield return File.ReadAllBytes(Repository.PathOf("Tests", "Data", "conformance", "plain.jsonl"));
        foreach (string name in (string[])["directed-ops.jsonl.gz", "ops.jsonl.gz"])
        {
            using var packed = new GZipStream(File.OpenRead(Repository.PathOf("Tests", "Data", "golden", name)), CompressionMode.Decompress);
            using var text = new StreamReader(packed);
            var sequence = new List<string>();
            for (int left = SequencesOfEach; left > 0 && text.ReadLine() is string line;)
            {
                sequence.Add(line);
                if (line.StartsWith("{\"op\":\"end\"", StringComparison.Ordinal))
                {
                    byte[] bytes = System.Text.Encoding.UTF8.GetBytes(string.Join('\n', sequence) + "\n");
                    sequence.Clear();
                    if (bytes.Length <= LengthMax)
                    {
                        left--;
                        yield return bytes;
                    }
                }
            }
        }
    }

    internal override void Run(byte[] input)
    {
        long live = NativeBlocks.LiveCountOfThread;
        File.WriteAllBytes(_file, input);
        int exitCode = CommandLine.RunForJson("conform", _file, "--json");
        string? engine = Replayed(static maxWindows => new EngineSubject(maxWindows));
        string? model = Replayed(static maxWindows => new ModelSubject(maxWindows));
        Require((exitCode == PamuCli.BadInput) == (engine == null), $"exit code {exitCode}, and the replay says {engine ?? "malformed"}");
        Same(model, engine, "what is found of the model, and of the engine");
        Same(live, NativeBlocks.LiveCountOfThread, "native blocks afterwards");
    }

    /// <returns>What was found, or null if the recording is malformed.</returns>
    private string? Replayed(Func<int, IConformanceSubject> boot)
    {
        try
        {
            Tally tally = new ConformanceReplay(boot).Run(_file).Total;
            return $"{tally.Compared} {tally.Deviating} {tally.Skipped} {tally.Unexplained}\n{string.Join('\n', tally.Mismatches)}";
        }
        catch (RecordingException)
        {
            return null;
        }
    }
}
