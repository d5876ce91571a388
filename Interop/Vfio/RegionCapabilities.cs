using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace PamuFastPath.Interop;

/// <summary>Reads the capability chain behind a region's description. Trusts no offset, count or size in it.</summary>
internal static class RegionCapabilities
{
    /// <summary>The areas of a region that can be mapped: those its sparse-mmap capability lists, or all of it if there is none.</summary>
    /// <param name="answer">The kernel's whole answer: struct vfio_region_info and what follows it.</param>
    /// <exception cref="PamuException">EPROTO: the chain leaves the answer or has a loop, or an area leaves the region.</exception>
    internal static ImmutableArray<VfioArea> MappableAreas(ReadOnlySpan<byte> answer)
    {
        var info = MemoryMarshal.Read<VfioDeviceAbi.RegionInfo>(answer);
        if ((info.Flags & VfioDeviceAbi.RegionMap) == 0 || info.Size == 0)
        {
            return [];
        }

        uint offset = (info.Flags & VfioDeviceAbi.RegionHasCapabilities) == 0 ? 0 : info.CapabilityOffset;

        // A chain with a loop has more links than the answer has room for headers.
        int links = answer.Length / Unsafe.SizeOf<VfioDeviceAbi.CapabilityHeader>();
        for (; offset != 0; links--)
        {
            var header = At<VfioDeviceAbi.CapabilityHeader>(answer, offset);
            if (links == 0)
            {
                throw Malformed("the capability chain has a loop");
            }

            if (header.Id == VfioDeviceAbi.SparseMapCapability.Id)
            {
                return Areas(answer, offset, info.Size);
            }

            offset = header.Next;
        }

        return [new VfioArea(0, info.Size)];
    }

    private static ImmutableArray<VfioArea> Areas(ReadOnlySpan<byte> answer, uint offset, ulong regionSize)
    {
        uint count = At<VfioDeviceAbi.SparseMapCapability>(answer, offset).Areas;
        ReadOnlySpan<byte> listed = answer[((int)offset + Unsafe.SizeOf<VfioDeviceAbi.SparseMapCapability>())..];
        if (count > listed.Length / Unsafe.SizeOf<VfioArea>())
        {
            throw Malformed($"{count} mappable areas do not fit the answer");
        }

        ImmutableArray<VfioArea>.Builder areas = ImmutableArray.CreateBuilder<VfioArea>();
        foreach (VfioArea area in MemoryMarshal.Cast<byte, VfioArea>(listed)[..(int)count])
        {
            if (area.Offset > regionSize || area.Size > regionSize - area.Offset)
            {
                throw Malformed($"the area of 0x{area.Size:x} bytes at 0x{area.Offset:x} leaves the region of 0x{regionSize:x} bytes");
            }

            if (area.Size != 0)
            {
                areas.Add(area);
            }
        }

        return areas.DrainToImmutable();
    }

    private static T At<T>(ReadOnlySpan<byte> answer, uint offset)
        where T : unmanaged => offset <= (uint)answer.Length && answer.Length - (int)offset >= Unsafe.SizeOf<T>()
            ? MemoryMarshal.Read<T>(answer[(int)offset..])
            : throw Malformed($"a capability at 0x{offset:x} leaves the answer of {answer.Length} bytes");

    private static PamuException Malformed(string rule) => new(Errno.EPROTO, "region info", rule);
}
