using System.Runtime.InteropServices;
using PamuFastPath.Bench.Compare;
using PamuFastPath.Bench.Measure;

namespace PamuFastPath.Bench.Native;

/// <summary>
/// <c>native [--prefix DIR] [--cflags FLAGS]</c>: what C pays for the same translations, inline and through libpamufastpath.so, next to what C# pays in the same
/// process. The library is the one that Interop/Native/build installed in <c>DIR</c>.
/// </summary>
internal static unsafe class NativeCommand
{
    internal const string Name = "native";

    private const string Usage = "usage: native [--prefix DIR] [--cflags FLAGS]";

    internal static int Run(ReadOnlySpan<string> arguments)
    {
        string prefix = Path.Combine(Repository.Root, "artifacts", "native");
        string flags = "";
        while (!arguments.IsEmpty)
        {
            switch (arguments)
            {
                case ["--prefix", string folder, ..]:
                    prefix = Path.GetFullPath(folder);
                    break;
                case ["--cflags", string given, ..]:
                    flags = given;
                    break;
                default:
                    Console.Error.WriteLine(Usage);
                    return 2;
            }

            arguments = arguments[2..];
        }

        if (!File.Exists(Path.Combine(prefix, "lib", "libpamufastpath.so")))
        {
            Console.Error.WriteLine($"native: no libpamufastpath.so in {prefix}/lib; Interop/Native/build makes it");
            return 2;
        }

        var machine = Machine.Here();
        using var library = BenchLibrary.Load(prefix, Path.Combine(Repository.Root, "Bench", "Native", "bench.c"), flags);
        string isa = Marshal.PtrToStringUTF8((nint)library.InstructionSet())!;
        Console.WriteLine($"{machine.Cpu}, {machine.Cores} cores, C#: {machine.Isa}, {machine.Runtime}, library: {isa}, {machine.Os}, {machine.Date}");
        ComparisonTable.Print(NativeComparisons.Run(library, new Interleaved(TimeSpan.FromMicroseconds(300), rounds: 300)), []);
        return 0;
    }
}
