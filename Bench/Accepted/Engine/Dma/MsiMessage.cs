namespace PamuFastPath;

/// <summary>One message a device sent: a 32-bit write that hit an MSI bank's page.</summary>
/// <param name="Liodn">The LIODN the write carried.</param>
/// <param name="Bank">The MSI bank.</param>
/// <param name="Offset">Offset in the bank's 4 KiB page: 0x140 is MSIIR, 0x148 MSIIR1.</param>
/// <param name="Data">The word as the processor composed it: the first byte on the wire is its lowest.</param>
public readonly record struct MsiMessage(uint Liodn, int Bank, int Offset, uint Data);

/// <summary>Receives messages. Called on the device's thread, outside reader sections and under no lock of the engine.</summary>
public interface IMsiSink
{
    /// <summary>Takes one message. May take locks and make control calls.</summary>
    void Deliver(in MsiMessage message);
}
