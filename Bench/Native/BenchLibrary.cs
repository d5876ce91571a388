// The C half of the bench: compiled, loaded and called.
//
// Unsafe: calls C by address. Invariants: signatures are those of bench.c; whatever a function is given outlives the call.

using System.Diagnostics;
using System.Runtime.InteropServices;

namespace PamuFastPath.Bench.Native;

/// <summary>bench.c against an installed library.</summary>
internal sealed unsafe class BenchLibrary : IDisposable
{
    private readonly string _folder;
    private readonly nint _library;
    private readonly delegate* unmanaged<nuint, ulong> _libraryCalls;
    private readonly delegate* unmanaged<nuint, ulong> _cCalls;

    private BenchLibrary(string folder, nint library)
    {
        _folder = folder;
        _library = library;
        Open = (delegate* unmanaged<uint, ulong, ulong, nint>)Find("bench_open");
        AddMemory = (delegate* unmanaged<nint, ulong, void*, ulong, int>)Find("bench_add_memory");
        Close = (delegate* unmanaged<nint, void>)Find("bench_close");
        OwnSection = (delegate* unmanaged<nint, ulong*, nuint, ulong>)Find("bench_own_section");
        ByLiodn = (delegate* unmanaged<nint, ulong*, nuint, ulong>)Find("bench_by_liodn");
        InSection = (delegate* unmanaged<nint, ulong*, nuint, ulong>)Find("bench_in_section");
        Batch = (delegate* unmanaged<nint, nuint, ulong*, nuint, ulong*, ulong*, ulong*, ulong*, int>)Find("bench_batch");
        PortWrite = (delegate* unmanaged<nint, ulong*, nuint, void*, int>)Find("bench_port_write");
        _libraryCalls = (delegate* unmanaged<nuint, ulong>)Find("bench_library_calls");
        _cCalls = (delegate* unmanaged<nuint, ulong>)Find("bench_c_calls");
        Kernel = (delegate* unmanaged<nint, byte*>)Find("bench_kernel");
        InstructionSet = (delegate* unmanaged<byte*>)Find("bench_instruction_set");
    }

    internal delegate* unmanaged<uint, ulong, ulong, nint> Open { get; }

    internal delegate* unmanaged<nint, ulong, void*, ulong, int> AddMemory { get; }

    internal delegate* unmanaged<nint, void> Close { get; }

    internal delegate* unmanaged<nint, ulong*, nuint, ulong> OwnSection { get; }

    internal delegate* unmanaged<nint, ulong*, nuint, ulong> ByLiodn { get; }

    internal delegate* unmanaged<nint, ulong*, nuint, ulong> InSection { get; }

    internal delegate* unmanaged<nint, nuint, ulong*, nuint, ulong*, ulong*, ulong*, ulong*, int> Batch { get; }

    internal delegate* unmanaged<nint, ulong*, nuint, void*, int> PortWrite { get; }

    internal delegate* unmanaged<nint, byte*> Kernel { get; }

    internal delegate* unmanaged<byte*> InstructionSet { get; }

    /// <summary>Compiles and loads.</summary>
    /// <param name="prefix">Where the library is installed.</param>
    /// <param name="source">bench.c.</param>
    /// <param name="flags">For the compiler, after -O2.</param>
    /// <exception cref="InvalidOperationException">The compiler refuses.</exception>
    internal static BenchLibrary Load(string prefix, string source, string flags)
    {
        string folder = Directory.CreateTempSubdirectory("pamu-bench-").FullName;
        string library = Path.Combine(folder, "libpamubench.so");
        string lib = Path.Combine(prefix, "lib");
        string[] arguments =
        [
            "-std=c11", "-O2", .. flags.Split(' ', StringSplitOptions.RemoveEmptyEntries), "-Wall", "-Wextra", "-Werror", "-fPIC", "-fvisibility=hidden", "-shared",
            "-I", Path.Combine(prefix, "include"), source, "-L", lib, "-lpamufastpath", $"-Wl,-rpath,{lib}", "-o", library,
        ];
        using var compiler = Process.Start(new ProcessStartInfo(Environment.GetEnvironmentVariable("CC") ?? "cc", arguments))!;
        compiler.WaitForExit();
        return compiler.ExitCode == 0
            ? new BenchLibrary(folder, NativeLibrary.Load(library))
            : throw new InvalidOperationException($"the C compiler ended with {compiler.ExitCode}");
    }

    /// <summary>Calls into the library that do nothing there.</summary>
    internal ulong LibraryCalls(int count) => _libraryCalls((nuint)count);

    /// <summary>The same of a C function in a shared library.</summary>
    internal ulong CCalls(int count) => _cCalls((nuint)count);

    /// <summary>Only the file: the library's runtime cannot be unloaded.</summary>
    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void* Find(string name) => (void*)NativeLibrary.GetExport(_library, name);
}
