using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace PamuFastPath.Interop;

/// <summary>What a type 1 IOMMU says it takes: VFIO_IOMMU_GET_INFO. Depends on the groups in the container.</summary>
/// <param name="PageSizes">A bit for every page size in bytes; 0 if it does not say.</param>
/// <param name="Ranges">The usable IOVA ranges in the kernel's order, or null if it does not say (before Linux 5.4).</param>
/// <param name="MapsAvailable">How many more maps it takes, or null if it does not say (before Linux 5.10).</param>
internal sealed record Type1Offer(ulong PageSizes, IReadOnlyList<IovaRange>? Ranges, uint? MapsAvailable)
{
    private const int BytesMax = 1 << 20;
    private const int AttemptsMax = 8; // two, unless the answer grows between them

    private static readonly Refusal Malformed = new(
        Errno.EINVAL, "iommu", "the answer of VFIO_IOMMU_GET_INFO is of bounded size, and its capabilities lie inside it, one after the other");

    /// <summary>The smallest page in bytes.</summary>
    internal ulong PageSize => PageSizes & (~PageSizes + 1);

    /// <summary>Asks the kernel, again for as long as it asks for more room.</summary>
    internal static Refusal Read(IVfioKernel kernel, out Type1Offer? offer)
    {
        int bytes = VfioType1Info.Bytes;
        for (int attempt = 0; attempt < AttemptsMax && bytes <= BytesMax; attempt++)
        {
            byte[] answer = new byte[bytes];
            MemoryMarshal.Write(answer, (uint)bytes);
            long result = kernel.Ioctl(PamuRequests.IommuGetInfo, answer);
            if (result < 0)
            {
                offer = null;
                return VfioMirror.Refused(result, "iommu", "the IOMMU says what it takes (VFIO_IOMMU_GET_INFO)");
            }

            uint needed = MemoryMarshal.Read<uint>(answer);
            if (needed <= bytes)
            {
                offer = Parse(answer);
                return offer != null ? Refusal.None : Malformed;
            }

            bytes = (int)Math.Min(needed, BytesMax + 1);
        }

        offer = null;
        return Malformed;
    }

    /// <summary>Reads an answer.</summary>
    /// <returns>Null if a capability is not where the one before says, or not whole.</returns>
    internal static Type1Offer? Parse(ReadOnlySpan<byte> answer)
    {
        if (!TryRead(answer, 0, out VfioType1Info info))
        {
            return null;
        }

        answer = answer[..(int)Math.Min((uint)answer.Length, info.Argsz)];
        var offer = new Type1Offer((info.Flags & VfioType1Info.PageSizesValid) != 0 ? info.PageSizes : 0, null, null);
        uint end = VfioType1Info.Bytes;
        uint next = (info.Flags & VfioType1Info.HasCapabilities) != 0 ? info.CapabilityOffset : 0;
        while (next != 0)
        {
            // The kernel lays capabilities out one after the other. One that points back would be a circle.
            if (next < end || !TryRead(answer, next, out VfioCapability capability))
            {
                return null;
            }

            switch (capability.Id)
            {
                case VfioCapability.IovaRanges when ReadRanges(answer, next) is { } ranges:
                    offer = offer with { Ranges = ranges };
                    break;
                case VfioCapability.MapsAvailable when TryRead(answer, next, out VfioMapsAvailable maps):
                    offer = offer with { MapsAvailable = maps.Available };
                    break;
                case VfioCapability.IovaRanges or VfioCapability.MapsAvailable:
                    return null;
            }

            end = next + VfioCapability.Bytes;
            next = capability.Next;
        }

        return offer;
    }

    private static List<IovaRange>? ReadRanges(ReadOnlySpan<byte> answer, uint offset)
    {
        if (!TryRead(answer, offset, out VfioIovaRanges header))
        {
            return null;
        }

        ReadOnlySpan<byte> bytes = answer[((int)offset + VfioIovaRanges.Bytes)..];
        if (header.Count > bytes.Length / Unsafe.SizeOf<IovaRange>())
        {
            return null;
        }

        var ranges = new List<IovaRange>();
        foreach (IovaRange range in MemoryMarshal.Cast<byte, IovaRange>(bytes)[..(int)header.Count])
        {
            if (range.Start > range.Last)
            {
                return null;
            }

            ranges.Add(range);
        }

        return ranges;
    }

    private static bool TryRead<T>(ReadOnlySpan<byte> answer, uint offset, out T value)
        where T : unmanaged
    {
        bool isInside = offset <= answer.Length && answer.Length - offset >= Unsafe.SizeOf<T>();
        value = isInside ? MemoryMarshal.Read<T>(answer[(int)offset..]) : default;
        return isInside;
    }
}
