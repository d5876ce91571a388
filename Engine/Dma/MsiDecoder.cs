namespace PamuFastPath;

/// <summary>The interrupt controller generations whose message words differ.</summary>
public enum MpicVersion
{
    /// <summary>MPIC up to 4.2 (P4080, P5020, P3041, P5040, T1040): 8 interrupts of 32 messages a bank, register MSIIR.</summary>
    Mpic20,

    /// <summary>MPIC 4.3 (T4240, B4860, T208x): 16 interrupts of 32 messages a bank, register MSIIR1; MSIIR reaches the first 8.</summary>
    Mpic43,
}

/// <summary>What a message word means to the interrupt controller.</summary>
/// <param name="Register">Index of the MSIR whose interrupt is asserted (field SRS).</param>
/// <param name="Bit">The bit that is set in it (field IBS), counted from the lowest.</param>
/// <param name="Interrupt">The MPIC interrupt number of that MSIR.</param>
public readonly record struct MsiInterrupt(int Register, int Bit, int Interrupt);

/// <summary>Decodes message words as the MPIC does. Source: hardware reference, section 4 (fields and interrupt numbers of the banks).</summary>
public static class MsiDecoder
{
    /// <summary>Offset of MSIIR in a bank's page.</summary>
    public const int Msiir = 0x140;

    /// <summary>Offset of MSIIR1 in a bank's page (MPIC 4.3).</summary>
    public const int Msiir1 = 0x148;

    private const int FirstInterrupt = 0xE0;
    private const int SecondHalfInterrupt = 0x100;
    private const int RegistersPerHalf = 8;
    private const int BanksOfMpic20 = 3;
    private const int BanksOfMpic43 = 4;

    /// <summary>Decodes one message.</summary>
    /// <param name="version">The controller's generation.</param>
    /// <param name="message">The message; its bank and offset say which register was written.</param>
    /// <param name="interrupt">The interrupt it raises.</param>
    /// <returns>False if this generation has no such bank, or the offset is none of its message registers: the write has no known effect.</returns>
    public static bool TryDecode(MpicVersion version, in MsiMessage message, out MsiInterrupt interrupt)
    {
        interrupt = default;
        if ((uint)message.Bank >= (version == MpicVersion.Mpic43 ? BanksOfMpic43 : BanksOfMpic20))
        {
            return false;
        }

        int register;
        int bit;
        switch (message.Offset, version)
        {
            case (Msiir, _):
                register = (int)(message.Data >> 5) & 0x7;
                bit = (int)message.Data & 0x1F;
                break;
            case (Msiir1, MpicVersion.Mpic43):
                register = (int)message.Data & 0xF;
                bit = (int)(message.Data >> 4) & 0x1F;
                break;
            default:
                return false;
        }

        int firstOfHalf = register < RegistersPerHalf ? FirstInterrupt : SecondHalfInterrupt;
        int number = firstOfHalf + message.Bank * RegistersPerHalf + register % RegistersPerHalf;
        interrupt = new MsiInterrupt(register, bit, number);
        return true;
    }
}
