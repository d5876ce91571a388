using System.Runtime.InteropServices;

namespace PamuFastPath.Tests.Properties;

/// <summary>Argument structs of the byte door, at the offsets of the ABI page.</summary>
internal static class Structs
{
    /// <summary>Writes the struct of a call.</summary>
    /// <returns>The request number.</returns>
    internal static uint Write(Op op, Arguments a, Span<byte> bytes)
    {
        bytes.Clear();
        Put(bytes, 0, (uint)bytes.Length);
        Put(bytes, 4, a.Flags);
        switch (op)
        {
            case Op.SetIommu:
                Put(bytes, 0, a.First);
                return PamuRequests.SetIommu;
            case Op.SetGeometry:
                Put(bytes, 16, a.First);
                Put(bytes, 24, a.Second);
                return PamuRequests.PamuSetAttr;
            case Op.SetWindows:
                Put(bytes, 8, (uint)PamuAttr.Windows);
                Put(bytes, 16, (uint)a.First);
                return PamuRequests.PamuSetAttr;
            case Op.SetStash:
                Put(bytes, 8, (uint)PamuAttr.Stash);
                Put(bytes, 16, (uint)a.First);
                Put(bytes, 20, (uint)a.Second);
                return PamuRequests.PamuSetAttr;
            case Op.MapDma:
                Put(bytes, 8, a.Third);
                Put(bytes, 16, a.First);
                Put(bytes, 24, a.Second);
                return PamuRequests.IommuMapDma;
            case Op.UnmapDma:
                Put(bytes, 4, 0u);
                Put(bytes, 8, a.First);
                Put(bytes, 16, a.Second);
                return PamuRequests.IommuUnmapDma;
            case Op.MapMsiBank:
                Put(bytes, 8, (uint)a.First);
                Put(bytes, 16, a.Second);
                return PamuRequests.PamuMapMsiBank;
            case Op.UnmapMsiBank:
                Put(bytes, 8, a.Second);
                return PamuRequests.PamuUnmapMsiBank;
            case Op.Attach:
                Put(bytes, 0, (uint)a.First);
                return PamuRequests.GroupSetContainer;
            default:
                return PamuRequests.GroupUnsetContainer;
        }
    }

    internal static void Put<T>(Span<byte> bytes, int offset, T value)
        where T : unmanaged => MemoryMarshal.Write(bytes[offset..], value);
}
