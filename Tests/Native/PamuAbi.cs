// pamu.h as C# sees it: what the tests call of the library and of the shim.
//
// Unsafe: pointers into native memory. Invariants: structs are laid out as those of the header (shim_check, and the asserts in the header).

using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;

namespace PamuFastPath.Tests.Native;

internal static unsafe partial class PamuAbi
{
    private const string Library = "pamufastpath";
    private const string Shim = "pamu-shim";

    internal const int ReaderBytes = 128;

    /// <summary>Says which files the two libraries are. Once, before the first call.</summary>
    internal static void Load(string library, string shim)
    {
        nint loaded = NativeLibrary.Load(Path.GetFullPath(library));
        nint loadedShim = NativeLibrary.Load(Path.GetFullPath(shim));
        NativeLibrary.SetDllImportResolver(
            Assembly.GetExecutingAssembly(),
            (name, _, _) => name switch
            {
                Library => loaded,
                Shim => loadedShim,
                _ => 0,
            });
        Accepted(shim_check());
    }

    /// <summary>What a call answers that has to succeed.</summary>
    internal static void Accepted(long result)
    {
        if (result < 0)
        {
            Span<byte> text = stackalloc byte[512];
            fixed (byte* bytes = text)
            {
                int length = Math.Min(pamu_last_error(bytes, (nuint)text.Length), text.Length - 1);
                throw new InvalidOperationException($"the library answers {result}: {Encoding.UTF8.GetString(text[..length])}");
            }
        }
    }

    [LibraryImport(Library)]
    internal static partial byte* pamu_version();

    [LibraryImport(Library)]
    internal static partial byte* pamu_instruction_set();

    [LibraryImport(Library)]
    internal static partial int pamu_last_error(byte* text, nuint size);

    [LibraryImport(Library)]
    internal static partial int pamu_engine_create(AbiPlatform* platform, nint* engine);

    [LibraryImport(Library)]
    internal static partial int pamu_engine_destroy(nint engine);

    [LibraryImport(Library)]
    internal static partial int pamu_container_create(nint engine, nint* container);

    [LibraryImport(Library)]
    internal static partial int pamu_container_destroy(nint container);

    [LibraryImport(Library)]
    internal static partial int pamu_container_fd(nint container);

    [LibraryImport(Library)]
    internal static partial int pamu_group_create(nint engine, int id, uint* liodns, nuint liodnCount, uint* banks, nuint bankCount, nint* group);

    [LibraryImport(Library)]
    internal static partial long pamu_ioctl(nint container, uint request, nuint argument);

    [LibraryImport(Library)]
    internal static partial long pamu_group_ioctl(nint group, uint request, nuint argument);

    [LibraryImport(Library)]
    internal static partial int pamu_set_geometry(nint container, ulong start, ulong last);

    [LibraryImport(Library)]
    internal static partial int pamu_set_windows(nint container, uint count);

    [LibraryImport(Library)]
    internal static partial int pamu_map_dma(nint container, ulong vaddr, ulong iova, ulong size, uint allowed);

    [LibraryImport(Library)]
    internal static partial int pamu_map_msi_bank(nint container, uint bank, ulong iova, uint allowed);

    [LibraryImport(Library)]
    internal static partial int pamu_attach(nint group, nint container);

    [LibraryImport(Library)]
    internal static partial int pamu_detach(nint group);

    [LibraryImport(Library)]
    internal static partial int pamu_reader_register(nint engine, byte* name, void* reader);

    [LibraryImport(Library)]
    internal static partial int pamu_reader_unregister(void* reader);

    [LibraryImport(Library)]
    internal static partial int pamu_translate_batch(
        AbiSection* section, ulong* iovas, nuint count, ulong length, int access, ulong* targets, ulong* faults, ulong* crosses, ulong* messages, ulong* counts);

    [LibraryImport(Library)]
    internal static partial int pamu_translate_batch_lengths(
        AbiSection* section, ulong* iovas, uint* lengths, nuint count, int access, ulong* targets, ulong* faults, ulong* crosses, ulong* messages, ulong* counts);

    [LibraryImport(Library)]
    internal static partial byte* pamu_kernel_name(void* table);

    [LibraryImport(Shim)]
    internal static partial int shim_check();

    [LibraryImport(Shim)]
    internal static partial void shim_enter(void* reader, nint container, AbiSection* section);

    [LibraryImport(Shim)]
    internal static partial int shim_leave(AbiSection* section);

    [LibraryImport(Shim)]
    internal static partial void shim_translate(AbiSection* section, nuint count, ulong* iovas, ulong* lengths, uint* accesses, AbiAnswer* answers);

    [LibraryImport(Shim)]
    internal static partial nuint shim_translate_ranges(
        AbiSection* section, nuint count, ulong* iovas, ulong* lengths, uint* accesses, AbiRange* ranges, AbiSegment* segments, nuint room);
}

/// <summary>struct pamu_platform.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct AbiPlatform
{
    internal uint Size;
    internal uint MaxWindows;
    internal uint PhysicalAddressBits;
    internal uint PageSize;
    internal uint LiodnCount;
    internal uint PamuExtension;
    internal ulong* MsiPages;
    internal AbiStashTarget* StashTargets;
    internal uint MsiPageCount;
    internal uint StashTargetCount;
    internal delegate* unmanaged<void*, ulong, ulong, ulong*, int> PageSource;
    internal void* PageSourceContext;
}

/// <summary>struct pamu_stash_target.</summary>
internal readonly record struct AbiStashTarget(uint Cache, int Cpu, int Id);

/// <summary>struct pamu_section.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct AbiSection
{
    internal void* Table;
    internal void* Reader;
    internal void* Slot;
}

/// <summary>struct shim_answer.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct AbiAnswer(uint Kind, uint Fault, int Bank, uint MsiOffset, ulong Target, ulong FaultIova);

/// <summary>struct pamu_segment.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct AbiSegment(ulong Iova, ulong Target, ulong Length, int Bank, uint Reserved);

/// <summary>struct pamu_range.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct AbiRange(uint Segments, int Complete, uint Fault, ulong FaultIova);
