using System.Buffers.Binary;
using System.Numerics;
using PamuFastPath.Tests.Control;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Table;

public sealed class TableViewTests
{
    private const int TargetBaseOffset = 0x38;

    [Fact]
    public void A_dumped_image_says_what_the_container_maps()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0x40_0000, At(1), Window, DmaPermissions.ReadWrite);
        container.MapDma(0x90_0000, At(2), 0x2000, DmaPermissions.Read);
        container.MapMsiBank(2, At(3));
        machine.Engine.CreateGroup(1, [0x42], [2]).Attach(container);

        var table = new TableView(Dump(machine, container));

        Assert.Equal((Start, Start + Count * Window - 1), (table.ApertureBase, table.ApertureLast));
        Assert.Equal((16, (int)Count, 3), (table.WindowShift, table.WindowCount, table.LiveWindows));
        Assert.Equal((container.Generation, FaultKind.None), (table.Generation, table.Refusal));
        ulong bank = machine.Engine.Platform.MsiBanks[2].Page;
        Assert.Equal([0, 0x40_0000 - At(1), 0x90_0000 - At(2), bank - At(3) + 3, 0, 0, 0, 0], table.Delta.ToArray());
        ulong[] starts = [.. Enumerable.Range(0, (int)Count).Select(i => (ulong)i * Window)];
        Assert.Equal([0, starts[1] + Window, starts[2] + 0x2000, .. starts[3..]], table.ReadEnd.ToArray());
        Assert.Equal([0, starts[1] + Window, starts[2], starts[3] + 0x1000, .. starts[4..]], table.WriteEnd.ToArray());
        Assert.True(table.Column((TableColumn)99).IsEmpty);
    }

    /// <summary>Not every processor has a kernel that looks up planes, but every image has them.</summary>
    [Fact]
    public void The_packed_columns_and_their_planes_say_what_the_ends_say()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        DmaPermissions[] permissions = [DmaPermissions.Read, DmaPermissions.Write, DmaPermissions.ReadWrite, DmaPermissions.Read, DmaPermissions.Write];
        for (int i = 0; i < permissions.Length; i++)
        {
            container.MapDma(0x1_2340_0000 + ((ulong)i << 20), At(i), 0x1000UL << i, permissions[i]);
        }

        container.UnmapDma(At(3), Window);
        container.MapMsiBank(1, At(6));

        byte[] image = Dump(machine, container);
        var table = new TableView(image);
        ulong targetBase = BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(TargetBaseOffset));
        uint Word(int offset, int index) => BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(offset + index * sizeof(uint)));
        uint Planes(int offset, int window) => (uint)Enumerable.Range(0, 4).Sum(plane => image[offset + plane * TableLayout.WindowCountMax + window] << (8 * plane));
        for (int i = 0; i < (int)Count; i++)
        {
            ulong start = (ulong)i * Window;
            ulong target = (At(i) + table.Delta[i]) & ~TableLayout.MsiTagMask;
            bool isMessage = (table.Delta[i] & TableLayout.MsiTagMask) != 0;
            uint Entry(ulong end) => end == start
                ? TableLayout.PackedRefused
                : (uint)((target - targetBase) >> 12 << TableLayout.PackedSizeBits) | (uint)BitOperations.Log2((end - start) >> 12);
            Assert.Equal(isMessage, (Word(TableLayout.MsiMapOffset, i / 32) >> (i % 32) & 1) != 0);
            Assert.Equal(Entry(table.ReadEnd[i]), Word(TableLayout.PackedReadOffset, i));
            Assert.Equal(Entry(table.WriteEnd[i]), Word(TableLayout.PackedWriteOffset, i));
            Assert.Equal(Word(TableLayout.PackedReadOffset, i), Planes(TableLayout.PlanesReadOffset, i));
            Assert.Equal(Word(TableLayout.PackedWriteOffset, i), Planes(TableLayout.PlanesWriteOffset, i));
        }
    }

    [Fact]
    public unsafe void An_image_of_256_windows_takes_at_most_16_KiB_and_is_64_byte_aligned()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Fresh();
        container.SetGeometry(0, 0xF_FFFF);
        container.SetWindows(256);
        container.MapDma(0, 0, 0x10_0000, DmaPermissions.ReadWrite);

        using ReaderSection section = machine.Reader.Enter(container);

        Assert.Equal(256, section.Table.LiveWindows);
        Assert.True(section.Table.Image.Length <= 16 * 1024);
        fixed (byte* image = section.Table.Image)
        {
            Assert.Equal(0u, (nuint)image % 64);
        }
    }

    [Fact]
    public void The_table_of_an_unknown_LIODN_refuses_everything()
    {
        using var machine = new Machine();
        using ReaderSection section = machine.Reader.Enter(0x42u);

        Assert.Equal((FaultKind.UnknownLiodn, 0, 0ul), (section.Table.Refusal, section.Table.WindowCount, section.Table.Generation));
    }

    [Fact]
    public void An_image_of_the_other_byte_order_is_refused_and_named()
    {
        byte[] image = Image();
        BinaryPrimitives.WriteUInt32LittleEndian(image, BinaryPrimitives.ReverseEndianness(BinaryPrimitives.ReadUInt32LittleEndian(image)));

        Assert.Contains("byte order", Refusal(image), StringComparison.Ordinal);
    }

    [Fact]
    public void Another_magic_or_layout_version_is_refused_and_named()
    {
        byte[] image = Image();
        image[4]++;
        Assert.Contains("layout version 2", Refusal(image), StringComparison.Ordinal);
        image[0]++;
        Assert.Contains("magic", Refusal(image), StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_are_too_short_are_refused()
    {
        byte[] image = Image();

        foreach (int length in new[] { 0, 1, TableLayout.HeaderBytes - 1, TableLayout.HeaderBytes, image.Length - 1 })
        {
            Assert.Contains("bytes", Refusal(image[..length]), StringComparison.Ordinal);
        }
    }

    /// <summary>Each of these made a member answer from outside the image, or throw something that is documented nowhere.</summary>
    [Theory]
    [InlineData("window count", 0x24, 257u)]
    [InlineData("window count", 0x24, 0u)]
    [InlineData("window count", 0x24, 4u)]
    [InlineData("window shift", 0x20, 64u)]
    [InlineData("window shift", 0x20, 15u)]
    [InlineData("window shift", 0x20, 0x50u)] // 16 to a shift instruction, which takes six bits
    [InlineData("aperture last", 0x18, 0x1F_FFFEu)]
    [InlineData("refusal", 0x2C, 7u)]
    [InlineData("live windows", 0x34, 9u)]
    [InlineData("directory offset", 0x30, 0xFFFF_FF40u)]
    [InlineData("directory offset", 0x30, 0x48u)]
    [InlineData("column count", 0x06, 13u)]
    [InlineData("offset of a column", 0x44, 0xFFFF_FFC0u)]
    [InlineData("offset of a column", 0x44, 0x104u)]
    [InlineData("offset of a column", 0x44, 0x2900u)]
    [InlineData("entry count of a column", 0x4A, 7u)]
    [InlineData("entry count of a column", 0x4A, 0xFFFFu)]
    public void A_damaged_header_or_directory_is_refused(string what, int offset, uint value)
    {
        byte[] image = Image();
        int bytes = offset is 0x06 or 0x2C or 0x34 or 0x4A ? sizeof(ushort) : sizeof(uint);
        BitConverter.GetBytes(value).AsSpan(0, bytes).CopyTo(image.AsSpan(offset));

        Assert.True(Refusal(image).Contains("damaged", StringComparison.Ordinal), what);
    }

    [Fact]
    public void A_longer_buffer_is_fine_and_the_view_is_the_image_alone()
    {
        byte[] image = Image();

        Assert.Equal(image, new TableView([.. image, 1, 2, 3]).Image.ToArray());
    }

    private static byte[] Image()
    {
        using var machine = new Machine();
        return Dump(machine, machine.Ready());
    }

    private static byte[] Dump(Machine machine, PamuContainer container)
    {
        using ReaderSection section = machine.Reader.Enter(container);
        return section.Table.Image.ToArray();
    }

    private static string Refusal(byte[] image) => Assert.Throws<ArgumentException>(() => new TableView(image).Generation).Message;
}
