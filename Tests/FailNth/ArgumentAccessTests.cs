using PamuFastPath.Tests.Control;
using PamuFastPath.Tests.Mirror;
using static PamuFastPath.Tests.Control.Machine;

namespace PamuFastPath.Tests.FailNth;

/// <summary>
/// Every access to argument memory fails once, as if the caller had unmapped it between two of them: EFAULT and nothing has changed; only what is written
/// back when the rights are gone already makes no difference.
/// </summary>
public sealed class ArgumentAccessTests
{
    private const ulong Address = 0x7FFF_0000_1000;

    private static readonly Dictionary<string, Request> Requests = new()
    {
        ["GET_INFO"] = new(PamuRequests.IommuGetInfo, Bytes(16u, 0u, 0ul), Accesses: 3),
        ["MAP_DMA"] = new(PamuRequests.IommuMapDma, Bytes(32u, 3u, 0x80_0000ul, At(3), Window), Accesses: 2),
        ["UNMAP_DMA"] = new(PamuRequests.IommuUnmapDma, Bytes(24u, 0u, At(0), Window), Accesses: 3, IgnoredLast: true),
        ["GET_ATTR GEOMETRY"] = new(PamuRequests.PamuGetAttr, Bytes(32u, 0u, 0u, 0u, 1ul, 2ul), Accesses: 3),
        ["GET_ATTR WINDOWS"] = new(PamuRequests.PamuGetAttr, Bytes(32u, 0u, 1u, 0u, 1ul, 2ul), Accesses: 3),
        ["GET_ATTR PAMU_STASH"] = new(PamuRequests.PamuGetAttr, Bytes(32u, 0u, 2u, 0u, 1ul, 2ul), Accesses: 3),
        ["SET_ATTR GEOMETRY"] = new(PamuRequests.PamuSetAttr, Bytes(32u, 0u, 0u, 0u, 0ul, 0xF_FFFFul), Accesses: 2, IsUnmapped: true),
        ["SET_ATTR WINDOWS"] = new(PamuRequests.PamuSetAttr, Bytes(32u, 0u, 1u, 0u, 4u, 0u, 0ul), Accesses: 2, IsUnmapped: true),
        ["SET_ATTR PAMU_STASH"] = new(PamuRequests.PamuSetAttr, Bytes(32u, 0u, 2u, 0u, 1u, 3u, 0ul), Accesses: 2),
        ["MAP_MSI_BANK"] = new(PamuRequests.PamuMapMsiBank, Bytes(24u, 2u, 1u, 0u, At(5)), Accesses: 2),
        ["UNMAP_MSI_BANK"] = new(PamuRequests.PamuUnmapMsiBank, Bytes(16u, 0u, At(4)), Accesses: 2),
        ["GROUP_GET_STATUS"] = new(PamuRequests.GroupGetStatus, Bytes(8u, 0u), Accesses: 3, IsOfGroup: true),
        ["GROUP_SET_CONTAINER"] = new(PamuRequests.GroupSetContainer, Bytes(0u), Accesses: 1, IsOfGroup: true),
    };

    public static TheoryData<string> Names => [.. Requests.Keys];

    private sealed record Request(uint Number, byte[] Argument, int Accesses, bool IgnoredLast = false, bool IsOfGroup = false, bool IsUnmapped = false);

    [Theory]
    [MemberData(nameof(Names))]
    public void An_access_that_fails_is_EFAULT_and_changes_nothing(string name)
    {
        Request request = Requests[name];
        int accesses = 0;
        for (bool hasFailed = true; hasFailed; accesses++)
        {
            using var machine = new Machine();
            PamuContainer container = machine.Ready();
            if (!request.IsUnmapped) // the shape is fixed while memory is mapped
            {
                container.MapDma(0x40_0000, At(0), Window, DmaPermissions.ReadWrite);
            }

            container.MapMsiBank(0, At(4));
            PamuGroup group = machine.Engine.CreateGroup(1, [0x42], [0]);
            string before = SoftwareState.Describe(machine.Reader, [container], [group]);
            var memory = new FailingArgument([.. request.Argument], failAt: accesses + 1);

            long result = request.IsOfGroup
                ? group.Ioctl(request.Number, Address, memory)
                : container.Ioctl(request.Number, Address, memory);

            hasFailed = memory.HasFailed;
            bool isIgnored = request.IgnoredLast && accesses == request.Accesses;
            Assert.Equal(hasFailed && !isIgnored ? -(long)Errno.EFAULT : 0, result);
            if (result < 0)
            {
                Assert.Equal(before, SoftwareState.Describe(machine.Reader, [container], [group]));
            }
        }

        Assert.Equal(request.Accesses + (request.IgnoredLast ? 1 : 0), accesses - 1);
    }

    /// <summary>Memory of which the n-th access fails.</summary>
    private sealed class FailingArgument(byte[] bytes, int failAt) : IArgumentMemory
    {
        private int _accesses;

        internal bool HasFailed { get; private set; }

        public bool TryRead(ulong address, scoped Span<byte> destination)
        {
            return !Fails() && bytes.AsSpan((int)(address - Address), destination.Length).TryCopyTo(destination);
        }

        public bool TryWrite(ulong address, scoped ReadOnlySpan<byte> source)
        {
            return !Fails() && source.TryCopyTo(bytes.AsSpan((int)(address - Address)));
        }

        private bool Fails()
        {
            bool fails = ++_accesses == failAt;
            HasFailed |= fails;
            return fails;
        }
    }
}
