using System.Diagnostics;
using PamuFastPath.Interop;

namespace PamuFastPath.Tests.Vm.Guest;

/// <summary>
/// QEMU's teaching device (its docs/specs/edu): registers in BAR 0, a DMA buffer of its own, one MSI vector, one INTx line. A transfer begins 100 ms
/// after it was started. Registers are accessed with 32 bits, whose upper halves of addresses stay 0: its DMA addresses have 28 bits.
/// </summary>
internal sealed class Edu : IDisposable
{
    public const uint Identification = 0x010000ED;
    public const ushort Vendor = 0x1234;
    public const ushort Product = 0x11E8;

    /// <summary>
    /// Bytes of the DMA buffer that are used. It has one more, but QEMU 7.2 ends when a transfer touches it: its range check is off by one.
    /// </summary>
    public const int BufferBytes = 4095;

    private const ulong BufferAddress = 0x40000;
    private const ulong RegisterBytes = 0x1000; // of 1 MiB: the page with the registers
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly VfioMapping _registers;

    public Edu(VfioDevice device, uint liodn)
    {
        Device = device;
        Liodn = liodn;
        device.EnableBusMaster(true);
        _registers = device.Region(0).Map(0, RegisterBytes);
    }

    public VfioDevice Device { get; }

    public uint Liodn { get; }

    /// <summary>What the device's buffer holds, if everything went as it should.</summary>
    public byte[] Buffer { get; } = new byte[BufferBytes];

    public uint Id => _registers.Read32(0x00);

    /// <summary>Reads the complement of what was written.</summary>
    public uint Liveness
    {
        get => _registers.Read32(0x04);
        set => _registers.Write32(0x04, value);
    }

    public uint InterruptStatus => _registers.Read32(0x24);

    public bool IsRunning => (_registers.Read32(0x98) & 1) != 0;

    public void RaiseInterrupt(uint bits) => _registers.Write32(0x60, bits);

    public void Acknowledge(uint bits) => _registers.Write32(0x64, bits);

    /// <summary>Starts a transfer; it takes place later.</summary>
    /// <param name="access">Its direction: a device's write goes to memory.</param>
    /// <param name="iova">Where in memory.</param>
    /// <param name="offset">Where in the device's buffer.</param>
    /// <param name="count">Bytes.</param>
    /// <param name="interrupts">Whether the device raises its interrupt when it is done.</param>
    public void Start(DmaAccess access, ulong iova, int offset, int count, bool interrupts = false)
    {
        // The device ends QEMU on a range outside its buffer.
        Report.Require(offset >= 0 && count > 0 && offset + count <= BufferBytes, $"{count} bytes at {offset} of the device's buffer");
        Report.Require(iova + (uint)count <= 0x1000_0000, $"0x{iova:x} is outside the device's 28 bits");
        Report.Require(!IsRunning, "a transfer is started while one runs");
        ulong inside = BufferAddress + (uint)offset;
        bool isWrite = access == DmaAccess.Write;
        _registers.Write32(0x80, (uint)(isWrite ? inside : iova));
        _registers.Write32(0x88, (uint)(isWrite ? iova : inside));
        _registers.Write32(0x90, (uint)count);
        _registers.Write32(0x98, 1u | (isWrite ? 2u : 0) | (interrupts ? 4u : 0));
    }

    /// <summary>Waits until the transfer is over.</summary>
    public void Finish()
    {
        long began = Stopwatch.GetTimestamp();
        while (IsRunning)
        {
            Report.Require(Stopwatch.GetElapsedTime(began) < Limit, $"{Device.Name}: a transfer still runs after {Limit.TotalSeconds} s");
            Thread.Sleep(2);
        }
    }

    public void Dispose()
    {
        _registers.Dispose();
        Device.Dispose();
    }
}
