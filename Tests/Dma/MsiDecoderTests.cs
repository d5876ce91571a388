namespace PamuFastPath.Tests.Dma;

/// <summary>The fields and interrupt numbers of the hardware reference, section 4; the two worked examples first.</summary>
public sealed class MsiDecoderTests
{
    [Theory]
    [InlineData(MpicVersion.Mpic20, 0, 0x140, 0x25u, 1, 5, 0xE1)]
    [InlineData(MpicVersion.Mpic43, 0, 0x148, 0x139u, 9, 0x13, 0x101)]
    [InlineData(MpicVersion.Mpic20, 0, 0x140, 0u, 0, 0, 0xE0)]
    [InlineData(MpicVersion.Mpic20, 0, 0x140, 0xFFu, 7, 31, 0xE7)]
    [InlineData(MpicVersion.Mpic20, 1, 0x140, 0x00u, 0, 0, 0xE8)]
    [InlineData(MpicVersion.Mpic20, 2, 0x140, 0xE0u, 7, 0, 0xF7)]
    [InlineData(MpicVersion.Mpic43, 3, 0x148, 0x007u, 7, 0, 0xFF)]
    [InlineData(MpicVersion.Mpic43, 0, 0x148, 0x008u, 8, 0, 0x100)]
    [InlineData(MpicVersion.Mpic43, 3, 0x148, 0x1FFu, 15, 31, 0x11F)]
    [InlineData(MpicVersion.Mpic43, 1, 0x140, 0x25u, 1, 5, 0xE9)]
    [InlineData(MpicVersion.Mpic20, 0, 0x140, 0xFFFF_FF25u, 1, 5, 0xE1)]
    public void A_message_word_names_register_bit_and_interrupt(
        MpicVersion version, int bank, int offset, uint data, int register, int bit, int interrupt)
    {
        Assert.True(MsiDecoder.TryDecode(version, new MsiMessage(0x42, bank, offset, data), out MsiInterrupt decoded));
        Assert.Equal(new MsiInterrupt(register, bit, interrupt), decoded);
    }

    [Theory]
    [InlineData(MpicVersion.Mpic20, 2, true)]
    [InlineData(MpicVersion.Mpic20, 3, false)]
    [InlineData(MpicVersion.Mpic43, 3, true)]
    [InlineData(MpicVersion.Mpic43, 4, false)]
    [InlineData(MpicVersion.Mpic20, -1, false)]
    [InlineData(MpicVersion.Mpic43, int.MaxValue, false)]
    public void A_bank_the_controller_has_not_raises_nothing(MpicVersion version, int bank, bool isThere)
    {
        Assert.Equal(isThere, MsiDecoder.TryDecode(version, new MsiMessage(0x42, bank, MsiDecoder.Msiir, 1), out MsiInterrupt decoded));
        Assert.Equal(isThere, decoded != default);
    }

    [Theory]
    [InlineData(MpicVersion.Mpic20, 0x148)]
    [InlineData(MpicVersion.Mpic20, 0)]
    [InlineData(MpicVersion.Mpic43, 0x144)]
    [InlineData(MpicVersion.Mpic43, 0xFFC)]
    public void Other_offsets_of_the_page_are_no_message_register(MpicVersion version, int offset)
    {
        Assert.False(MsiDecoder.TryDecode(version, new MsiMessage(0x42, 0, offset, 1), out MsiInterrupt decoded));
        Assert.Equal(default, decoded);
    }
}
