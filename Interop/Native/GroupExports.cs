using System.Runtime.InteropServices;

namespace PamuFastPath.Native;

/// <summary>A group by its handle.</summary>
internal sealed record NativeGroup(NativeEngine Engine, PamuGroup Group);

/// <summary>pamu_group_create(), pamu_group_find() and pamu_group_destroy().</summary>
internal static unsafe class GroupExports
{
    /// <summary>There are no more LIODNs than this; a longer list names one twice, and is not read.</summary>
    private const nuint ListMax = 65_536;

    [UnmanagedCallersOnly(EntryPoint = "pamu_group_create")]
    internal static int Create(nint engine, int id, uint* liodns, nuint liodnCount, uint* banks, nuint bankCount, nint* group)
    {
        try
        {
            if (Handles.Find<NativeEngine>(engine) is not NativeEngine owner)
            {
                return Answer.NotOpen("engine");
            }

            if (group == null)
            {
                return Answer.IsNull("group");
            }

            if (liodnCount > ListMax || bankCount > ListMax)
            {
                return Answer.Refuse(Errno.EINVAL, liodnCount > ListMax ? "liodn_count" : "bank_count", $"at most {ListMax}");
            }

            IEnumerable<int> ownLiodns = NativeArray.Copy(liodns, liodnCount, "liodns").Select(liodn => (int)Math.Min(liodn, int.MaxValue));
            IEnumerable<int> ownBanks = NativeArray.Copy(banks, bankCount, "banks").Select(bank => (int)Math.Min(bank, int.MaxValue));
            *group = owner.HandleOf(owner.Engine.CreateGroup(id, ownLiodns, ownBanks));
            return 0;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_group_find")]
    internal static int Find(nint engine, int id, nint* group)
    {
        try
        {
            if (Handles.Find<NativeEngine>(engine) is not NativeEngine owner)
            {
                return Answer.NotOpen("engine");
            }

            if (group == null)
            {
                return Answer.IsNull("group");
            }

            if (owner.Engine.FindGroup(id) is not PamuGroup found)
            {
                return Answer.Refuse(Errno.ENODEV, "id", "the number of a group");
            }

            *group = owner.HandleOf(found);
            return 0;
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }

    [UnmanagedCallersOnly(EntryPoint = "pamu_group_destroy")]
    internal static int Destroy(nint group)
    {
        try
        {
            if (Handles.Find<NativeGroup>(group) is not NativeGroup found)
            {
                return Answer.NotOpen("group");
            }

            found.Engine.Engine.RemoveGroup(found.Group);
            return found.Engine.Remove(group, found.Group) ? 0 : Answer.NotOpen("group");
        }
        catch (Exception e)
        {
            return Answer.Of(e);
        }
    }
}
