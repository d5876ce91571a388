using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace PamuFastPath.Native;

/// <summary>Which library this is, and why it refused.</summary>
internal static unsafe class VersionExports
{
    private const uint AbiVersion = 1;

    private static readonly byte* Version = MakeVersion();

    [UnmanagedCallersOnly(EntryPoint = "pamu_abi_version")]
    internal static uint GetAbiVersion() => AbiVersion;

    [UnmanagedCallersOnly(EntryPoint = "pamu_version")]
    internal static byte* GetVersion() => Version;

    [UnmanagedCallersOnly(EntryPoint = "pamu_check")]
    internal static int Check(uint abiVersion, uint tableVersion, nuint readerBytes)
    {
        try
        {
            if (abiVersion != AbiVersion)
            {
                return Answer.Refuse(Errno.EPROTO, "abi_version", $"{AbiVersion}, not {abiVersion}: header and library differ");
            }

            if (tableVersion != TableLayout.Version)
            {
                return Answer.Refuse(Errno.EPROTO, "table_version", $"{TableLayout.Version}, not {tableVersion}: header and library differ");
            }

            return readerBytes == (nuint)sizeof(ReaderBlock)
                ? 0
                : Answer.Refuse(Errno.EPROTO, "reader_bytes", $"{sizeof(ReaderBlock)}, not {readerBytes}: header and library differ");
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_instruction_set")]
    internal static byte* GetInstructionSet() => NativeText.Address(
        Vector512.IsHardwareAccelerated && Avx512Vbmi.IsSupported ? "AVX-512 (VBMI)"u8
        : Vector512.IsHardwareAccelerated && Avx512F.IsSupported ? "AVX-512"u8
        : Vector256.IsHardwareAccelerated && Avx2.IsSupported ? "AVX2"u8
        : AdvSimd.IsSupported ? "NEON"u8
        : "SSE"u8);

    [UnmanagedCallersOnly(EntryPoint = "pamu_last_error")]
    internal static int LastError(byte* text, nuint size)
    {
        try
        {
            return NativeText.CopyOut(Answer.LastInWords(), text, size);
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    private static byte* MakeVersion() =>
        (byte*)Marshal.StringToCoTaskMemUTF8(typeof(VersionExports).Assembly.GetName().Version!.ToString(fieldCount: 3) + BrokenGrace.VersionSuffix);
}
