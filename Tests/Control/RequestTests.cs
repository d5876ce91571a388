using System.Runtime.InteropServices;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.Control;

/// <summary>The request list of the ABI page.</summary>
public sealed class RequestTests
{
    [Theory]
    [InlineData(0x3B64, PamuRequests.GetApiVersion)]
    [InlineData(0x3B65, PamuRequests.CheckExtension)]
    [InlineData(0x3B66, PamuRequests.SetIommu)]
    [InlineData(0x3B67, PamuRequests.GroupGetStatus)]
    [InlineData(0x3B68, PamuRequests.GroupSetContainer)]
    [InlineData(0x3B69, PamuRequests.GroupUnsetContainer)]
    [InlineData(0x3B70, PamuRequests.IommuGetInfo)]
    [InlineData(0x3B71, PamuRequests.IommuMapDma)]
    [InlineData(0x3B72, PamuRequests.IommuUnmapDma)]
    [InlineData(0x3B73, PamuRequests.PamuGetAttr)]
    [InlineData(0x3B74, PamuRequests.PamuSetAttr)]
    [InlineData(0x3B75, PamuRequests.PamuGetMsiBankCount)]
    [InlineData(0x3B76, PamuRequests.PamuMapMsiBank)]
    [InlineData(0x3B77, PamuRequests.PamuUnmapMsiBank)]
    public void Request_numbers_are_those_of_the_ABI_and_each_has_a_powerpc_form(uint number, uint request)
    {
        Assert.Equal(number, request);
        Assert.Equal(request, PamuRequests.Plain(0x2000_0000 + number));
        Assert.DoesNotContain("0x", PamuRequests.NameOf(number), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(0x2000_0000u)]
    public void Both_forms_of_a_request_number_do_the_same(uint form)
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();

        Assert.Equal(0, container.Ioctl(form + PamuRequests.GetApiVersion));
        Assert.Equal(1, container.Ioctl(form + PamuRequests.CheckExtension, 7));
        Assert.Equal(3, container.Ioctl(form + PamuRequests.PamuGetMsiBankCount));
        Assert.Equal(0, container.Ioctl(form + PamuRequests.IommuMapDma, Bytes(32u, 3u, 0ul, At(1), Window)));
        Assert.Equal(0, container.Ioctl(form + PamuRequests.IommuUnmapDma, Bytes(24u, 0u, At(1), Window)));
    }

    [Theory]
    [InlineData(0x3B63u)]
    [InlineData(0x3B67u)]
    [InlineData(0x3B6Au)]
    [InlineData(0x3B6Fu)]
    [InlineData(0x3B78u)]
    [InlineData(0x4000_3B71u)]
    [InlineData(0x2001_3B71u)]
    [InlineData(0u)]
    [InlineData(uint.MaxValue)]
    public void An_unknown_request_is_ENOTTY(uint request)
    {
        using var machine = new Machine();

        Assert.Equal(-(long)Errno.ENOTTY, machine.Ready().Ioctl(request, new byte[64]));
    }

    [Theory]
    [InlineData(PamuRequests.IommuGetInfo)]
    [InlineData(PamuRequests.IommuMapDma)]
    [InlineData(PamuRequests.IommuUnmapDma)]
    [InlineData(PamuRequests.PamuGetAttr)]
    [InlineData(PamuRequests.PamuSetAttr)]
    [InlineData(PamuRequests.PamuGetMsiBankCount)]
    [InlineData(PamuRequests.PamuMapMsiBank)]
    [InlineData(PamuRequests.PamuUnmapMsiBank)]
    public void Before_SET_IOMMU_an_IOMMU_call_is_ENOTTY(uint request)
    {
        using var machine = new Machine();
        PamuContainer container = machine.Engine.CreateContainer();
        byte[] argument = [.. Bytes(64u), .. new byte[60]];

        Assert.Equal(-(long)Errno.ENOTTY, container.Ioctl(request, argument));
        Assert.Equal(0, container.Ioctl(PamuRequests.GetApiVersion));
        Assert.Equal(0, container.Ioctl(PamuRequests.SetIommu, 7));
        Assert.NotEqual(-(long)Errno.ENOTTY, container.Ioctl(request, argument));
    }

    [Fact]
    public void SET_IOMMU_takes_the_platforms_type_once_and_needs_no_group()
    {
        using var machine = new Machine(new PamuPlatform { PamuExtension = 2 });
        PamuContainer container = machine.Engine.CreateContainer();

        Assert.Equal(-(long)Errno.ENODEV, container.Ioctl(PamuRequests.SetIommu, 7));
        Assert.Equal(-(long)Errno.ENODEV, container.Ioctl(PamuRequests.SetIommu, 1));
        Assert.Equal(-(long)Errno.ENODEV, container.Ioctl(PamuRequests.SetIommu, (1UL << 32) + 2));
        Assert.False(container.IsIommuSet);
        Assert.Equal(0, container.Ioctl(PamuRequests.SetIommu, 2));
        Assert.Equal(-(long)Errno.EINVAL, container.Ioctl(PamuRequests.SetIommu, 2));
    }

    [Theory]
    [InlineData(7u, 7ul, 1)]
    [InlineData(7u, 2ul, 0)]
    [InlineData(7u, 1ul, 0)]
    [InlineData(7u, 3ul, 0)]
    [InlineData(2u, 2ul, 1)]
    [InlineData(2u, 7ul, 0)]
    [InlineData(7u, 0x1_0000_0007ul, 0)]
    public void CHECK_EXTENSION_knows_the_platforms_number_only(uint extension, ulong asked, long answer)
    {
        using var machine = new Machine(new PamuPlatform { PamuExtension = extension });
        PamuContainer container = machine.Engine.CreateContainer();

        Assert.Equal(answer, container.Ioctl(PamuRequests.CheckExtension, asked));
        Assert.Equal(answer, container.Ioctl(PamuRequests.CheckExtension, BitConverter.GetBytes(asked)));
    }

    [Fact]
    public void A_value_in_a_span_is_4_or_8_bytes()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Engine.CreateContainer();

        Assert.Equal(1, container.Ioctl(PamuRequests.CheckExtension, BitConverter.GetBytes(7u)));
        Assert.Equal(-(long)Errno.EFAULT, container.Ioctl(PamuRequests.CheckExtension, [7, 0, 0]));
        Assert.Equal(-(long)Errno.EFAULT, container.Ioctl(PamuRequests.SetIommu, []));
    }

    [Theory]
    [InlineData(0x1000, 0xFFFF_FFFF_FFFF_F000)]
    [InlineData(0x1_0000, 0xFFFF_FFFF_FFFF_0000)]
    public void GET_INFO_names_every_page_size_from_the_platforms_page_up(int pageSize, ulong sizes)
    {
        using var machine = new Machine(new PamuPlatform { PageSize = pageSize });
        byte[] info = Bytes(16u, 0xFFFFu, 0ul);

        Assert.Equal(0, machine.Fresh().Ioctl(PamuRequests.IommuGetInfo, info));

        Assert.Equal(Bytes(16u, 1u, sizes), info);
    }

    [Fact]
    public void GET_ATTR_answers_all_three_attributes_and_leaves_the_other_bytes_alone()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.SetStash(4, 3);

        Assert.Equal(Bytes(32u, 0u, 0u, 9u, Start, Start + Count * Window - 1), Get(container, Bytes(32u, 0u, 0u, 9u, 8ul, 7ul)));
        Assert.Equal(Bytes(32u, 0u, 1u, 9u, Count, 6u, 7ul), Get(container, Bytes(32u, 0u, 1u, 9u, 5u, 6u, 7ul)));
        Assert.Equal(Bytes(32u, 0u, 2u, 9u, 4u, 3u, 7ul), Get(container, Bytes(32u, 0u, 2u, 9u, 5u, 6u, 7ul)));
    }

    [Fact]
    public void Before_anything_is_set_GET_ATTR_answers_the_whole_of_physical_memory_in_the_most_windows()
    {
        using var machine = new Machine(new PamuPlatform { MaxWindows = 16 });
        PamuContainer container = machine.Fresh();

        Assert.Equal(Bytes(32u, 0u, 0u, 0u, 0ul, 0xF_FFFF_FFFFul), Get(container, Bytes(32u, 0u, 0u, 0u, 1ul, 1ul)));
        Assert.Equal(Bytes(32u, 0u, 1u, 0u, 16u, 0u, 0ul), Get(container, Bytes(32u, 0u, 1u, 0u, 1u, 0u, 0ul)));
        Assert.Equal(Bytes(32u, 0u, 2u, 0u, 0u, 0u, 0ul), Get(container, Bytes(32u, 0u, 2u, 0u, 1u, 1u, 0ul)));
    }

    [Fact]
    public void The_bank_count_is_the_platforms_whatever_groups_there_are()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        PamuGroup group = machine.Engine.CreateGroup(1, [0x42], [1]);

        Assert.Equal(3, container.Ioctl(PamuRequests.PamuGetMsiBankCount));
        group.Attach(container);
        Assert.Equal(3, container.Ioctl(PamuRequests.PamuGetMsiBankCount));
        group.Detach();
        Assert.Equal(3, container.Ioctl(PamuRequests.PamuGetMsiBankCount));
    }

    [Fact]
    public void UNMAP_DMA_writes_back_what_was_unmapped()
    {
        using var machine = new Machine();
        PamuContainer container = machine.Ready();
        container.MapDma(0, At(1), 2 * Window, DmaPermissions.Read);
        container.MapDma(0, At(5), 0x2000, DmaPermissions.Read);

        Assert.Equal(0, UnmapDma(container, Start, Count * Window, out ulong unmapped));
        Assert.Equal(2 * Window + 0x2000, unmapped);
        Assert.Equal(0, UnmapDma(container, Start, Count * Window, out unmapped));
        Assert.Equal(0ul, unmapped);
    }

    private static byte[] Get(PamuContainer container, byte[] attr)
    {
        Assert.Equal(32u, MemoryMarshal.Read<uint>(attr));
        Assert.Equal(0, container.Ioctl(PamuRequests.PamuGetAttr, attr));
        return attr;
    }
}
