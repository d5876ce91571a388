using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace PamuFastPath;

/// <summary>The ways to translate a batch. All give the same answers; which is fastest depends on the table and the processor.</summary>
public enum BatchKernel
{
    /// <summary>One element at a time, by the single translation. Works everywhere and defines the answers.</summary>
    Scalar = 0,

    /// <summary>128-bit arithmetic, table entries loaded one by one. Any table; the path of ARM64.</summary>
    Vector128 = 1,

    /// <summary>256-bit, up to 16 windows with packed columns, which are held in registers.</summary>
    Vector256Registers = 2,

    /// <summary>256-bit, entries gathered from the 64-bit columns. Any table.</summary>
    Vector256Gather = 3,

    /// <summary>512-bit, up to 16 windows, the 64-bit columns held in registers.</summary>
    Vector512Registers = 4,

    /// <summary>512-bit, packed columns held in registers. Any window count whose table is packed.</summary>
    Vector512Packed = 5,

    /// <summary>512-bit, entries gathered from the 64-bit columns. Any table.</summary>
    Vector512Gather = 6,

    /// <summary>512-bit, packed columns held in registers byte by byte. Any window count whose table is packed; needs AVX-512 VBMI.</summary>
    Vector512Bytes = 7,
}

internal static class BatchKernels
{
    internal const int RegisterWindowsMax = 16;

    /// <summary>The fewest windows that the 512-bit kernels on packed entries take.</summary>
    internal const int PackedWindowsMin = 2;

    /// <summary>The largest window shift that kernels take which add offset and length, or compare signed.</summary>
    internal const int WindowShiftMax = 61;

    /// <summary>Whether the processor and the table allow a kernel.</summary>
    internal static bool CanRun(BatchKernel kernel, uint windowCount, int windowShift, bool isPacked) => kernel switch
    {
        BatchKernel.Scalar => true,
        BatchKernel.Vector128 => Vector128.IsHardwareAccelerated && BitConverter.IsLittleEndian,
        BatchKernel.Vector256Registers => Vector256.IsHardwareAccelerated && Avx2.IsSupported && isPacked
            && windowCount <= RegisterWindowsMax && windowShift <= WindowShiftMax,
        BatchKernel.Vector256Gather => Vector256.IsHardwareAccelerated && Avx2.IsSupported,
        BatchKernel.Vector512Registers => Vector512.IsHardwareAccelerated && Avx512F.IsSupported && windowCount <= RegisterWindowsMax,
        BatchKernel.Vector512Packed => Vector512.IsHardwareAccelerated && Avx512F.IsSupported && isPacked
            && windowCount >= PackedWindowsMin && windowShift <= WindowShiftMax,
        BatchKernel.Vector512Bytes => Vector512.IsHardwareAccelerated && Avx512Vbmi.IsSupported && isPacked
            && windowCount >= PackedWindowsMin && windowShift <= WindowShiftMax,
        BatchKernel.Vector512Gather => Vector512.IsHardwareAccelerated && Avx512F.IsSupported,
        _ => false,
    };

    /// <summary>The fastest kernel for a table on this processor, best first (docs/fast-path.md has the measurements behind the order).</summary>
    internal static BatchKernel Choose(uint windowCount, int windowShift, bool isPacked)
    {
        ReadOnlySpan<BatchKernel> byPreference =
        [
            BatchKernel.Vector512Registers,
            BatchKernel.Vector512Bytes,
            BatchKernel.Vector512Packed,
            BatchKernel.Vector512Gather,
            BatchKernel.Vector256Registers,
            BatchKernel.Vector256Gather,
            BatchKernel.Vector128,
        ];
        foreach (BatchKernel kernel in byPreference)
        {
            // Whole entries of up to 32 windows take one permute: fewer shuffles than byte by byte.
            bool isWorse = kernel == BatchKernel.Vector512Bytes && windowCount <= 32;
            if (!isWorse && CanRun(kernel, windowCount, windowShift, isPacked))
            {
                return kernel;
            }
        }

        return BatchKernel.Scalar;
    }
}
