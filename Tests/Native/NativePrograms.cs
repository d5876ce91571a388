// Unsafe: reads two strings of the library, which live as long as the process.

using System.Runtime.InteropServices;
using PamuFastPath.Cli.Conform;

namespace PamuFastPath.Tests.Native;

/// <summary>What the script <c>Tests/Native/run</c> starts of this assembly. Output: "ok NAME" or "not ok NAME: WHY", and lines with figures behind a #.</summary>
internal static unsafe class NativePrograms
{
    /// <summary>Random translations: how many differ between the engine, the inline half of pamu.h and the library's batches.</summary>
    internal static int Agreement(string library, string shim, long accesses, int seed)
    {
        Load(library, shim);
        var agreement = new NativeAgreement(seed);
        agreement.Run(accesses);
        Console.WriteLine($"# {agreement.Accesses:N0} accesses over {agreement.Tables:N0} tables, each in six ways: {agreement.Differences:N0} differences");
        Console.WriteLine($"# {agreement.Seen}");
        return Report("inline_half_batches_and_engine_agree", agreement.Differences == 0 && agreement.SawEverything, $"{agreement.Differences} differences");
    }

    /// <summary>The recordings of the shipped driver, replayed through the C interface and judged by the ledger of `pamu conform`.</summary>
    internal static int Conform(string library, string shim, string[] files)
    {
        Load(library, shim);
        var replay = new ConformanceReplay(maxWindows => new NativeSubject(maxWindows));
        var engine = new ConformanceReplay(maxWindows => new EngineSubject(maxWindows));
        int operations = 0;
        string? wrong = null;
        foreach (string file in files)
        {
            Tally native = replay.Run(file).Total;
            Tally managed = engine.Run(file).Total;
            Console.WriteLine(
                $"# {Path.GetFileName(file)}: {native.Operations:N0} operations, {native.Compared:N0} compared, {native.Deviating:N0} answered by deviation, "
                + $"{native.Skipped:N0} skipped, {native.Mismatches.Count} mismatches");
            operations += native.Operations;
            foreach (Mismatch mismatch in native.Mismatches.Take(10))
            {
                Console.WriteLine($"# line {mismatch.Line}: {mismatch.Operation}: expected {mismatch.Expected}, got {mismatch.Got}");
                wrong ??= $"{native.Mismatches.Count} mismatches in {Path.GetFileName(file)}";
            }

            if (Verdicts(native) != Verdicts(managed))
            {
                wrong ??= $"{Path.GetFileName(file)}: the engine's own byte door has other verdicts: {Verdicts(managed)}, not {Verdicts(native)}";
            }
        }

        return Report("every_recorded_operation_has_its_verdict_through_the_c_interface", wrong == null && operations > 0, wrong ?? "nothing was replayed");
    }

    private static string Verdicts(Tally tally) =>
        $"{tally.Compared}/{tally.Skipped}/{tally.Unexplained}/{string.Join(' ', tally.Deviations.Select(pair => $"{pair.Key}={pair.Value}"))}";

    private static void Load(string library, string shim)
    {
        PamuAbi.Load(library, shim);
        string version = Marshal.PtrToStringUTF8((nint)PamuAbi.pamu_version())!;
        Console.WriteLine($"# library {version}, {Marshal.PtrToStringUTF8((nint)PamuAbi.pamu_instruction_set())}");
    }

    private static int Report(string name, bool isOk, string why)
    {
        Console.WriteLine(isOk ? $"ok {name}" : $"not ok {name}: {why}");
        return isOk ? 0 : 1;
    }
}
