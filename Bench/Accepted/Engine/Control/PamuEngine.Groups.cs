using System.Collections.Immutable;

namespace PamuFastPath;

/// <summary>The groups of a snapshot, found or made.</summary>
public sealed unsafe partial class PamuEngine
{
    /// <summary>
    /// Finds the group of each definition, or makes it: one that is there is taken if it is the same and in no container.
    /// The caller holds the turn, so that none of them is attached or removed meanwhile.
    /// </summary>
    /// <param name="definitions">The groups; numbers and LIODNs are valid, and there once.</param>
    /// <param name="hand">Receives them. Unless they are kept, those that were made go with it, also when this is refused halfway.</param>
    /// <returns>EBUSY: a number or a LIODN is taken.</returns>
    internal Refusal FindOrMake(ImmutableArray<GroupDefinition> definitions, GroupsInHand hand)
    {
        lock (_names)
        {
            foreach (GroupDefinition definition in definitions)
            {
                if (FindOrMake(definition, hand) is { IsRefused: true } refusal)
                {
                    return refusal;
                }
            }
        }

        return Refusal.None;
    }

    /// <summary>Takes groups out that nobody got to use.</summary>
    internal void Unmake(List<PamuGroup> made)
    {
        lock (_names)
        {
            made.ForEach(Forget);
        }
    }

    private Refusal FindOrMake(in GroupDefinition definition, GroupsInHand hand)
    {
        if (_groups.TryGetValue(definition.Id, out PamuGroup? group))
        {
            bool isSame = group.Liodns.SequenceEqual(definition.Liodns) && group.MsiBanks.SequenceEqual(definition.MsiBanks);
            hand.All.Add(group);
            return isSame && group.Container == null
                ? Refusal.None
                : Refusal.Busy($"group {definition.Id}", isSame ? "the engine's group is in no container" : "the engine's group has the same LIODNs and MSI banks");
        }

        foreach (int liodn in definition.Liodns)
        {
            if (_heldLiodns.Contains(liodn))
            {
                return Refusal.Busy($"group {definition.Id}", $"LIODN 0x{liodn:x} is held by no other group");
            }
        }

        group = new PamuGroup(this, definition.Id, definition.Liodns, definition.MsiBanks);
        hand.Made.Add(group);
        hand.All.Add(group);
        _groups.Add(group.Id, group);
        _heldLiodns.UnionWith(group.Liodns);
        return Refusal.None;
    }

    /// <summary>The group's number and LIODNs are free again.</summary>
    private void Forget(PamuGroup group)
    {
        group.IsRemoved = true;
        _groups.Remove(group.Id);
        _heldLiodns.ExceptWith(group.Liodns);
    }
}

/// <summary>Groups that are about to be attached: unless they are kept, those that were made for it are taken out again.</summary>
internal readonly ref struct GroupsInHand(PamuEngine engine)
{
    internal List<PamuGroup> All { get; } = [];

    internal List<PamuGroup> Made { get; } = [];

    internal void Keep() => Made.Clear();

    public void Dispose() => engine.Unmake(Made);
}
