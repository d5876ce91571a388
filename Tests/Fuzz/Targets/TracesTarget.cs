using System.IO.Compression;
using PamuFastPath.Cli;
using PamuFastPath.Cli.Run;
using PamuFastPath.Cli.Run.Scenarios;
using PamuFastPath.Cli.Run.Traces;
using PamuFastPath.Fuzz.Run;

namespace PamuFastPath.Fuzz.Targets;

/// <summary>
/// Traces, through the replay of <c>pamu run --trace</c> in the machine of a scenario: a bad one is one line, a good one is accounted for row by row as
/// the plain model accounts for it, and the same packed; cut off in the packed form it is bad.
/// </summary>
internal sealed class TracesTarget : FuzzTarget
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), "trace.csv");
    private readonly string _scenarioFile = Repository.PathOf("scenarios", "nvme.json");
    private Scenario? _scenario;
    private Machine? _machine;
    private PlainTrace? _plain;

    internal override string Extension => ".csv";

    internal override bool IsText => true;

    internal override void Begin()
    {
        _scenario = ScenarioReader.Read(_scenarioFile);
        _machine = new Machine(_scenario);
        _machine.TakeSteps(static _ => { });
        _plain = new PlainTrace(_scenario, RebuiltModel.Of(_machine.Container));
    }

    internal override IEnumerable<byte[]> Seeds()
    {
        using var packed = new GZipStream(File.OpenRead(Repository.PathOf("scenarios", "traces", "nvme-slice.csv.gz")), CompressionMode.Decompress);
        using var text = new StreamReader(packed);
        string header = text.ReadLine()!;
        for (int slice = 0; slice < 8; slice++)
        {
            // Rows as they follow each other, and then a few messages, of which there are not many.
            List<string> lines = [header];
            while (lines.Count <= 16 && text.ReadLine() is string line)
            {
                if (lines.Count <= 12 || line.Contains(",M,", StringComparison.Ordinal))
                {
                    lines.Add(line);
                }
            }

            yield return System.Text.Encoding.UTF8.GetBytes(string.Join(slice == 0 ? "\r\n" : "\n", lines) + "\n");
        }
    }

    internal override void Run(byte[] input)
    {
        ReplayResult? result = Replayed(input);
        bool isPacked = input is [0x1F, 0x8B, ..];
        if (!isPacked)
        {
            byte[] packed = Packed(input);
            Same(Summary(result), Summary(Replayed(packed)), "the same trace, packed");
            if (packed.Length > 0) // nothing is packed as nothing
            {
                int cut = 1 + (input[^1] * 31 + input.Length) % packed.Length;
                Same(null, Summary(Replayed(packed[..^cut])), $"the same trace, packed, without its last {cut} bytes");
            }

            Same(_plain!.Account(input), result == null ? null : Summary(result), "the account of the plain model");
        }

        if (input.Length % 16 == 0)
        {
            File.WriteAllBytes(_file, input);
            int exitCode = CommandLine.RunForJson("run", _scenarioFile, "--trace", _file, "--json");
            Require((exitCode == PamuCli.BadInput) == (result == null), $"exit code {exitCode}");
        }
    }

    public override void Dispose()
    {
        _machine?.Dispose();
        base.Dispose();
    }

    /// <returns>Null if the trace is bad.</returns>
    private ReplayResult? Replayed(byte[] input)
    {
        File.WriteAllBytes(_file, input);
        try
        {
            ReplayResult result = Replay.Run(_machine!, _scenario!, _file, static _ => { });
            Require(result.IsAccountedFor, "rows are lost");
            return result;
        }
        catch (CliException bad)
        {
            Require(!bad.Message.Contains('\n', StringComparison.Ordinal) || input.AsSpan().Contains((byte)'\n'), bad.Message);
            return null;
        }
    }

    private static string? Summary(ReplayResult? result) => result == null ? null : PlainTrace.Text(
        result.Rows, result.Invalidations, result.Translated, result.Messages, result.Crossing, result.BytesRead, result.BytesWritten, result.FaultsByKind);

    private static byte[] Packed(byte[] input)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
        {
            gzip.Write(input);
        }

        return packed.ToArray();
    }
}
