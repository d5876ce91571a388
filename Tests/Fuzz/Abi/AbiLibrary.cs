using System.Reflection;
using System.Runtime.InteropServices;
using PamuFastPath.Fuzz.Run;
using PamuFastPath.Fuzz.Targets;

namespace PamuFastPath.Fuzz.Abi;

/// <summary>
/// The functions of pamu.h by name: of the library as it is built ahead of time, or the same exports compiled in this process, where they are instrumented
/// and show what an input reaches.
/// </summary>
internal sealed class AbiLibrary
{
    /// <summary>Says where the library is; Interop/Native/build puts it into artifacts/native.</summary>
    private const string PathVariable = "PAMU_NATIVE_LIBRARY";

    private readonly Func<string, nint> _find;

    private AbiLibrary(string name, Func<string, nint> find)
    {
        Name = name;
        _find = find;
    }

    internal string Name { get; }

    /// <summary>The address of a function.</summary>
    internal nint this[string function] => _find(function);

    /// <summary>The library that was built.</summary>
    /// <exception cref="TargetSkippedException">It was not.</exception>
    internal static AbiLibrary Built()
    {
        string path = Environment.GetEnvironmentVariable(PathVariable) is { Length: > 0 } given
            ? given
            : Repository.PathOf("artifacts", "native", "lib", "libpamufastpath.so.1");
        if (!NativeLibrary.TryLoad(path, out nint library))
        {
            throw new TargetSkippedException(File.Exists(path)
                ? $"{path} does not load"
                : $"there is no C library at {path}: Interop/Native/build makes it, or {PathVariable} says where it is");
        }

        return new AbiLibrary("built", function => NativeLibrary.GetExport(library, function));
    }

    /// <summary>Its managed twin.</summary>
    internal static AbiLibrary InProcess()
    {
        var exports = new Dictionary<string, nint>();
        foreach (Type type in Assembly.Load("PamuFastPath.Native").GetTypes())
        {
            foreach (MethodInfo method in type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
            {
                if (method.GetCustomAttribute<UnmanagedCallersOnlyAttribute>()?.EntryPoint is string name)
                {
                    exports.Add(name, method.MethodHandle.GetFunctionPointer());
                }
            }
        }

        return new AbiLibrary("in process", function => exports[function]);
    }
}
